"""Images that were made, compared with photos: how many of them excite the target less."""

import numpy as np
import pytest

from tests.fakes import LinearModel
from tests.techniques.synthesis.making import PhotoList
from viz.core.batching import BatchedAdapter
from viz.core.making import Picture
from viz.core.target import class_target
from viz.techniques.synthesis._responses import compared

SIZE = (4, 5)


def flat(level: int) -> np.ndarray:
    return np.full((*SIZE, 3), level, np.uint8)


def picture(model, level: float, index: int = 0) -> Picture:
    image = np.full((3, *SIZE), level, np.float32)
    return Picture({"image": image}, {"steps": 3}, target=class_target(model, index))


@pytest.fixture
def model() -> LinearModel:
    """Two classes: the mean brightness, and its opposite."""
    ones = np.ones((1, 3, *SIZE), np.float32) / 60
    return LinearModel(np.concatenate([ones, -ones]))


PHOTOS = [flat(level) for level in (10, 40, 90, 160, 250)]


def test_the_percentile_is_the_share_of_photos_that_respond_less(model):
    found = compared([picture(model, 0.5), picture(model, 0.5, 1), picture(model, 1.0)], model, PhotoList(*PHOTOS))
    assert [one.numbers["percentile"] for one in found] == [60, 40, 100]
    assert found[0].numbers["best_photo"] == pytest.approx(250 / 255, rel=1e-5)
    assert found[1].numbers["best_photo"] == pytest.approx(-10 / 255, rel=1e-5)
    assert found[0].numbers["steps"] == 3


def test_what_counts_is_the_saved_picture_and_as_good_is_not_better(model):
    found = compared([picture(model, 90.4 / 255), picture(model, 90.6 / 255)], model, PhotoList(*PHOTOS))
    assert [one.numbers["percentile"] for one in found] == [40, 60]


def test_every_photo_is_run_once_for_all_targets_and_in_batches(model):
    batched = BatchedAdapter(model, 2)
    pictures = [picture(model, 0.5, index % 2) for index in range(6)]
    compared(pictures, batched, PhotoList(*PHOTOS))
    assert sum(model.batches) == 5 + 6, "the photos, and each picture that was made"
    assert max(model.batches) == 2


def test_without_photos_nothing_is_compared_and_nothing_run(model):
    pictures = [picture(model, 0.5)]
    assert compared(pictures, model, PhotoList()) == pictures
    assert model.batches == []


def test_photos_that_cannot_be_used_are_counted_in_a_warning(model):
    (found,) = compared([picture(model, 0.5)], model, PhotoList(None, *PHOTOS, None))
    assert found.numbers["percentile"] == 60
    assert found.warnings == ("2 photo(s) could not be compared with: photo0.png: empty file (0 bytes)",)


def test_where_no_photo_can_be_used_there_is_no_percentile(model):
    (found,) = compared([picture(model, 0.5)], model, PhotoList(None))
    assert set(found.numbers) == {"steps"}
    assert "1 photo(s) could not be compared with" in found.warnings[0]
