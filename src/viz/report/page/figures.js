// What the figures of images that were made are called; those of heat maps go by their own names.

const FIGURE_TEXTS = {
  score: "score of the saved file",
  confidence: "confidence in the target",
  percentile: "percentile among photos",
  best_photo: "highest score of a photo",
};

function figureText(image, name) {
  return (image.made && FIGURE_TEXTS[name]) || spaced(name);
}
