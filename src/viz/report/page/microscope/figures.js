// Drawings of figures: bars of a histogram, bars of classes.

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Bars side by side, whatever the width of their classes; the borders of some are written below.
function histogram({ edges, counts }) {
  const [width, height, below] = [320, 90, 16];
  const most = Math.max(...counts, 1);
  const step = width / counts.length;
  const bars = counts.map((count, i) => svg("rect", {
    x: (i * step + 0.5).toFixed(2),
    y: (height * (1 - count / most)).toFixed(2),
    width: Math.max(0.5, step - 1).toFixed(2),
    height: (height * count / most).toFixed(2),
  }, titled(`${formatNumber(edges[i], 3)} to ${formatNumber(edges[i + 1], 3)}: ${counted(count, "image")}`)));
  const places = [...new Set([0, Math.round(counts.length / 2), counts.length])];
  const texts = places.map((i) => svg("text", {
    x: (i * step).toFixed(2), y: height + below - 3, "text-anchor": i === 0 ? "start" : i === counts.length ? "end" : "middle",
  }, formatNumber(edges[i], 3)));
  const said = `Images by their largest response, from ${formatNumber(edges[0], 3)} to ${formatNumber(edges.at(-1), 3)}`;
  return svg("svg", { viewBox: `0 0 ${width} ${height + below}`, class: "histogram", role: "img", "aria-label": said },
    ...bars, svg("line", { x1: 0, x2: width, y1: height, y2: height }), ...texts);
}

function titled(text) {
  const title = svg("title");
  title.textContent = text;
  return title;
}

// Classes with their mean response, the best first; a link finds the other units that like one.
function classBars(classes) {
  const most = Math.max(...classes.map(({ mean }) => mean ?? 0), 1e-12);
  return element("ul", { class: "bars", role: "list" }, ...classes.map(({ name, mean, images }) => {
    const bar = element("span", { class: "bar" });
    bar.style.width = `${Math.max(0, 100 * (mean ?? 0) / most)}%`;
    const value = element("span", { class: "share", title: `mean over ${counted(images, "image")}` }, formatNumber(mean, 3));
    return element("li", {}, element("a", { href: findAddress(name) }, name), value, element("span", { class: "track" }, bar));
  }));
}
