// All that is known of one image, for the detail view.

function imageFacts(image) {
  if (image.status !== "done") {
    return [section("Could not be used", element("p", { class: "bad" }, image.reason))];
  }
  return [
    image.warnings.length ? warningList(image.warnings) : null,
    section("Predictions", ...predictionList(image)),
    section("Figures", definitions(Object.entries(image.numbers).map(([k, v]) => [figureText(image, k), formatNumber(v), v]))),
    section("Image", definitions(imageRows(image))),
    ...furtherPictures(image),
    section("Files", fileLinks(image)),
  ].filter(Boolean);
}

function section(title, ...content) {
  return element("section", {}, element("h3", {}, title), ...content);
}

function warningList(warnings) {
  const items = warnings.map((warning) => element("li", {}, warning));
  return element("section", { class: "notice warning" }, element("h3", {}, "Warnings"), element("ul", {}, ...items));
}

function predictionList(image) {
  const found = verdict(image);
  const rows = image.predictions.map((prediction, i) => predictionRow(prediction, image.rank === i + 1));
  const target = image.target.class_index ?? null;
  const aim = image.target.label && `${image.target.label}${target === null ? "" : ` (class ${target})`}, ${formatNumber(image.target.score)}`;
  return [
    rows.length ? element("ol", { class: "predictions" }, ...rows) : null,
    definitions([
      aim ? ["target", aim] : null,
      image.truth === null ? null : ["true class", image.truth],
      found && ["prediction", element("span", { class: found.right ? "good" : "bad" }, found.text)],
    ]),
  ];
}

function predictionRow(prediction, isTrue) {
  const bar = element("span", { class: "bar", "aria-hidden": "true" });
  bar.style.width = `${100 * Math.min(1, Math.max(0, Number(prediction.probability) || 0))}%`;
  const label = element("span", { class: "label", title: `class ${prediction.class_index}` }, prediction.label);
  const share = element("span", { class: "share" }, formatShare(prediction.probability));
  const mark = isTrue ? element("span", { class: "good" }, "true class") : null;
  return element("li", {}, label, mark, share, element("span", { class: "track" }, bar));
}

function imageRows(image) {
  const [height, width] = image.size;
  const [left, top, right, bottom] = image.box.map(Math.round);
  return [
    ["size", `${width} \u00d7 ${height}`],
    ["the model saw", `${left}\u2013${right} across, ${top}\u2013${bottom} down`],
    image.sha256 ? [image.made ? "sha256 of the original" : "sha256", element("code", {}, image.sha256)] : null,
  ];
}

// What belongs to an image beside its picture (a curve, a triptych, an animation), each under its own name.
function furtherPictures(image) {
  return Object.entries(image.urls)
    .filter(([kind]) => !["picture", "original", "preview"].includes(kind))
    .map(([kind, address]) => [kind, address, shownBy(address)])
    .filter(([, , how]) => how)
    .map(([kind, address, how]) => section(spaced(kind), how(kind, address)));
}

// How to show a file, null for one that is only linked to.
function shownBy(address) {
  if (/\.(png|jpg|gif|webp)$/.test(address) && !address.includes("#")) return furtherImage;
  return address.endsWith(".mp4") && !address.includes("#") ? furtherVideo : null;
}

function furtherImage(kind, address) {
  const shown = element("img", { class: "further", alt: spaced(kind), src: address });
  const link = element("a", { href: address, target: "_blank", rel: "noopener", title: "Open the picture itself" }, shown);
  shown.addEventListener("error", () => link.replaceWith(notThere(kind)));
  return link;
}

function furtherVideo(kind, address) {
  const shown = element("video", { class: "further", src: address, controls: "", loop: "", "aria-label": spaced(kind) });
  shown.addEventListener("error", () => shown.replaceWith(notThere(kind)));
  return shown;
}

function notThere(kind) {
  return element("p", { class: "bad" }, `the ${spaced(kind)} is not in its place, or this browser cannot show it`);
}

function fileLinks(image) {
  const links = Object.entries(image.urls)
    .filter(([kind]) => kind !== "preview")
    .map(([kind, href]) => element("li", {}, element("a", { href, target: "_blank", rel: "noopener" }, spaced(kind))));
  return element("ul", { class: "files" }, ...links);
}

// Rows of [name, what is shown, exact value]; rows that are null are left out.
function definitions(rows) {
  return element("dl", {}, ...rows.filter(Boolean).map(([name, shown, exact]) =>
    element("div", {}, element("dt", {}, name), element("dd", { title: exact }, shown))));
}
