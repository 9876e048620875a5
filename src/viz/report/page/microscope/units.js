// One unit among many: a card with its best patches. Every card has the same height, so text keeps to one line.

const SHOWN = 9; // patches on a card

function unitCard({ layer, table, row }, { place, total, tabindex, sort, classes, whole }) {
  const channel = table.channels[row];
  const name = whole ? `${layer.name}:${channel}` : String(channel);
  const across = layer.columns < SHOWN ? Math.min(2, Math.max(1, layer.columns)) : 3;
  const dead = table.flags[row].includes("dead");
  const link = element("a", { class: "card unit", href: unitAddress(layer.name, channel), tabindex, "data-place": place },
    patchCanvas(layer, row, { count: Math.min(across * across, table.patches[row]), across, label: "" }),
    element("div", { class: "caption" },
      element("span", { class: "line" }, element("span", { class: "name", title: name }, name), flagMark(table.flags[row])),
      element("span", { class: "line quiet" }, ...unitWords(table, row, sort, classes))));
  link.classList.toggle("dead", dead);
  return element("li", { class: "item", "aria-posinset": place + 1, "aria-setsize": total }, link);
}

function flagMark(flags) {
  return flags.length ? element("span", { class: `mark ${flags.includes("dead") ? "bad" : "warn"}` }, flags.join(", ")) : null;
}

// The class that excites it most, and the figure that is sorted by.
function unitWords(table, row, sort, classes) {
  const name = sort in table.numbers ? sort : "max" in table.numbers ? "max" : "";
  const best = classes[table.best[row]] ?? "";
  const figure = name && `${name.split("_")[0]} ${numberShown(name, table.numbers[name][row])}`;
  return [element("span", { class: "label", title: best }, best), element("span", { class: "share" }, figure)];
}
