"""A photo fitted to a model's input: antialiased like Pillow and torchvision, and traced back to the photo."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from viz.core.images import Decoded, Fitted, Photo, fit
from viz.core.preprocess import Preprocess

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}
CENTRE = Preprocess((224, 224), "center", 256)
STRETCH = Preprocess((224, 224), "none")
CENTRAL = Preprocess((224, 224), 0.875)


def photo(height: int, width: int, seed: int = 0) -> Photo:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return Photo(pixels, "")


def marked(height: int, width: int, y: int, x: int, side: int) -> Photo:
    """Black, with a white square whose top left corner is at y, x."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[y : y + side, x : x + side] = 255
    return Photo(pixels, "")


def as_bytes(fitted: Fitted) -> np.ndarray:
    return (fitted.pixels * 255).round().astype(np.uint8).transpose(1, 2, 0)


def found_on_photo(fitted: Fitted) -> tuple[float, float]:
    """Centre (y, x), on the photo, of what is bright in the fitted image."""
    brightness = fitted.pixels[0].astype(float)
    height, width = brightness.shape
    y = ((np.arange(height) + 0.5)[:, None] * brightness).sum() / brightness.sum()
    x = ((np.arange(width) + 0.5)[None, :] * brightness).sum() / brightness.sum()
    box = fitted.box
    return (
        box.top + y / height * (box.bottom - box.top),
        box.left + x / width * (box.right - box.left),
    )


def resized(image: Photo, size: tuple[int, int], interpolation: str) -> np.ndarray:
    """The whole photo scaled by Pillow to (width, height), as loaders of training code do it: (h, w, 3) uint8."""
    return np.asarray(Image.fromarray(image.pixels).resize(size, FILTERS[interpolation]))


@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("size", [(375, 500), (500, 333), (100, 90), (224, 224)])
def test_stretching_is_pillows_antialiased_resize(interpolation: str, size: tuple[int, int]):
    expected = resized(photo(*size), (224, 224), interpolation)
    found = fit(photo(*size), Preprocess((224, 224), "none", interpolation=interpolation))
    np.testing.assert_array_equal(as_bytes(found), expected)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])  # the others jump where they tie
@pytest.mark.parametrize("size", [(375, 500), (500, 333), (100, 90), (256, 256), (1000, 257)])
def test_a_centre_crop_is_that_of_the_training_code(interpolation: str, size: tuple[int, int]):
    """Written out again: short side to 256, long side rounded down, the middle cut out of the whole."""
    height, width = size
    scaled = (256, int(256 * height / width)) if width <= height else (int(256 * width / height), 256)
    left, top = (scaled[0] - 224) // 2, (scaled[1] - 224) // 2
    soft = Photo(
        photo(*size).pixels // 2 + 64, ""
    )  # at full contrast, what is clipped depends on the axis that goes first
    expected = resized(soft, scaled, interpolation)[top : top + 224, left : left + 224]
    found = as_bytes(fit(soft, Preprocess((224, 224), "center", 256, interpolation)))
    assert np.abs(found.astype(int) - expected).max() <= 2  # each axis rounds to 8 bits


def test_shrinking_averages_and_does_not_skip_pixels():
    stripes = np.zeros((896, 896, 3), np.uint8)
    stripes[:, ::2] = 255  # finer than the input can show
    for preprocess in (CENTRE, STRETCH, CENTRAL):
        inner = fit(Photo(stripes, ""), preprocess).pixels[:, 8:-8, 8:-8]
        assert np.abs(inner - 0.5).max() < 0.06, preprocess


def test_pixels_are_rgb_from_0_to_1():
    image = Photo(np.full((50, 60, 3), (255, 0, 51), np.uint8), "")
    found = fit(image, CENTRE).pixels
    assert (found.shape, found.dtype) == ((3, 224, 224), np.float32)
    assert found[:, 100, 100].tolist() == pytest.approx([1, 0, 0.2])


def test_a_photo_of_the_right_size_is_left_as_it_is():
    image = photo(224, 224)
    for preprocess in (STRETCH, Preprocess((224, 224), "center"), Preprocess((224, 224), "center", 224)):
        np.testing.assert_array_equal(as_bytes(fit(image, preprocess)), image.pixels)


@pytest.mark.parametrize(
    ("preprocess", "size", "box"),
    [
        (STRETCH, (400, 600), (0, 0, 600, 400)),
        (CENTRAL, (400, 800), (50, 25, 750, 375)),
        (CENTRE, (256, 512), (144, 16, 368, 240)),
        (CENTRE, (512, 512), (32, 32, 480, 480)),
        (Preprocess((100, 200), "center"), (300, 400), (0, 50, 400, 250)),
        (Preprocess((224, 224), "center"), (100, 50), (0, 25, 50, 75)),
    ],
)
def test_the_box_is_the_part_of_the_photo_that_is_seen(preprocess: Preprocess, size, box):
    found = fit(photo(*size), preprocess).box
    assert (found.left, found.top, found.right, found.bottom) == pytest.approx(box)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(FILTERS)),
    st.sampled_from(["none", "center", 0.875, 0.3]),
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
    st.integers(1, 300),
    st.integers(1, 300),
)
def test_an_image_that_pillow_holds_is_fitted_to_the_same_bytes(interpolation: str, crop, size, height, width):
    preprocess = Preprocess(size, crop, interpolation=interpolation)
    pixels = photo(height, width)
    one, other = fit(pixels, preprocess), fit(Decoded(Image.fromarray(pixels.pixels), ""), preprocess)
    assert one.box == other.box
    assert one.pixels.tobytes() == other.pixels.tobytes()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([STRETCH, CENTRAL, CENTRE, Preprocess((200, 120), "center", 230), Preprocess((90, 120), "center")]),
    st.integers(150, 600),
    st.integers(150, 600),
    st.floats(0.3, 0.7),
    st.floats(0.3, 0.7),
)
def test_a_mark_in_the_fitted_image_lies_where_the_photo_has_it(
    preprocess: Preprocess, height: int, width: int, down: float, across: float
):
    seen, side = fit(photo(height, width), preprocess).box, 12
    y = int(seen.top + down * (seen.bottom - seen.top)) - side // 2
    x = int(seen.left + across * (seen.right - seen.left)) - side // 2
    found_y, found_x = found_on_photo(fit(marked(height, width, y, x, side), preprocess))
    assert abs(found_y - (y + side / 2)) < 0.25
    assert abs(found_x - (x + side / 2)) < 0.25


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from(["center", "none", 0.5]),
    st.tuples(st.integers(1, 64), st.integers(1, 64)),
    st.booleans(),
)
def test_any_photo_fits_any_input_and_its_box_lies_on_it(height, width, crop, size, short):
    preprocess = Preprocess(size, crop, max(size) + 5 if short and crop == "center" else None)
    found = fit(photo(height, width), preprocess)
    assert found.pixels.shape == (3, *size)
    assert -1e-6 <= found.box.left < found.box.right <= width + 1e-6
    assert -1e-6 <= found.box.top < found.box.bottom <= height + 1e-6


def test_a_very_long_photo_is_not_scaled_whole():
    """Short side 1 to 256 would make 4e9 pixels of it."""
    image = Photo(np.full((1, 60_000, 3), 90, np.uint8), "")
    start = time.perf_counter()
    found = fit(image, CENTRE)
    assert time.perf_counter() - start < 5
    assert np.abs(found.pixels - 90 / 255).max() < 1e-6
    assert found.box.right - found.box.left == pytest.approx(224 / 256)
