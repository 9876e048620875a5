// The part of the address after # says which image is open: #image=KEY. So links and the Back button work.

const addressOf = (image) => `#image=${image.id}`;

// Calls `changed(image or null)` now, and whenever the address or one of the given functions asks for another.
function route(images, changed) {
  const byAddress = new Map(images.map((image) => [addressOf(image), image]));
  let ours = null; // the address as we wrote it: its event is no news
  let later = 0;

  const write = (address) => {
    ours = address;
    location.replace(address); // adds no step to the history
  };
  const follow = () => {
    if (location.hash === ours) return;
    ours = null;
    clearTimeout(later);
    changed(byAddress.get(location.hash) ?? null);
  };
  addEventListener("hashchange", follow);

  return {
    follow,
    open(image) {
      clearTimeout(later);
      later = setTimeout(write, 200, addressOf(image)); // browsers refuse many addresses a second
      changed(image);
    },
    close() {
      clearTimeout(later);
      write("#all"); // names nothing, so that the page does not scroll
      changed(null);
    },
  };
}
