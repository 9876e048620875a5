// A grid of cards of which only those near the view are in the document, with the arrow keys.
// `make(item, place, total, tabindex)` gives a card; `narrowest` is its least width in pixels.

function cardList(box, make, narrowest) {
  let view = [];
  const keys = roving(box, {
    link: (place) => list.item(place).firstChild,
    shape: () => ({ count: view.length, columns: list.columns() }),
  });
  const list = windowed(box, {
    make: (place) => make(view[place], place, view.length, keys.tabIndex(place)),
    columns: (width, gap) => Math.max(width < 320 ? 1 : 2, Math.floor((width + gap) / (narrowest + gap))),
  });
  return {
    reset(items) {
      view = items;
      keys.reset(0);
      list.reset(items.length);
      box.classList.toggle("empty", !items.length);
    },
    focus: (place) => place >= 0 && keys.activate(place),
  };
}
