// The controls that say in which order units are shown, and whether dead ones are; `changed()` is called for either.

function sorting(changed) {
  const wishes = { sort: "channel", descending: false, alive: false };

  function turn(descending) {
    const direction = byId("direction");
    wishes.descending = descending;
    direction.textContent = descending ? "\u2193" : "\u2191";
    direction.title = descending ? "Falling; switch to rising" : "Rising; switch to falling";
    direction.setAttribute("aria-label", direction.title);
  }

  byId("sort").addEventListener("change", () => {
    wishes.sort = byId("sort").value;
    turn(wishes.sort !== "channel"); // channels from 0, figures from the largest
    changed();
  });
  byId("direction").addEventListener("click", () => {
    turn(!wishes.descending);
    changed();
  });
  byId("alive").addEventListener("change", () => {
    wishes.alive = byId("alive").checked;
    changed();
  });
  turn(false);

  // What the units of a table can be sorted by; where that changes nothing, there is none to choose.
  function offer(table) {
    for (const control of document.querySelectorAll(".sorts")) control.hidden = !table;
    if (!table) return;
    options(byId("sort"), sortChoices(table));
    if (![...byId("sort").options].some(({ value }) => value === wishes.sort)) wishes.sort = "channel";
    byId("sort").value = wishes.sort;
  }

  return { wishes, offer };
}
