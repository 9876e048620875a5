"""Fingerprints of photos: nearly the same for copies, far apart for others."""

import io
from itertools import pairwise

import numpy as np
from PIL import Image

from viz.core.fingerprints import bits_apart, fingerprint
from viz.core.images import Photo, fit
from viz.core.preprocess import Preprocess
from viz.model_zoo.shape_pictures import draw

PREPROCESS = Preprocess((96, 96))


def of(pixels):
    return fingerprint(fit(Photo(pixels, ""), PREPROCESS).pixels)


def test_a_copy_that_was_scaled_and_stored_as_jpeg_differs_in_few_bits():
    for number in range(20):
        picture = draw(number).pixels
        stored = io.BytesIO()
        Image.fromarray(picture).resize((70, 70)).save(stored, "JPEG", quality=70)
        copy = np.asarray(Image.open(stored))
        assert bits_apart(of(picture), of(copy)) <= 8


def test_other_pictures_differ_in_many_bits():
    found = [of(draw(number).pixels) for number in range(40)]
    assert np.median([bits_apart(one, other) for one, other in pairwise(found)]) > 20
    assert len(set(found)) == len(found)


def test_plain_pictures_of_any_gray_are_the_same():
    assert len({fingerprint(np.full((3, 32, 48), gray, np.float32)) for gray in (0.0, 0.3, 1.0)}) == 1


def test_it_has_63_bits():
    rng = np.random.default_rng(0)
    found = [fingerprint(rng.random((3, 50, 40), np.float32)) for _ in range(50)]
    assert all(0 <= one < 1 << 63 for one in found)
    assert max(found) > 1 << 61
