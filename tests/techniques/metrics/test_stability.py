"""Stability: the largest relative change of the map, against the definition."""

import numpy as np
import pytest

from tests.fakes import SumModel
from tests.techniques.metrics.judging import explained
from viz.core.errors import ImageError
from viz.core.result import HeatMap
from viz.core.target import class_target
from viz.core.technique import TechniqueInfo
from viz.evaluation.baselines import Centre
from viz.techniques.metrics.stability import Stability

SIZE = (8, 8)
MODEL = SumModel(SIZE)
TARGET = class_target(MODEL, 0)
IMAGE = np.full((1, 3, *SIZE), 0.5, np.float32)


class Brightness:
    """The image's own red channel as a map; remembers what it was shown."""

    info = TechniqueInfo("brightness", "", "", "", False, 4, {})

    def __init__(self, fails=False):
        self.fails, self.shown = fails, []

    def __call__(self, model, images, targets):
        self.shown.append(images)
        return [ImageError("no") if self.fails else HeatMap({"heat": image[0]}) for image in images]


def changed(technique, heat, **options):
    return Stability(**options)(explained(MODEL, IMAGE, [heat], [TARGET], technique=technique)).values[0]


def test_it_is_the_largest_distance_of_a_map_in_the_ball_relative_to_the_map():
    technique = Brightness()
    found = changed(technique, IMAGE[0, 0], samples=6, radius=0.1)
    noisy = np.concatenate(technique.shown)
    distances = [np.sqrt(((image[0] - 0.5) ** 2).sum()) for image in noisy]
    assert len(noisy) == 6
    assert np.abs(noisy - 0.5).max() <= 0.1 + 1e-6
    assert found == pytest.approx(max(distances) / np.sqrt(64 * 0.25), rel=1e-5)


def test_as_many_images_as_a_technique_takes_are_explained_in_one_call():
    technique = Brightness()
    changed(technique, IMAGE[0, 0], samples=6)
    assert [len(images) for images in technique.shown] == [4, 2]


def test_a_map_that_does_not_look_at_the_image_does_not_move():
    heat = Centre()(MODEL, IMAGE, [TARGET])[0].heat
    assert changed(Centre(), heat) == 0


def test_a_map_of_zeros_and_a_technique_without_a_map_have_no_value():
    assert np.isnan(changed(Brightness(), np.zeros(SIZE)))
    assert np.isnan(changed(Brightness(fails=True), IMAGE[0, 0]))
