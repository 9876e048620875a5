// One image, large, in a dialog, with steps to the images before and after it.
// `list()` gives the images in their order, `open(image)` and `close()` are asked for, not done here.

function detailView({ list, open, close }) {
  const dialog = byId("detail");
  let shown = null;
  opacitySlider(byId("detail-opacity"), dialog);

  const step = (by) => {
    const images = list(shown);
    const next = images[images.indexOf(shown) + by];
    if (next) open(next);
  };
  byId("detail-previous").addEventListener("click", () => step(-1));
  byId("detail-next").addEventListener("click", () => step(1));
  byId("detail-close").addEventListener("click", close);
  dialog.addEventListener("close", () => {
    if (shown && !dialog.open) close(); // Escape closes the dialog by itself, sometimes without asking
  });
  dialog.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.target.type === "range" || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    step(by);
  });

  return {
    show(image, opacity) {
      if (!dialog.open) startDetail(dialog, opacity);
      shown = image;
      fillDetail(image, list(image));
    },
    // Gives the image that was shown, null where none was.
    hide() {
      const last = shown;
      shown = null;
      dialog.close();
      return last;
    },
  };
}

// Detail view and address together: `list(image)` is the order to step through, `closed(image)` is told what was
// last seen, so that the focus can go there.
function openAndClose(images, { list, closed }) {
  const detail = detailView({ list, open: (image) => address.open(image), close: () => address.close() });
  const address = route(images, (image) => {
    if (image) detail.show(image, byId("opacity").value);
    else closed(detail.hide());
  });
  address.follow();
}

function startDetail(dialog, opacity) {
  const slider = byId("detail-opacity");
  slider.value = opacity;
  slider.dispatchEvent(new Event("input"));
  dialog.showModal();
}

function fillDetail(image, images) {
  const place = images.indexOf(image);
  byId("detail-name").textContent = image.title ?? image.name;
  byId("detail-place").textContent = `${place + 1} of ${images.length.toLocaleString("en")}`;
  byId("detail-frame").replaceChildren(picture(image, { small: false }));
  byId("detail-facts").replaceChildren(...imageFacts(image));
  byId("detail-facts").scrollTop = 0;
  byId("detail-opacity").disabled = image.status !== "done";
  sliderFor(byId("detail-opacity"), [image]);
  byId("detail-previous").disabled = place === 0;
  byId("detail-next").disabled = place === images.length - 1;
  for (const near of [images[place + 1], images[place - 1]]) prefetch(near);
}

function prefetch(image) {
  for (const address of image?.urls ? [image.urls.original, image.urls.picture] : []) {
    if (address) new Image().src = address;
  }
}
