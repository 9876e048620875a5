// All layers, in the order in which they are computed: what they are, and what some of their units respond to.

function layerCard(layer, place, total, tabindex) {
  const link = element("a", { class: "card layer", href: layerAddress(layer.name), tabindex, "data-place": place },
    layerStrip(layer),
    element("div", { class: "caption" },
      element("span", { class: "name", title: layer.name }, layer.name),
      element("span", { class: "line quiet" }, layerWords(layer)),
      element("span", { class: "line" }, unitCount(layer))));
  return element("li", { class: "item", "aria-posinset": place + 1, "aria-setsize": total }, link);
}

// The best patch of a few units.
function layerStrip(layer) {
  const canvases = layer.strip.map((row) => patchCanvas(layer, row, { count: 1, across: 1, label: "" }));
  return element("div", { class: "strip", "aria-hidden": "true" }, ...canvases);
}

function layerWords(layer) {
  return [layer.op, shapeText(layer.shape), fieldText(layer)].filter(Boolean).join(" \u00b7 ");
}

function unitCount({ units, dead }) {
  return `${counted(units, "unit")}${dead ? `, ${dead.toLocaleString("en")} dead` : ""}`;
}

function shapeText(shape) {
  return shape?.length > 1 ? shape.slice(1).map((n) => n ?? "?").join("\u00d7") : "";
}

// What one position of the layer sees of the model's input.
function fieldText({ field, everywhere }) {
  if (everywhere) return "sees the whole image";
  if (!field) return "";
  const [down, across] = field.size;
  return `sees ${across}\u00d7${down} px`;
}

function layerFacts(layer) {
  const stride = layer.field && !layer.everywhere ? `, every ${formatNumber(layer.field.stride[1])} px` : "";
  const known = [
    ["Operator", layer.op],
    ["Shape", shapeText(layer.shape)],
    ["Positions", layer.positions?.length ? layer.positions.join("\u00d7") : ""],
    ["A position", fieldText(layer) + stride],
    ["Units", unitCount(layer)],
  ].filter(([, value]) => value);
  const facts = element("dl", { class: "facts" },
    ...known.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
  return [facts, ...layer.notes.map((note) => element("p", { class: "quiet" }, note))];
}
