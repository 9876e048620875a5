// The page of one run: gallery, controls and detail view put together.

const CARD_WIDTH = 250; // the narrowest, in pixels, where more than two fit

function startRun({ images }) {
  const box = byId("gallery");
  let view = images;
  let sort = "name";

  const keys = roving(box, {
    link: (place) => gallery.item(place).firstChild,
    shape: () => ({ count: view.length, columns: gallery.columns() }),
  });
  const gallery = windowed(box, {
    make: (place) => card(view[place], { place, total: view.length, sort, tabindex: keys.tabIndex(place) }),
    columns: (width, gap) => Math.max(width < 320 ? 1 : 2, Math.floor((width + gap) / (CARD_WIDTH + gap))),
  });

  byId("app").hidden = false;
  toolbar(images, (wishes) => {
    sort = wishes.sort;
    view = chosen(images, wishes);
    keys.reset(0);
    gallery.reset(view.length);
    showCount(box, view.length, images.length);
  });

  opacitySlider(byId("opacity"), document.documentElement);
  sliderFor(byId("opacity"), images);
  slashFinds();
  openAndClose(images, {
    list: (image) => (view.includes(image) ? view : images),
    closed: (image) => view.includes(image) && keys.activate(view.indexOf(image)),
  });
}

startRun(readData());
