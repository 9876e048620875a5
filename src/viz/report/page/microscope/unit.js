// One unit, large: all its patches, its figures, and the channels that it has to do with.

function unitView(layer, table, row, unit, { step, layers, classes }) {
  const channel = table.channels[row];
  return [
    unitHead(layer, channel, table.flags[row], step),
    element("div", { class: "unit-body" },
      element("div", { class: "unit-patches" }, ...warningsOf(unit), ...madePictures(unit), patchFigures(layer, row, unit.patches)),
      element("div", { class: "unit-facts" }, ...unitFacts(layer, table, row, unit, layers))),
  ];
}

function unitHead(layer, channel, flags, { previous, next, place, total }) {
  const to = (address, text, sign) => element("a",
    { class: "step", "aria-label": text, title: text, ...(address ? { href: address } : { "aria-disabled": "true" }) }, sign);
  return element("header", { class: "unit-top" },
    element("h2", { id: "unit-title", tabindex: "-1" }, `${layer.name}:${channel}`),
    flagMark(flags),
    element("span", { class: "quiet" }, `${(place + 1).toLocaleString("en")} of ${total.toLocaleString("en")}`),
    to(previous, "Previous unit (left arrow)", "\u2039"),
    to(next, "Next unit (right arrow)", "\u203a"));
}

function warningsOf({ warnings }) {
  return warnings.length ? [element("ul", { class: "notice warning" }, ...warnings.map((text) => element("li", {}, text)))] : [];
}

function patchFigures(layer, row, patches) {
  if (!patches.length) return element("p", { class: "quiet" }, "There is no patch: no image excites this unit.");
  return element("ol", { class: "patch-list", "aria-label": "Patches, the best first" }, ...patches.map((patch, i) => {
    const label = `Patch ${i + 1}: ${patch.image}, response ${formatNumber(patch.value, 3)}`;
    return element("li", {}, element("figure", { title: patchTitle(patch) },
      patchCanvas(layer, row, { first: i, count: 1, across: 1, label }),
      element("figcaption", {},
        element("span", { class: "line" }, element("span", { class: "share" }, formatNumber(patch.value, 3)), patchMark(layer, patch)),
        element("span", { class: "photo" }, patch.image))));
  }));
}

function patchMark(layer, { clipped, missing }) {
  if (missing) return element("span", { class: "mark bad" }, "missing");
  if (clipped) return element("span", { class: "mark warn", title: "The unit sees beyond the edge of the photo" }, "clipped");
  return layer.everywhere ? element("span", { class: "mark", title: "The unit sees the whole image" }, "global") : null;
}

function patchTitle({ image, place, box }) {
  const [left, top, right, bottom] = box.map(Math.round);
  const at = place.length ? `, position ${place.join(", ")} (row, column)` : "";
  return `${image}: columns ${left} to ${right}, rows ${top} to ${bottom} of the photo${at}`;
}

const MADE = { filter: "Its filter", maximize: "An image made for it" };

function madePictures({ pictures }) {
  const parts = Object.entries(pictures ?? {}).map(([kind, found]) => element("section", { class: `made ${kind}` },
    element("h3", {}, MADE[kind] ?? spaced(kind)),
    ...found.map(({ file, text }) => element("figure", {},
      element("a", { href: file, target: "_blank", rel: "noopener" }, element("img", { src: file, alt: text, loading: "lazy" })),
      element("figcaption", { class: "quiet" }, text)))));
  return parts.length ? [element("div", { class: "made-row" }, ...parts)] : [];
}

function unitFacts(layer, table, row, unit, layers) {
  const numbers = Object.entries(table.numbers).map(([name, values]) => [numberText(name), numberShown(name, values[row])]);
  const shares = Object.entries(unit.quantiles ?? {}).map(([share, value]) => [`${Number(share) * 100} % of images below`, formatNumber(value, 3)]);
  const links = unit.links ?? {};
  return [
    section("Responses", factList(numbers)),
    unit.histogram && section("Images by their largest response", histogram(unit.histogram), factList(shares)),
    unit.classes?.length && section("Classes that excite it most", classBars(unit.classes)),
    unit.related?.length && section("Most correlated channels", channelList(layer.name, unit.related, "correlation", layers)),
    ...(links.fed ?? []).map((one) => section(`Fed most by ${one.layer}`, channelList(one.layer, one.channels, "strength", layers))),
    ...(links.feeds ?? []).map((one) => section(`Feeds most in ${one.layer}`, channelList(one.layer, one.channels, "strength", layers))),
  ].filter(Boolean);
}

function section(title, ...content) {
  return element("section", {}, element("h3", {}, title), ...content);
}

function factList(pairs) {
  return element("dl", {}, ...pairs.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

// Channels of a layer with a figure each, and patches of those that are in the run.
function channelList(name, channels, figure, layers) {
  const layer = layers.find((one) => one.name === name);
  return element("ul", { class: "channels", role: "list", title: figure }, ...channels.map((one) => {
    const text = `${name}:${one.channel}`;
    const row = element("li", {}, layer ? element("a", { href: unitAddress(name, one.channel) }, text) : element("span", {}, text),
      element("span", { class: "share" }, formatNumber(one[figure], 3)));
    if (layer) showPatches(row, layer, one.channel);
    return row;
  }));
}

async function showPatches(item, layer, channel) {
  const table = await tableOf(layer);
  const row = table.channels.indexOf(channel);
  if (row < 0) item.querySelector("a").replaceWith(element("span", {}, `${layer.name}:${channel}`)); // it was not looked at
  else item.prepend(patchCanvas(layer, row, { count: Math.min(4, table.patches[row]), across: 4, label: "" }));
}
