// The keyboard, wherever nothing is being typed: / finds, o lays the activation over, Escape goes back.

function listenToKeys({ back, step }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      event.preventDefault();
      back();
    } else if (!event.target.closest?.("input:not([type=checkbox]), select, textarea")) {
      act(event, step);
    }
  });
}

function act(event, step) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.key === "/") {
    byId("search").focus();
    byId("search").select();
  } else if (event.key === "o") switchOverlay();
  else if (!by || !step(by)) return;
  event.preventDefault();
}
