// Rows and cells of the combined table; every row has the same height.

function headCells(columns) {
  const cells = columns.map((column) => element("div", { class: "cell", role: "columnheader" },
    element("span", { class: "name" }, column.model),
    element("span", { class: "line" }, column.technique),
    element("span", { class: "line quiet" }, columnCounts(column)),
    element("span", { class: "line" }, ...column.reports.map(reportLink))));
  return [element("div", { class: "cell first", role: "columnheader" }, element("span", { class: "name" }, "Image")), ...cells];
}

function columnCounts({ done, failed }) {
  return done + failed === 0 ? "not run" : `${done} done${failed ? `, ${failed} failed` : ""}`;
}

function reportLink({ source, url }) {
  return element("a", { href: url }, source ? `report of ${source}` : "report");
}

function tableRow(row, index, tabIndexOf) {
  const cells = row.cells.map((image, column) => tableCell(image, index * row.cells.length + column, tabIndexOf));
  return element("div", { class: "row", role: "row", "aria-rowindex": index + 2 }, firstCell(row), ...cells);
}

function firstCell(row) {
  const original = rowOriginal(row);
  const truth = row.cells.find((image) => image?.truth)?.truth;
  return element("div", { class: "cell first", role: "rowheader" },
    original ? element("div", { class: "frame" }, original) : null,
    element("span", { class: "name", title: row.name }, row.name),
    element("span", { class: "line" }, truth ? `true class ${truth}` : ""));
}

// The photo of a row, null where its images were made from nothing. What was made of a photo may have another shape.
function rowOriginal(row) {
  const cells = row.cells.filter((image) => image?.urls?.original);
  if (!cells.length) return null;
  const shown = cells.find((image) => !image.made) ?? cells[0];
  const stack = picture({ ...shown, made: null, urls: { original: shown.urls.original } }, { small: true });
  stack.classList.toggle("whole", Boolean(shown.made));
  return stack;
}

function tableCell(image, place, tabIndexOf) {
  if (!image) return element("div", { class: "cell empty", role: "cell" }, "not run");
  const link = element("a",
    { class: "card", href: addressOf(image), tabindex: tabIndexOf(place), "data-place": place, "aria-label": image.title },
    element("div", { class: "frame" }, picture(image, { small: true })),
    element("div", { class: "caption" }, ...captionLines(image, "name")));
  link.classList.toggle("failed", image.status !== "done");
  return element("div", { class: "cell", role: "cell" }, link);
}

const ROW_SHOWS = [
  { value: "all", text: "All images", keep: () => true },
  { value: "differ", text: "Predictions differ", keep: predictionsDiffer },
  { value: "wrong", text: "Some predicted wrong", keep: anyCell((image) => image.rank !== null && image.rank !== 1) },
  { value: "failed", text: "Some failed", keep: anyCell((image) => image.status !== "done") },
  { value: "warned", text: "Some with warnings", keep: anyCell((image) => image.warnings.length > 0) },
];

function anyCell(test) {
  return (row) => row.cells.some((image) => image && test(image));
}

// By label: models may number their classes differently.
function predictionsDiffer(row) {
  const labels = row.cells.filter((image) => image?.predictions.length).map((image) => image.predictions[0].label);
  return new Set(labels).size > 1;
}

function chosenRows(rows, { text, source, show }) {
  const wanted = text.trim().toLowerCase();
  const keep = ROW_SHOWS.find(({ value }) => value === show).keep;
  return rows
    .filter((row) => row.name.toLowerCase().includes(wanted) && (source === "" || row.source === source) && keep(row))
    .sort((a, b) => a.order - b.order || collator.compare(a.name, b.name));
}
