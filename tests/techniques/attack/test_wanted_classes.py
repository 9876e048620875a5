"""Which class a photo shall be taken for, from what was typed."""

import numpy as np
import pytest

from tests.techniques.attack.fooling import gray_photos, linear
from viz.core.errors import ImageError, UnknownName, UsageError
from viz.core.images import Photo
from viz.core.making import GivenPhoto
from viz.techniques.attack._wanted_classes import checked, noise_classes, wanted_class

ORDER = np.array([3, 1, 0, 4, 2])
MODEL = linear(classes=5)


def wanted(text, truth=None, name="a.png", seed=0):
    return wanted_class(text, MODEL, ORDER, GivenPhoto(name, Photo(gray_photos(1)[0], ""), truth), seed)


def test_ranks_names_and_indices_are_classes():
    assert wanted("least-likely") == 2
    assert wanted("top1") == 3
    assert wanted("top2") == 1
    assert wanted("c4") == 4
    assert wanted("0") == 0
    assert wanted("label", truth="c1") == 1
    assert wanted("untargeted") is None


def test_a_random_class_is_never_the_photos_own_and_follows_from_seed_and_name():
    drawn = [wanted("random", seed=seed) for seed in range(40)]
    assert set(drawn) == {0, 1, 2, 4}
    assert drawn == [wanted("random", seed=seed) for seed in range(40)]
    assert len({wanted("random", name=f"{i}.png") for i in range(20)}) > 1


def test_a_label_that_is_not_known_is_the_photos_problem():
    with pytest.raises(ImageError, match=r"a\.png has no label"):
        wanted("label")


def test_ranges_are_several_and_repetitions_one():
    assert checked(["1-3", "2", "c2", "random"], MODEL) == ["1", "2", "3", "c2", "random"]
    assert checked(["3-1"], MODEL) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "problem", "says"),
    [
        ("c9", UnknownName, "no class is called 'c9'"),
        ("7", UsageError, "class 7 does not exist"),
        ("2-9", UsageError, "class 9 does not exist"),
        ("top6", UsageError, "the model has 5 classes"),
        ("top0", UsageError, "the model has 5 classes"),
    ],
)
def test_what_cannot_be_is_said_before_any_photo_is_read(text, problem, says):
    with pytest.raises(problem, match=says):
        checked([text], MODEL)


def test_noise_becomes_named_classes_all_or_a_random_one():
    assert noise_classes(["c1", "3-4", "1"], MODEL, 0) == [1, 3, 4]
    assert noise_classes(["all"], MODEL, 0) == [0, 1, 2, 3, 4]
    assert len({noise_classes(["random"], MODEL, seed)[0] for seed in range(20)}) > 1
    with pytest.raises(UsageError, match="follows from a photo"):
        noise_classes(["least-likely"], MODEL, 0)
