// Patches drawn on canvases from pictures that hold sixteen units each; only what is looked at is loaded.

const ROWS = 16;
const MOST_AT_ONCE = 6;
const MOST_PICTURES = 48; // kept decoded, some megabytes each

const pictures = new Map(); // address -> { image, ready, waiting: [{ canvas, draw }] }
const asked = []; // addresses that are not being loaded yet
let loading = 0;

// Calls draw(image) once the picture is there, if the canvas still is. What was asked for last comes first.
function withPicture(address, canvas, draw) {
  const known = pictures.get(address);
  if (known?.ready) {
    pictures.delete(address);
    pictures.set(address, known);
    draw(known.image);
    return;
  }
  if (known) known.waiting.push({ canvas, draw });
  else pictures.set(address, { ready: false, waiting: [{ canvas, draw }] });
  if (!known?.image) asked.push(address);
  loadSoon();
}

const loadSoon = oncePerFrame(() => {
  while (loading < MOST_AT_ONCE && asked.length) loadPicture(asked.pop());
});

function loadPicture(address) {
  const entry = pictures.get(address);
  if (!entry || entry.image) return;
  if (!entry.waiting.some(({ canvas }) => canvas.isConnected)) {
    pictures.delete(address);
    return;
  }
  loading += 1;
  entry.image = new Image();
  entry.image.src = address;
  entry.image.decode().then(() => arrived(address, entry), () => lost(address, entry)).finally(() => {
    loading -= 1;
    loadSoon();
  });
}

function arrived(address, entry) {
  entry.ready = true;
  for (const { canvas, draw } of entry.waiting.splice(0)) if (canvas.isConnected) draw(entry.image);
  for (const [old, { ready }] of pictures) {
    if (pictures.size <= MOST_PICTURES) break;
    if (ready && old !== address) pictures.delete(old);
  }
}

function lost(address, entry) {
  pictures.delete(address);
  for (const { canvas } of entry.waiting) {
    canvas.classList.add("lost");
    canvas.title = `${address} is not in its place`;
  }
}

// A canvas with `count` of a unit's patches from the `first` on, `across` in a row. It is as large as they are stored.
function patchCanvas(layer, row, { first = 0, count, across, label }) {
  const canvas = element("canvas", { width: across, height: across, class: "patches", role: "img", "aria-label": label });
  const shown = Math.min(count, layer.columns - first);
  const down = Math.max(1, Math.ceil(shown / across));
  canvas.style.aspectRatio = `${across} / ${down}`;
  if (!layer.sprites || shown < 1) return canvas;
  const places = Array.from({ length: shown }, (_, i) => ({ column: first + i, across: i % across, down: Math.floor(i / across) }));
  canvas.redraw = () => redraw(canvas, layer, row, { places, across, down });
  canvas.redraw();
  return canvas;
}

function redraw(canvas, layer, row, { places, across, down }) {
  const number = String(Math.floor(row / ROWS) + 1).padStart(4, "0");
  const draw = (image, place, to) => {
    const from = image.naturalWidth / layer.columns;
    const part = [place.column * from, (row % ROWS) * from, from, from];
    canvas.getContext("2d").drawImage(image, ...part, place.across * to, place.down * to, to, to);
  };
  const turn = (canvas.turn = (canvas.turn ?? 0) + 1); // what was asked for meanwhile wins
  withPicture(`${layer.sprites}${number}.jpg`, canvas, (image) => {
    if (turn !== canvas.turn) return;
    const side = image.naturalWidth / layer.columns;
    [canvas.width, canvas.height] = [across * side, down * side];
    for (const place of places) draw(image, place, side);
    if (!layer.heat || !overlayOn()) return;
    withPicture(`${layer.sprites}${number}.png`, canvas, (heat) => {
      if (turn !== canvas.turn) return;
      for (const place of places) draw(heat, place, side);
    });
  });
}

const overlayOn = () => byId("overlay").getAttribute("aria-pressed") === "true";

function switchOverlay() {
  byId("overlay").setAttribute("aria-pressed", String(!overlayOn()));
  for (const canvas of document.querySelectorAll("canvas.patches")) canvas.redraw?.();
}
