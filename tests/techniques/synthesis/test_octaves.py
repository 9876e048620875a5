"""The sizes of a dream, and ways between them: nothing of the photo is lost, nothing moves."""

import numpy as np
import pytest

from tests.techniques.synthesis.making import photo
from viz.core.images import to_float
from viz.techniques.synthesis._octaves import enlarged, laid_over, no_longer_than, octave_sizes, resized

BASE = to_float(photo(40, 60))


def test_sizes_grow_by_the_scale_and_end_at_the_images_own():
    assert list(octave_sizes((280, 560), 3, 2.0, (40, 40))) == [(70, 140), (140, 280), (280, 560)]
    assert list(octave_sizes((100, 100), 1, 1.4, (96, 96))) == [(100, 100)]


def test_octaves_that_fill_less_than_half_a_tile_are_left_out_but_never_the_last():
    assert list(octave_sizes((96, 96), 4, 1.4, (96, 96))) == [(49, 49), (69, 69), (96, 96)]
    assert list(octave_sizes((10, 500), 3, 2.0, (96, 96))) == [(10, 500)]


def test_a_dream_of_nothing_is_the_photo_itself_at_any_size():
    for size in ((20, 30), (40, 60), (57, 81)):
        small = resized(BASE, size)
        np.testing.assert_allclose(laid_over(BASE, small, (40, 60)), BASE, atol=1e-6)


def test_what_was_dreamed_is_laid_over_the_photos_own_detail():
    """A plain enlargement of the small dream would have lost the photo's fine checks."""
    checks = np.indices((40, 60)).sum(0) % 2 * 0.4 + 0.3
    base = np.repeat(checks[None], 3, axis=0).astype(np.float32)
    small = resized(base, (20, 30))
    found = laid_over(base, small + np.float32(0.1), (40, 60))
    np.testing.assert_allclose(found, base + 0.1, atol=1e-5)


def test_what_leaves_the_range_is_clipped():
    found = laid_over(BASE, resized(BASE, (20, 30)) + np.float32(2), (40, 60))
    assert found.max() == found.min() == 1


def test_a_photo_is_only_ever_made_smaller():
    pixels = photo(40, 60)
    assert no_longer_than(pixels, 30).shape == (20, 30, 3)
    assert no_longer_than(pixels.transpose(1, 0, 2), 30).shape == (30, 20, 3)
    assert no_longer_than(pixels, 60) is no_longer_than(pixels, 0) is pixels


@pytest.mark.parametrize("size", [(41, 61), (40, 60)])
def test_a_zoom_keeps_the_middle_where_it_is_and_enlarges_around_it(size):
    rows, columns = np.indices(size, dtype=np.float32)
    ramp = np.stack([rows / 100, columns / 100, np.full(size, 0.5, np.float32)])
    found = enlarged(ramp, 2.0)
    middle = np.array([(side - 1) / 2 for side in size])[:, None, None]
    expected = (middle + (np.stack([rows, columns]) - middle) / 2) / 100
    np.testing.assert_allclose(found[:2, 3:-3, 3:-3], expected[:, 3:-3, 3:-3], atol=2e-3)
    np.testing.assert_allclose(found[2], 0.5, atol=1e-6)
