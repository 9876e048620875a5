"""Pictures: heat lands where it belongs on the photo, and what the model did not see is shown as such."""

import numpy as np

from viz import render
from viz.core.fitting import Box, fit_pixels
from viz.core.images import Photo
from viz.core.preprocess import Preprocess
from viz.core.result import HeatMap
from viz.render import overlays

GRAY = (120, 120, 120)


def photo(height=300, width=400):
    return np.full((height, width, 3), GRAY, np.uint8)


def shown(heat, pixels, box, **options):
    return render.picture(HeatMap({"heat": np.float32(heat)}, **options), Photo(pixels, ""), box)


def whole(pixels):
    return Box(0, 0, pixels.shape[1], pixels.shape[0])


def brightness(picture):
    return picture.astype(float).sum(axis=2)


def test_the_picture_has_the_photos_own_size():
    assert shown(np.eye(10), photo(123, 457), Box(50, 0, 400, 123)).shape == (123, 457, 3)


def test_a_hot_spot_lands_on_the_spot_it_was_measured_at():
    """A white dot on a photo is found in what the model sees; heat there comes back to the dot."""
    pixels = np.zeros((400, 600, 3), np.uint8)
    pixels[90:100, 430:440] = 255
    fitted = fit_pixels(pixels, Preprocess((64, 64), "center", 72))
    heat = fitted.pixels.mean(axis=0)
    picture = shown(heat, np.zeros_like(pixels), fitted.box)
    colourful = picture.astype(int).max(axis=2) - picture.astype(int).min(axis=2)
    y, x = np.unravel_index(colourful.argmax(), colourful.shape)
    assert abs(y - 94.5) <= 4
    assert abs(x - 434.5) <= 4


def test_evidence_for_is_warm_and_against_is_cold():
    heat = np.zeros((10, 10))
    heat[:, :4], heat[:, 6:] = 1, -1
    picture = shown(heat, photo(), whole(photo())).astype(int)
    assert picture[150, 40, 0] > picture[150, 40, 2] + 50
    assert picture[150, 360, 2] > picture[150, 360, 0] + 20


def test_no_heat_shows_the_photo_in_gray_without_colour():
    picture = shown(np.zeros((8, 8)), photo(), whole(photo())).astype(int)
    assert np.ptp(picture, axis=2).max() == 0


def test_what_the_model_did_not_see_is_dark_behind_a_frame():
    picture = shown(np.zeros((8, 8)), photo(), Box(100, 50, 300, 250))
    assert brightness(picture)[10, 10] < 0.6 * brightness(picture)[150, 200]
    assert tuple(picture[50, 200]) == (255, 255, 255)
    assert tuple(picture[150, 100]) == (255, 255, 255)


def test_a_whole_photo_has_no_frame():
    picture = shown(np.zeros((8, 8)), photo(), whole(photo()))
    assert tuple(picture[0, 0]) == tuple(picture[150, 200])


def test_a_tall_photo_is_drawn_in_bands_without_seams(monkeypatch):
    heat = np.random.default_rng(0).normal(size=(12, 12))
    pixels = np.random.default_rng(1).integers(0, 256, (500, 90, 3), np.uint8)
    at_once = shown(heat, pixels, Box(0, 100, 90, 400))
    monkeypatch.setattr(overlays, "_BAND", 37)
    difference = np.abs(shown(heat, pixels, Box(0, 100, 90, 400)).astype(int) - at_once)
    assert difference.max() <= 2  # OpenCV's fixed-point warp rounds with the row it starts from


def test_smoothing_is_for_the_eye_only():
    heat = np.zeros((32, 32), np.float32)
    heat[8:12, 8:12] = 1
    result = HeatMap({"heat": heat}, grain=4.0)
    raw = shown(heat, photo(), whole(photo()))
    smooth = shown(heat, photo(), whole(photo()), grain=4.0)
    assert not np.array_equal(raw, smooth)
    np.testing.assert_array_equal(result.heat, heat)


def test_a_caption_is_written_along_the_lower_edge_and_nowhere_else():
    heat = np.zeros((8, 8))
    for size in ((300, 400), (60, 80)):
        plain = shown(heat, photo(*size), whole(photo(*size))).astype(int)
        said = shown(heat, photo(*size), whole(photo(*size)), caption="class-agnostic").astype(int)
        rows = np.flatnonzero((plain != said).any(axis=(1, 2)))
        assert rows.max() == size[0] - 1 and rows.min() > 0.6 * size[0]
        lower = said[rows.min() :]
        assert lower.max() > 200 and lower.min() < 40, "white on dark"
        columns = np.flatnonzero(lower.max(axis=(0, 2)) > 120)
        assert abs((columns.min() + columns.max()) / 2 - size[1] / 2) < 0.05 * size[1], "in the middle, whole"


def test_heat_that_is_not_finite_does_not_break_the_picture():
    heat = np.full((8, 8), np.nan)
    heat[2, 2] = 1
    assert shown(heat, photo(), whole(photo())).dtype == np.uint8
