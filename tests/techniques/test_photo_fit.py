"""The photo fit with a gradient does what the ordinary one does, except for its rounding to 8 bits."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from viz.core.fitting import fit_pixels, weights_of
from viz.core.images import to_float
from viz.core.preprocess import Preprocess
from viz.techniques._photo_fit import PhotoFit, own_size

FILTERS = ["nearest", "bilinear", "bicubic", "lanczos", "box"]
KINDS = {
    "stretched": Preprocess((64, 48), "none"),
    "short side first": Preprocess((56, 56), "center", 64),
    "short side first, not square": Preprocess((40, 56), "center", 65),
    "just large enough": Preprocess((56, 41), "center"),
    "central part": Preprocess((64, 48), 0.875),
}
SIZES = [(64, 64), (97, 131), (131, 97), (33, 40), (200, 310)]


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A noise picture (h, w, 3) uint8, far enough from black and white that no filter clips."""
    return np.random.default_rng(seed).integers(80, 176, (height, width, 3)).astype(np.uint8)


def as_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(to_float(pixels))[None]


def largest_error(fit: PhotoFit, pixels: np.ndarray, preprocess: Preprocess) -> float:
    """Against the ordinary fit, in 8-bit levels."""
    difference = fit(as_tensor(pixels))[0].numpy() - fit_pixels(pixels, preprocess).pixels
    return float(np.abs(difference).max()) * 255


@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_differs_from_the_ordinary_fit_by_its_two_roundings_only(kind, size, interpolation):
    preprocess = replace(KINDS[kind], interpolation=interpolation)
    pixels = picture(*size)
    fit = PhotoFit(size, preprocess)
    down = weights_of(fit.box.top, fit.box.bottom, preprocess.size[0], size[0], interpolation)
    most = np.abs(down).sum(axis=1).max()  # the first rounding, half a level, goes through the second scaling
    assert fit.box == fit_pixels(pixels, preprocess).box
    assert largest_error(fit, pixels, preprocess) < 0.5 * most + 0.5 + 0.01
    assert most < 1.6
    if interpolation == "nearest":
        assert largest_error(fit, pixels, preprocess) < 1e-3


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    crop=st.sampled_from(["none", "center", 0.875, 0.31]),
    interpolation=st.sampled_from(FILTERS),
)
def test_any_size_and_any_crop(height, width, rows, columns, crop, interpolation):
    preprocess = Preprocess((rows, columns), crop, interpolation=interpolation)
    fit = PhotoFit((height, width), preprocess)
    assert largest_error(fit, picture(height, width), preprocess) < 1.4


def test_only_the_roundings_differ_on_large_pictures():
    """More rows than are measured at once."""
    preprocess = Preprocess((30, 20), "none", interpolation="bicubic")
    assert largest_error(PhotoFit((700, 531), preprocess), picture(700, 531), preprocess) < 1.2


def test_a_bilinear_half_is_the_mean_of_four_weighted_one_three_three_one():
    """The triangle filter stretched to twice its width: weights 1, 3, 3, 1 over 8."""
    weights = weights_of(0, 8, 4, 8, "bilinear")
    np.testing.assert_allclose(weights[1], np.array([0, 1, 3, 3, 1, 0, 0, 0]) / 8, atol=1e-7)
    np.testing.assert_allclose(weights[0], np.array([3, 3, 1, 0, 0, 0, 0, 0]) / 7, atol=1e-7)


def test_the_gradient_is_the_transposed_map():
    fit = PhotoFit((9, 11), Preprocess((4, 5), "center", 6, "lanczos"))
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(1, 3, 9, 11, generator=generator, dtype=torch.float64, requires_grad=True)
    y = torch.rand(1, 3, 4, 5, generator=generator, dtype=torch.float64)
    (back,) = torch.autograd.grad((fit(x) * y).sum(), x)
    assert torch.allclose((back * x).sum(), (fit(x) * y).sum())  # <x, A'y> = <Ax, y>
    assert torch.autograd.gradcheck(fit, (x,))


@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("kind", [*KINDS, "third"])
def test_a_picture_of_its_own_size_reaches_the_model_pixel_for_pixel(kind, interpolation):
    preprocess = replace({**KINDS, "third": Preprocess((224, 299), 1 / 3)}[kind], interpolation=interpolation)
    size = own_size(preprocess)
    pixels = picture(*size)
    fit = PhotoFit(size, preprocess)
    top, left = int(fit.box.top), int(fit.box.left)
    seen = to_float(pixels)[:, top : top + preprocess.size[0], left : left + preprocess.size[1]]
    assert fit.is_crop
    np.testing.assert_array_equal(fit_pixels(pixels, preprocess).pixels, seen)
    np.testing.assert_array_equal(fit(as_tensor(pixels))[0].numpy(), seen)


@given(side=st.integers(1, 600), part=st.floats(0.01, 1))
def test_every_side_has_a_picture_of_its_own_size(side, part):
    preprocess = Preprocess((side, side), part)
    size = own_size(preprocess)
    assert PhotoFit(size, preprocess).is_crop if side < 60 else round(size[0] * part) == side
    assert round((size[0] - 1) * part) < side  # the smallest one


def test_what_is_resampled_is_no_crop():
    assert not PhotoFit((65, 48), KINDS["stretched"]).is_crop
    assert not PhotoFit((32, 24), replace(KINDS["stretched"], interpolation="nearest")).is_crop


def test_pictures_of_another_size_are_refused():
    with pytest.raises(ValueError, match="made for pictures of"):
        PhotoFit((20, 30), KINDS["stretched"])(torch.zeros(1, 3, 30, 20))
