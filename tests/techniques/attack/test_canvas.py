"""What is perturbed: the photo, or a picture that the model sees as it saw the photo."""

import numpy as np
import pytest

from viz.core.errors import ImageError
from viz.core.fitting import fit_pixels
from viz.core.images import Photo
from viz.core.preprocess import Preprocess
from viz.techniques.attack import _canvas
from viz.techniques.attack._canvas import as_the_model_sees, canvas_of

PHOTO = np.random.default_rng(0).integers(0, 256, (61, 83, 3), dtype=np.uint8)
WAYS = {
    "stretched": Preprocess(size=(24, 24)),
    "centre crop": Preprocess(size=(24, 24), crop="center", resize_short=28),
    "just large enough": Preprocess(size=(24, 30), crop="center"),
    "central part": Preprocess(size=(24, 20), crop=0.875),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_model_sees_of_it_exactly_what_it_saw_of_the_photo(way):
    picture = as_the_model_sees(PHOTO, WAYS[way])
    np.testing.assert_array_equal(fit_pixels(picture, WAYS[way]).pixels, fit_pixels(PHOTO, WAYS[way]).pixels)


@pytest.mark.parametrize("way", WAYS)
def test_a_change_of_it_is_seen_value_by_value(way):
    preprocess = WAYS[way]
    picture = as_the_model_sees(PHOTO, preprocess)
    changed = picture.copy()
    changed[12, 13] ^= 1
    difference = fit_pixels(changed, preprocess).pixels - fit_pixels(picture, preprocess).pixels
    assert np.count_nonzero(difference.any(0)) == 1


def test_the_photo_itself_is_perturbed_where_that_is_feasible(monkeypatch):
    photo, preprocess = Photo(PHOTO, ""), WAYS["central part"]
    assert canvas_of(photo, preprocess, "auto").pixels is PHOTO
    assert canvas_of(photo, preprocess, "photo").resolution == "photo"
    assert canvas_of(photo, preprocess, "model").resolution == "model"
    assert not canvas_of(photo, preprocess, "model").warning
    monkeypatch.setattr(_canvas, "MOST_PIXELS", 5000)
    large = canvas_of(photo, preprocess, "auto")
    assert large.resolution == "model"
    assert "83x61" in large.warning
    with pytest.raises(ImageError, match="too large to perturb every pixel"):
        canvas_of(photo, preprocess, "photo")
