// The microscope: one of three things is shown, and the address says which.

const LAYER_WIDTH = 300; // the narrowest cards, in pixels
const UNIT_WIDTH = 168;

function startMicroscope({ layers, classes }) {
  const { wishes, offer } = sorting(follow);
  let shown = { kind: "" };
  let units = []; // the order to step through: { layer, table, row }
  let from = ""; // where the units come from, as an address
  let turn = 0; // what was asked for meanwhile wins

  const layerCards = cardList(byId("layers"), layerCard, LAYER_WIDTH);
  const unitCards = cardList(byId("units"), (unit, place, total, tabindex) =>
    unitCard(unit, { place, total, tabindex, sort: wishes.sort, classes, whole: shown.kind === "find" }), UNIT_WIDTH);

  async function follow() {
    const now = (turn += 1);
    const wanted = meant(location.hash, layers);
    try {
      const show = await { all: prepareAll, layer: prepareLayer, find: prepareFind, unit: prepareUnit }[wanted.kind](wanted);
      if (now === turn) settle(wanted, show);
    } catch (problem) {
      if (now === turn) tell(problem.message, true);
    }
  }

  // What is shown is visible before it is measured.
  function settle(wanted, show) {
    const before = shown;
    shown = wanted;
    byId("about").hidden = wanted.kind !== "all";
    byId("layers").hidden = wanted.kind !== "all";
    byId("some").hidden = !["layer", "find"].includes(wanted.kind);
    byId("unit").hidden = wanted.kind !== "unit";
    if (wanted.kind !== "find" && document.activeElement !== byId("search")) byId("search").value = "";
    crumbs(wanted);
    show(before);
  }

  async function prepareAll() {
    return (before) => {
      offer(null);
      layerCards.reset(layers);
      tell(`${counted(layers.length, "layer")}`);
      if (before.layer) layerCards.focus(layers.indexOf(before.layer));
    };
  }

  async function prepareLayer({ layer }) {
    const table = await tableOf(layer);
    return (before) => {
      offer(table);
      from = layerAddress(layer.name);
      byId("some-title").textContent = layer.name;
      byId("some-facts").replaceChildren(...layerFacts(layer));
      arrange(arranged(layer, table, wishes), layer.units, before);
    };
  }

  function arrange(found, total, before) {
    units = found;
    unitCards.reset(units);
    tell(units.length === total ? counted(total, "unit") : `${units.length.toLocaleString("en")} of ${counted(total, "unit")}`);
    if (before.kind === "unit") unitCards.focus(placeOf(before));
    else if (before.kind !== shown.kind || before.layer !== shown.layer) scrollTo(0, 0);
  }

  async function prepareFind({ text }) {
    const unit = unitNamed(text, layers);
    const tables = await Promise.all(layers.map(tableOf));
    const found = searched(text, layers, tables, classes);
    const exact = unit && tables[layers.indexOf(unit.layer)];
    const row = exact ? exact.channels.indexOf(unit.channel) : -1;
    if (row >= 0) found.units.unshift({ layer: unit.layer, table: exact, row });
    return (before) => {
      offer(null);
      from = findAddress(text);
      if (document.activeElement !== byId("search")) byId("search").value = text;
      byId("some-title").textContent = `Find \u201c${text}\u201d`;
      byId("some-facts").replaceChildren(...foundWords(found));
      arrange(found.units, found.units.length, before);
    };
  }

  async function prepareUnit({ layer, channel }) {
    const table = await tableOf(layer);
    const row = table.channels.indexOf(channel);
    if (row < 0) throw new Error(`${layer.name} has no unit ${channel} in this run`);
    const unit = await unitAt(layer, row);
    return () => {
      if (placeOf({ layer, channel }) < 0) {
        units = arranged(layer, table, { ...wishes, alive: false });
        from = layerAddress(layer.name);
      }
      offer(null);
      byId("unit").replaceChildren(...unitView(layer, table, row, unit, { step: steps({ layer, channel }), layers, classes }));
      tell("");
      scrollTo(0, 0);
      byId("unit-title").focus({ preventScroll: true });
    };
  }

  const placeOf = ({ layer, channel }) => units.findIndex((one) => one.layer === layer && one.table.channels[one.row] === channel);
  const addressAt = (place) => units[place] && unitAddress(units[place].layer.name, units[place].table.channels[units[place].row]);

  function steps(unit) {
    const place = placeOf(unit);
    return { previous: addressAt(place - 1), next: addressAt(place + 1), place, total: units.length };
  }

  function crumbs({ kind, layer, channel }) {
    const link = (address, text) => element("a", { href: address }, text);
    const parts = [kind === "all" ? element("span", {}, "All layers") : link("#all", "All layers")];
    if (kind === "find") parts.push(element("span", {}, "found"));
    if (kind === "unit" && from.startsWith("#find=")) parts.push(link(from, "found"));
    if (layer) parts.push(kind === "layer" ? element("span", {}, layer.name) : link(layerAddress(layer.name), layer.name));
    if (kind === "unit") parts.push(element("span", {}, String(channel)));
    parts.at(-1).setAttribute("aria-current", "page");
    byId("crumbs").replaceChildren(...parts);
  }

  function tell(text, bad = false) {
    byId("status").textContent = text;
    byId("status").classList.toggle("bad", bad);
  }

  byId("overlay").addEventListener("click", switchOverlay);
  searchField((address) => {
    if (shown.kind === "find") location.replace(address); // a letter more is no step of its own
    else location.hash = address;
  });
  listenToKeys({
    back() {
      if (shown.kind === "unit") location.hash = from;
      else if (shown.kind !== "all") location.hash = "#all";
      byId("search").blur();
    },
    step(by) {
      if (shown.kind !== "unit") return false;
      const address = addressAt(placeOf(shown) + by);
      if (address) location.replace(address); // stepping leaves no trail for the Back button
      return true;
    },
  });
  addEventListener("hashchange", follow);
  byId("app").hidden = false;
  follow();
}

startMicroscope(readData());
