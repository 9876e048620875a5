"""The picture that is perturbed: the photo itself, or the part that the model sees, at the model's resolution."""

from dataclasses import dataclass, replace

from viz.core.errors import ImageError
from viz.core.fitting import box_of, fit_pixels
from viz.core.images import Photo, Pixels, to_bytes
from viz.core.preprocess import Preprocess
from viz.techniques._photo_fit import own_size

MOST_PIXELS = 4_000_000  # of a photo that is perturbed at its own resolution: an attack holds about 25 copies


@dataclass(frozen=True)
class Canvas:
    """The picture (H, W, 3) that a perturbation is added to; `resolution` says whose it is: photo or model.

    `warning` says why it is not the photo itself where that was not asked for; empty otherwise.
    """

    pixels: Pixels
    resolution: str
    warning: str = ""


def canvas_of(photo: Photo, preprocess: Preprocess, resolution: str) -> Canvas:
    """The canvas for `--resolution auto|photo|model`. Raises `ImageError` for a photo too large to perturb as it is."""
    height, width = photo.size
    feasible = height * width <= MOST_PIXELS
    if resolution == "model":
        return Canvas(as_the_model_sees(photo.pixels, preprocess), "model")
    if feasible:
        return Canvas(photo.pixels, "photo")
    too_large = f"{width}x{height} is more than {MOST_PIXELS / 1e6:g} megapixels"
    if resolution == "photo":
        raise ImageError(f"{too_large}, too large to perturb every pixel", "--resolution model, or a smaller photo")
    return Canvas(as_the_model_sees(photo.pixels, preprocess), "model", f"{too_large}: perturbed as the model sees it")


def as_the_model_sees(pixels: Pixels, preprocess: Preprocess) -> Pixels:
    """A picture that the model's own preprocessing crops and never resamples, so that it sees just what it saw before.

    That is what the model sees of the photo, with as much around it as the crop takes off again.
    """
    size = own_size(preprocess)
    around = replace(preprocess, size=size, crop="center" if preprocess.crop == "center" else "none", resize_short=None)
    picture = to_bytes(fit_pixels(pixels, around).pixels)
    box = box_of(size, preprocess)
    inside = slice(int(box.top), int(box.bottom)), slice(int(box.left), int(box.right))
    picture[inside] = to_bytes(fit_pixels(pixels, preprocess).pixels)
    return picture
