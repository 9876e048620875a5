// The page of a batch: table, controls and detail view put together.

function startCombined({ columns, rows }) {
  let view = rows;
  let cells = [];
  const everyCell = rows.flatMap((row) => row.cells).filter(Boolean);

  const keys = roving(byId("matrix"), {
    link: (place) => table.item(Math.floor(place / columns.length)).querySelector(`[data-place="${place}"]`),
    shape: () => ({ count: view.length * columns.length, columns: columns.length }),
  });
  const table = windowed(byId("rows"), { make: (index) => tableRow(view[index], index, keys.tabIndex), columns: () => 1 });

  byId("app").hidden = false;
  byId("matrix-inner").style.setProperty("--columns", columns.length);
  byId("head").replaceChildren(...headCells(columns));
  rowToolbar(rows, (wishes) => {
    view = chosenRows(rows, wishes);
    const places = view.flatMap((row) => row.cells);
    cells = places.filter(Boolean);
    keys.reset(Math.max(0, places.findIndex(Boolean)));
    table.reset(view.length);
    byId("matrix").setAttribute("aria-rowcount", view.length + 1);
    showCount(byId("rows"), view.length, rows.length);
  });

  opacitySlider(byId("opacity"), document.documentElement);
  sliderFor(byId("opacity"), everyCell);
  slashFinds();
  openAndClose(everyCell, {
    list: (image) => (cells.includes(image) ? cells : everyCell),
    closed: (image) => cells.includes(image) && keys.activate(view.flatMap((row) => row.cells).indexOf(image)),
  });
}

function rowToolbar(rows, changed) {
  const sources = [...new Set(rows.map((row) => row.source))];
  options(byId("source"), [{ value: "", text: "All sources" }, ...sources.filter(Boolean).map((value) => ({ value, text: value }))]);
  byId("source").parentElement.hidden = sources.length < 2;
  options(byId("show"), showChoices(rows, ROW_SHOWS));
  const tell = () => changed({ text: byId("search").value, source: byId("source").value, show: byId("show").value });
  byId("search").addEventListener("input", tell);
  for (const id of ["source", "show"]) byId(id).addEventListener("change", tell);
  tell();
}

startCombined(readData());
