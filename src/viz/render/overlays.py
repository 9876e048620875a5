"""Results as pictures: a heat map laid over the photo it belongs to, at the photo's own resolution."""

from functools import cache

import cv2
import numpy as np

from viz.core.images import Box, Photo, Pixels
from viz.core.result import FloatArray, HeatMap, Result

# Colours (RGB) for heat from 0 to 1: evidence for the target goes to yellow, against it to light blue.
# Lightness rises with strength in both, so that the maps also read in gray and with colour blindness.
_FOR = np.array([[60, 0, 40], [170, 20, 60], [235, 80, 20], [255, 170, 0], [255, 245, 120]], np.float32)
_AGAINST = np.array([[10, 10, 70], [20, 60, 150], [30, 120, 210], [80, 185, 240], [200, 240, 255]], np.float32)
_STRONGEST = 0.85  # opacity of the strongest heat: the photo stays recognisable under it
_BAND = 1024  # rows at a time
_UNSEEN = 0.45  # brightness of what the model did not see


def picture(result: Result, photo: Photo, box: Box) -> Pixels:
    """The picture of a result for one photo, (h, w, 3) uint8 at the photo's size.

    `box` is the part of the photo that the model saw; it is drawn where it is not the whole photo.
    """
    if not isinstance(result, HeatMap):
        raise TypeError(f"no picture is defined for a {type(result).__name__}")
    shown = overlay(photo.pixels, _smoothed(result), box)
    return _with_caption(shown, result.caption) if result.caption else shown


def overlay(pixels: Pixels, heat: FloatArray, box: Box) -> Pixels:
    """Heat (h, w) of the model's input laid over `pixels` within `box`, scaled by its largest magnitude."""
    scaled = _scaled(heat)
    mixed = np.empty_like(pixels)
    for top in range(0, len(pixels), _BAND):  # in bands, so that a huge photo needs little memory
        mixed[top : top + _BAND] = _blended(pixels[top : top + _BAND], scaled, box, top)
    return _with_frame(mixed, box)


def _blended(pixels: Pixels, heat: FloatArray, box: Box, top: int) -> Pixels:
    """Rows of the photo from `top` on, with the heat over them."""
    level = _on_photo(heat, pixels.shape[:2], box, top)
    # What matters should stand out: the photo goes gray and a little dark, the heat brings colour.
    gray = cv2.convertScaleAbs(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), alpha=0.75, beta=20)
    shade, colour = _look_up()
    shaded = cv2.multiply(gray, cv2.LUT(level, shade), scale=1 / 255)
    return np.asarray(cv2.add(cv2.merge([shaded] * 3), cv2.LUT(cv2.merge([level] * 3), colour)), np.uint8)


def _smoothed(result: HeatMap) -> FloatArray:
    if result.grain < 2:
        return result.heat
    smooth = cv2.GaussianBlur(result.heat, (0, 0), result.grain / 2, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(smooth, np.float32)


def _scaled(heat: FloatArray) -> FloatArray:
    """Heat divided by its largest magnitude, within -1 to 1; a map of zeros stays one."""
    finite = np.nan_to_num(heat, nan=0.0, posinf=0.0, neginf=0.0)
    largest = float(np.abs(finite).max())
    return finite / largest if largest > 0 else finite


def _on_photo(heat: FloatArray, size: tuple[int, ...], box: Box, first_row: int) -> Pixels:
    """Heat in -1..1 stretched over `box`, as levels 1..255 with 128 for none, for `size` rows and columns.

    The rows are those of the photo from `first_row` on; outside the box there is none.
    """
    across, down = (box.right - box.left) / heat.shape[1], (box.bottom - box.top) / heat.shape[0]
    # Pixel centres: photo x + 0.5 = left + (u + 0.5) * across.
    to_photo = np.array([[across, 0, box.left + across / 2 - 0.5], [0, down, box.top + down / 2 - 0.5 - first_row]])
    levels = np.rint(heat * 127 + 128).astype(np.uint8)
    stretched = cv2.warpAffine(
        levels, to_photo, (size[1], size[0]), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    inside = np.full(size[:2], 128, np.uint8)
    left, top, right, bottom = _whole(box)
    place = slice(max(0, top - first_row), max(0, bottom - first_row)), slice(left, right)
    inside[place] = stretched[place]
    return inside


@cache
def _look_up() -> tuple[Pixels, Pixels]:
    """By level: how much of the gray photo shows (256,), and the colour laid over it (256, 1, 3), in 0..255.

    Weak heat is nearly clear, and evidence against the target is quieter than evidence for it.
    """
    strength = (np.arange(256) - 128) / 127
    opacity = np.abs(strength) ** 0.7 * np.where(strength >= 0, _STRONGEST, _STRONGEST * 0.7)
    at = np.minimum(np.abs(strength) * 255, 255).astype(int)
    colour = np.where(strength[:, None] >= 0, _ramp(_FOR)[at], _ramp(_AGAINST)[at]) * opacity[:, None]
    return np.rint(255 * (1 - opacity)).astype(np.uint8), np.rint(colour)[:, None].astype(np.uint8)


def _ramp(stops: FloatArray) -> FloatArray:
    """Colour stops (k, 3) interpolated to 256 colours."""
    at = np.linspace(0, len(stops) - 1, 256)
    channels = [np.interp(at, range(len(stops)), stops[:, c]) for c in range(3)]
    return np.stack(channels, axis=1).astype(np.float32)


def _with_frame(picture: Pixels, box: Box) -> Pixels:
    """Darken what the model did not see, and draw the border of what it saw."""
    height, width = picture.shape[:2]
    left, top, right, bottom = _whole(box)
    if (left, top, right, bottom) == (0, 0, width, height):
        return picture
    framed = (picture * _UNSEEN).astype(np.uint8)
    framed[top:bottom, left:right] = picture[top:bottom, left:right]
    thickness = max(1, round(min(height, width) / 250))
    cv2.rectangle(framed, (left, top), (right - 1, bottom - 1), (255, 255, 255), thickness)
    return framed


def _with_caption(picture: Pixels, caption: str) -> Pixels:
    """A line of text along the lower edge, small enough to fit and large enough to read."""
    height, width = picture.shape[:2]
    (at_one, _), _ = cv2.getTextSize(caption, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)
    scale = min(0.9 * width / at_one, max(0.35, height / 600))
    (across, up), below = cv2.getTextSize(caption, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    bar = picture.copy()
    bar[height - up - 2 * below :] = (bar[height - up - 2 * below :] * 0.25).astype(np.uint8)
    place = ((width - across) // 2, height - below)
    cv2.putText(bar, caption, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 1, cv2.LINE_AA)
    return bar


def _whole(box: Box) -> tuple[int, int, int, int]:
    return round(box.left), round(box.top), round(box.right), round(box.bottom)
