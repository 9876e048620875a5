// Values as people read them.

function formatNumber(value, digits = 4) {
  if (value === null || value === undefined) return "\u2013";
  if (typeof value !== "number") return typeof value === "object" ? JSON.stringify(value) : String(value);
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return String(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(2);
  return size >= 1000 ? value.toFixed(1) : value.toPrecision(digits);
}

function formatShare(share) {
  if (typeof share !== "number") return formatNumber(share);
  return share > 0 && share < 0.001 ? "<0.1%" : `${(share * 100).toFixed(1)}%`;
}

function spaced(name) {
  return name.replaceAll("_", " ");
}

function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

// What is said of the true class: null where none is known, or the model made no predictions.
function verdict(image) {
  if (image.rank === null) return null;
  if (image.rank === 1) return { right: true, short: "right", text: "right" };
  const place = image.rank === 0 ? `not in the top ${image.predictions.length}` : `at place ${image.rank}`;
  return { right: false, short: "wrong", text: `wrong, the true class is ${place}` };
}
