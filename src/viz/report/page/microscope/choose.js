// Which units are shown, and in what order. No document here: tables and wishes in, lists out.

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

const NUMBER_TEXTS = {
  max: "largest response",
  mean: "mean response",
  fires: "fires at (share of positions)",
  fires_images: "fires in (share of images)",
  selectivity: "class selectivity",
  duplicates: "copies left out",
};
const SHARES = new Set(["fires", "fires_images"]);

const numberText = (name) => NUMBER_TEXTS[name] ?? spaced(name);
const numberShown = (name, value) => (SHARES.has(name) ? formatShare(value) : formatNumber(value, 3));

// Units of a layer as { layer, table, row }, in the wanted order.
function arranged(layer, table, { sort, descending, alive }) {
  const rows = table.channels.map((_, row) => row).filter((row) => !alive || !table.flags[row].includes("dead"));
  return rows.sort(ordered(table, sort, descending)).map((row) => ({ layer, table, row }));
}

function ordered(table, sort, descending) {
  const sign = descending ? -1 : 1;
  const channels = (a, b) => table.channels[a] - table.channels[b];
  if (sort === "channel") return (a, b) => sign * channels(a, b);
  const key = sort === "dead" ? (row) => Number(table.flags[row].includes("dead")) : (row) => table.numbers[sort]?.[row];
  return (a, b) => {
    const [x, y] = [key(a) ?? null, key(b) ?? null];
    if (x === null || y === null) return (x === null) - (y === null) || channels(a, b); // unknown ones come last
    return sign * (x - y) || channels(a, b);
  };
}

// What there is to sort by.
function sortChoices(table) {
  return [
    { value: "channel", text: "channel" },
    ...Object.keys(table.numbers).map((value) => ({ value, text: numberText(value) })),
    { value: "dead", text: "dead or not" },
  ];
}

// What a text means: layers of such a name, classes of such a name, units whose best class is one of these.
function searched(text, layers, tables, classes) {
  const wanted = text.trim().toLowerCase();
  const like = new Set(classes.flatMap((name, i) => (name.toLowerCase().includes(wanted) ? [i] : [])));
  const units = layers.flatMap((layer, i) =>
    tables[i].best.flatMap((best, row) => (like.has(best) ? [{ layer, table: tables[i], row }] : [])));
  const selective = ({ table, row }) => table.numbers.selectivity?.[row] ?? 0;
  return {
    layers: layers.filter(({ name }) => name.toLowerCase().includes(wanted)),
    classes: [...like].map((i) => classes[i]),
    units: units.sort((a, b) => selective(b) - selective(a)),
  };
}
