// The search field, and what is said of what it finds.

// Finds while one is typing; Enter on the name of a unit opens it.
function searchField(go) {
  let later = 0;
  const find = () => go(byId("search").value.trim() ? findAddress(byId("search").value) : "#all");
  byId("search").addEventListener("input", () => {
    clearTimeout(later);
    later = setTimeout(find, 150);
  });
  byId("search").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    clearTimeout(later);
    find();
    byId("search").blur();
  });
}

function foundWords({ layers, classes }) {
  const links = layers.slice(0, 40).map(({ name }) => element("a", { class: "chip", href: layerAddress(name) }, name));
  const more = layers.length > 40 ? [element("span", { class: "quiet" }, `and ${layers.length - 40} more`)] : [];
  const named = classes.slice(0, 6).join(", ") + (classes.length > 6 ? ` and ${classes.length - 6} more` : "");
  return [
    layers.length ? element("p", { class: "chips" }, element("span", { class: "quiet" }, "Layers:"), ...links, ...more) : null,
    classes.length ? element("p", {}, `Units whose best class is ${named}: the most selective first.`) : null,
  ].filter(Boolean);
}
