// Data that comes when it is needed: each file beside the page is a script that sets vizData[its address].

globalThis.vizData = {};

const MOST_KEPT = 400; // files; some hundred kilobytes each at most

const kept = new Map();

function load(address) {
  const known = kept.get(address) ?? arriving(address);
  kept.delete(address);
  kept.set(address, known); // the last asked for is the last to go
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
  return known;
}

function arriving(address) {
  return new Promise((done, failed) => {
    const script = element("script", { src: `${address}.js` });
    script.addEventListener("load", () => {
      const value = vizData[address];
      delete vizData[address];
      script.remove();
      done(value);
    });
    script.addEventListener("error", () => {
      kept.delete(address);
      script.remove();
      failed(new Error(`${address}.js is not in its place: copy the whole folder, or run the command again`));
    });
    document.head.append(script);
  });
}

// The figures of all units of a layer, a list for each.
const tableOf = (layer) => load(`${layer.data}units`);

// All there is of one unit, the names of its photos put in.
async function unitAt(layer, row) {
  const { images, units } = await load(`${layer.data}${Math.floor(row / layer.block)}`);
  const unit = units[row % layer.block];
  const patches = unit.patches.map(([image, value, place, box, mark]) =>
    ({ image: images[image], value, place, box, clipped: mark === 1, missing: mark === 2 }));
  return { ...unit, patches };
}
