// One image in the gallery: a link to its detail view. Every card has the same height, so text keeps to one line.

function card(image, { place, total, sort, tabindex }) {
  const link = element("a", { class: "card", href: addressOf(image), tabindex, "data-place": place },
    element("div", { class: "frame" }, picture(image, { small: true })),
    element("div", { class: "caption" },
      element("span", { class: "name", title: image.name }, image.name),
      ...captionLines(image, sort)));
  link.classList.toggle("failed", image.status !== "done");
  return element("li", { class: "item", "aria-posinset": place + 1, "aria-setsize": total }, link);
}

// Two lines: what was predicted, and figures with marks for what to look at.
function captionLines(image, sort) {
  if (image.status !== "done") return [element("span", { class: "line bad" }, "failed"), element("span", { class: "line" })];
  return [
    element("span", { class: "line" }, ...predictionParts(image)),
    element("span", { class: "line" }, element("span", { class: "figures" }, shownFigures(image, sort)), warningMark(image)),
  ];
}

function predictionParts(image) {
  const [first] = image.predictions;
  const found = verdict(image);
  return [
    element("span", { class: "label" }, first ? first.label : image.target.label),
    first ? element("span", { class: "share" }, formatShare(first.probability)) : null,
    found && element("span", { class: `mark ${found.right ? "good" : "bad"}`, title: found.text }, found.short),
  ].filter(Boolean);
}

// Two figures: the one sorted by, if any, then score and drop.
function shownFigures(image, sort) {
  const names = [sort.startsWith("number ") ? sort.slice("number ".length) : null, "score", "drop"];
  const shown = [...new Set([...names, ...Object.keys(image.numbers)])].filter((name) => name in image.numbers);
  return shown.slice(0, 2).map((name) => `${spaced(name)} ${formatNumber(image.numbers[name], 3)}`).join(" \u00b7 ");
}

function warningMark(image) {
  if (!image.warnings.length) return null;
  return element("span", { class: "mark warn", title: image.warnings.join("\n") }, "warning");
}
