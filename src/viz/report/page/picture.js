// The picture over the original, both filling one box of the image's shape; --opacity is inherited.

// `small` asks for a card's picture: the preview, where a run wrote one, spares decoding a photo in full size.
function picture(image, { small }) {
  if (image.status !== "done") return element("p", { class: "reason" }, image.reason);
  const [height, width] = image.size;
  const stack = element("div", { class: "stack" });
  stack.style.setProperty("--ratio", width / height);
  stack.classList.toggle("tiny", Math.max(height, width) <= 64);
  const addresses = { original: image.urls.original, picture: (small && image.urls.preview) || image.urls.picture };
  for (const [kind, address] of Object.entries(addresses)) {
    if (address) stack.append(layer(kind, address, small ? "lazy" : "eager"));
  }
  stack.classList.toggle("alone", !addresses.original);
  if (image.made) layUnder(stack, image.made);
  return stack;
}

// The photo that an image was made of may have another shape: it covers the image, or is squeezed into it.
function layUnder(stack, { squeezed, zoom }) {
  stack.classList.add("made");
  stack.classList.toggle("squeezed", squeezed);
  stack.style.setProperty("--zoom", zoom);
}

function layer(kind, address, loading) {
  // The picture speaks for both; its alternative text is the card's own text.
  const shown = element("img", { class: kind, alt: "", loading, decoding: "async", draggable: "false" });
  shown.addEventListener("error", () => markMissing(shown, kind));
  shown.src = address;
  return shown;
}

function markMissing(shown, kind) {
  shown.replaceWith(element("p", { class: "missing" }, `the ${kind} is not in its place`));
}

// A slider from 0 to 100 that sets how much of the picture covers the original, below `scope`.
function opacitySlider(slider, scope) {
  const apply = () => {
    scope.style.setProperty("--opacity", slider.value / 100);
    slider.nextElementSibling.textContent = `${slider.value}%`;
    slider.setAttribute("aria-valuetext", `${slider.value} percent`);
  };
  slider.addEventListener("input", apply);
  apply();
  return apply;
}

// The slider is there only where an image has an original, and is called after what lies over it.
function sliderFor(slider, images) {
  const over = images.filter((image) => image.urls?.original);
  slider.parentElement.hidden = images.length > 0 && images.every((image) => image.status === "done" && !image.urls.original);
  slider.previousElementSibling.textContent = over.length && over.every((image) => image.made) ? "Result" : "Overlay";
}
