"""Pictures beside a heat map: classes as flat colours with a legend, signed values around gray."""

import numpy as np
import pytest

from viz import render
from viz.core.labels import Labels
from viz.core.result import HeatMap


@pytest.mark.parametrize("names", [("cat", "dog"), ("猫", "<b>")])
def test_a_map_of_classes_has_a_colour_and_a_name_per_class(names):
    classes = np.array([[0, 0, 1], [0, 0, 1], [0, 0, 0]])
    result = HeatMap({"heat": np.zeros((3, 3), np.float32), "predicted_class": classes})
    picture = render.further_pictures(result, Labels(names))["classes"]
    assert tuple(picture[10, 10]) != tuple(picture[10, 630])
    assert picture.shape[0] == 640 + 2 * 28


def test_signed_colours_are_gray_for_zero_and_go_both_ways():
    values = np.zeros((3, 4, 4), np.float32)
    values[0, 0, 0], values[2, 3, 3] = 2.0, -2.0
    picture = render.signed_colours(values, side=4)
    assert picture.shape == (4, 4, 3)
    assert picture[1, 1].tolist() == [128, 128, 128]
    assert picture[0, 0].tolist() == [255, 128, 128] and picture[3, 3].tolist() == [128, 128, 1]


def test_signed_colours_of_nothing_are_gray_and_small_maps_are_enlarged():
    picture = render.signed_colours(np.zeros((3, 5, 7), np.float32), side=50)
    assert picture.shape == (50, 70, 3) and (picture == 128).all()
