// The controls above the gallery: what they offer depends on the images; `changed(wishes)` is called on every change.

function toolbar(images, changed) {
  options(byId("class"), [{ value: "", text: "All classes" }, ...classChoices(images)]);
  options(byId("show"), showChoices(images, SHOWS));
  options(byId("sort"), sortChoices(images));
  let descending = false;

  const direction = byId("direction");
  const turn = (down) => {
    descending = down;
    direction.textContent = down ? "\u2193" : "\u2191";
    direction.setAttribute("aria-label", down ? "Falling; switch to rising" : "Rising; switch to falling");
    direction.title = direction.getAttribute("aria-label");
  };
  const tell = () => changed({
    text: byId("search").value,
    predicted: byId("class").value,
    show: byId("show").value,
    sort: byId("sort").value,
    descending,
  });

  byId("search").addEventListener("input", tell);
  for (const id of ["class", "show"]) byId(id).addEventListener("change", tell);
  byId("sort").addEventListener("change", () => {
    turn(byId("sort").value !== "name"); // names from A, figures from the largest
    tell();
  });
  direction.addEventListener("click", () => {
    turn(!descending);
    tell();
  });
  turn(false);
  tell();
}

// Only what would show something, and says how many.
function showChoices(all, shows) {
  return shows
    .map(({ value, text, keep }) => ({ value, text, count: all.filter(keep).length }))
    .filter(({ value, count }) => value === "all" || count > 0)
    .map(({ value, text, count }) => ({ value, text: `${text} (${count})` }));
}

function sortChoices(images) {
  const confident = images.some((image) => image.predictions.length);
  return [
    { value: "name", text: "Name" },
    ...figureNames(images).map((name) => ({ value: `number ${name}`, text: spaced(name) })),
    ...(confident ? [{ value: "confidence", text: "confidence" }] : []),
  ];
}

// "42 images" or "3 of 42 images"; a box with nothing in it says so by its class.
function showCount(box, shown, total) {
  const all = counted(total, "image");
  byId("status").textContent = shown === total ? all : `${shown.toLocaleString("en")} of ${all}`;
  box.classList.toggle("empty", shown === 0);
}

// "/" puts the cursor into the search field, unless something is being typed.
function slashFinds() {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=range]), select, textarea, dialog[open]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    byId("search").focus();
    byId("search").select();
  });
}
