// One link of many can be reached with Tab; the arrow keys move which one. `link(index)` gives the link at a
// place, or null where there is none; `shape()` gives { count, columns }. Links carry their place in data-place.

function roving(box, { link, shape }) {
  let active = 0;

  function activate(place) {
    link(active)?.setAttribute("tabindex", "-1");
    active = place;
    const now = link(place);
    now.tabIndex = 0;
    now.scrollIntoView({ block: "nearest", inline: "nearest" });
    now.focus({ preventScroll: true });
  }

  box.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const place = reached(event.key, active, shape(), link);
    if (place === null) return;
    event.preventDefault();
    activate(place);
  });
  box.addEventListener("focusin", (event) => {
    const place = Number(event.target.closest("[data-place]")?.dataset.place ?? active);
    if (place !== active) activate(place);
  });

  return {
    activate,
    tabIndex: (place) => (place === active ? "0" : "-1"),
    reset: (place) => { active = place; },
  };
}

// The next place that has a link in the direction of an arrow key, null where there is none.
function reached(key, from, { count, columns }, link) {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: 1, End: -1 }[key];
  if (!step) return null;
  const start = { Home: 0, End: count - 1 }[key] ?? from + step;
  for (let place = start; place >= 0 && place < count; place += step) if (link(place)) return place;
  return null;
}
