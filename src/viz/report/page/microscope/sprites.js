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

// A canvas with some of a unit's patches, `across` in a row, each `cell` pixels a side.
function patchCanvas(layer, row, { first = 0, count, across, cell, label }) {
  const shown = Math.max(1, Math.min(count, layer.columns - first));
  const size = { width: across * cell, height: Math.ceil(shown / across) * cell };
  const canvas = element("canvas", { ...size, class: "patches", role: "img", "aria-label": label });
  if (!layer.sprites || count < 1) return canvas;
  canvas.redraw = () => redraw(canvas, layer, row, { first, shown, across, cell });
  canvas.redraw();
  return canvas;
}

function redraw(canvas, layer, row, { first, shown, across, cell }) {
  const number = String(Math.floor(row / ROWS) + 1).padStart(4, "0");
  const context = canvas.getContext("2d");
  const lay = (address, then) => withPicture(address, canvas, (image) => {
    const side = image.naturalWidth / layer.columns;
    for (let i = 0; i < shown; i += 1) {
      const to = [(i % across) * cell, Math.floor(i / across) * cell, cell, cell];
      context.drawImage(image, (first + i) * side, (row % ROWS) * side, side, side, ...to);
    }
    then?.();
  });
  const heat = () => overlayOn() && layer.heat && lay(`${layer.sprites}${number}.png`);
  context.imageSmoothingQuality = "high";
  lay(`${layer.sprites}${number}.jpg`, heat);
}

const overlayOn = () => byId("overlay").getAttribute("aria-pressed") === "true";

function switchOverlay() {
  byId("overlay").setAttribute("aria-pressed", String(!overlayOn()));
  for (const canvas of document.querySelectorAll("canvas.patches")) canvas.redraw?.();
}

// How many pixels a patch is drawn with where it is small on the screen.
const smallCell = () => 64 * Math.min(2, Math.ceil(window.devicePixelRatio));
