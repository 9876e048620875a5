// A long list of which only what is near the view is in the document, so that 5,000 images cost as much as 50.
// `make(index)` gives an element; all have one size, measured on the first of them; `columns(width)` says how
// many share a row. The container is position: relative, its items absolute.

function windowed(container, { make, columns }) {
  const items = new Map();
  const grid = { count: 0, columns: 1, width: 0, pitch: 1 };

  function reset(count) {
    items.forEach((item) => item.remove());
    items.clear();
    grid.count = count;
    measure();
    update();
  }

  function measure() {
    const gap = parseFloat(getComputedStyle(container).rowGap) || 0;
    grid.columns = columns(container.clientWidth, gap);
    grid.step = (container.clientWidth + gap) / grid.columns;
    grid.width = grid.step - gap;
    if (grid.count && !items.size) add(0);
    items.forEach((item) => { item.style.width = `${grid.width}px`; });
    const first = items.values().next().value;
    grid.pitch = first ? first.offsetHeight + gap : 1;
    items.forEach(place);
    container.style.height = `${Math.ceil(grid.count / grid.columns) * grid.pitch}px`;
  }

  function add(index) {
    const item = make(index);
    item.style.width = `${grid.width}px`;
    items.set(index, item);
    const later = [...items.keys()].filter((other) => other > index);
    container.insertBefore(item, later.length ? items.get(Math.min(...later)) : null);
    place(item, index);
    return item;
  }

  function place(item, index) {
    item.style.top = `${Math.floor(index / grid.columns) * grid.pitch}px`;
    item.style.left = `${(index % grid.columns) * grid.step}px`;
  }

  // The items within one screen of the view, as [first, last + 1].
  function near() {
    const above = -container.getBoundingClientRect().top;
    const screen = window.innerHeight;
    const row = (y) => Math.floor(y / grid.pitch) * grid.columns;
    const first = Math.max(0, row(above - screen));
    return [first, Math.min(grid.count, Math.max(0, row(above + 2 * screen) + grid.columns))];
  }

  function update() {
    const [first, end] = near();
    for (const [index, item] of items) {
      // What has the focus stays, or the keyboard would lose its place.
      if ((index < first || index >= end) && !item.contains(document.activeElement)) {
        item.remove();
        items.delete(index);
      }
    }
    for (let index = first; index < end; index += 1) if (!items.has(index)) add(index);
  }

  const soon = oncePerFrame(update);
  document.addEventListener("scroll", soon, { passive: true, capture: true });
  new ResizeObserver(oncePerFrame(() => { measure(); update(); })).observe(container.parentElement);

  return {
    reset,
    columns: () => grid.columns,
    item: (index) => items.get(index) ?? add(index),
  };
}
