// Which images are shown, and in what order. No document here: images and wishes in, a list out.

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

const SHOWS = [
  { value: "all", text: "All images", keep: () => true },
  { value: "done", text: "Done", keep: (image) => image.status === "done" },
  { value: "failed", text: "Failed", keep: (image) => image.status !== "done" },
  { value: "warned", text: "With warnings", keep: (image) => image.warnings.length > 0 },
  { value: "right", text: "Predicted right", keep: (image) => image.rank === 1 },
  { value: "wrong", text: "Predicted wrong", keep: (image) => image.rank !== null && image.rank !== 1 },
];

function chosen(images, { text, predicted, show, sort, descending }) {
  const wanted = text.trim().toLowerCase();
  const keep = SHOWS.find(({ value }) => value === show).keep;
  const kept = images.filter((image) =>
    image.name.toLowerCase().includes(wanted)
    && (predicted === "" || String(image.predictions[0]?.class_index) === predicted)
    && keep(image));
  return kept.sort(sort === "name" ? byName(descending) : byFigure(sort, descending));
}

function byName(descending) {
  return (a, b) => (descending ? -1 : 1) * (collator.compare(a.name, b.name) || (a.id < b.id ? -1 : 1));
}

// Images without the figure come last, whichever way the others are sorted.
function byFigure(name, descending) {
  const byNameAgain = byName(false);
  return (a, b) => {
    const [x, y] = [figure(a, name), figure(b, name)];
    if (x === null || y === null) return (x === null) - (y === null) || byNameAgain(a, b);
    const order = typeof x === "number" && typeof y === "number" ? x - y : collator.compare(String(x), String(y));
    return (descending ? -order : order) || byNameAgain(a, b);
  };
}

// "confidence" is the first prediction's probability; everything else is one of the image's numbers.
function figure(image, name) {
  const value = name === "confidence" ? image.predictions[0]?.probability : image.numbers[name.slice("number ".length)];
  return value === undefined || value === "nan" ? null : value;
}

// Names of all figures, score and drop first, the others as they come.
function figureNames(images) {
  const names = new Set(images.flatMap((image) => Object.keys(image.numbers)));
  return [...new Set([...["score", "drop"].filter((name) => names.has(name)), ...names])];
}

// Every predicted class with its count, by label; the index is added where two classes share a label.
function classChoices(images) {
  const classes = new Map();
  for (const [first] of images.map((image) => image.predictions).filter((p) => p.length)) {
    const seen = classes.get(first.class_index) ?? { value: first.class_index, label: first.label, count: 0 };
    seen.count += 1;
    classes.set(first.class_index, seen);
  }
  const sorted = [...classes.values()].sort((a, b) => collator.compare(a.label, b.label) || a.value - b.value);
  const shared = (label) => sorted.filter((other) => other.label === label).length > 1;
  return sorted.map(({ value, label, count }) =>
    ({ value, text: `${label}${shared(label) ? ` [${value}]` : ""} (${count})` }));
}
