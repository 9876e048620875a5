"""The pointing game and its energy-based twin, on maps made by hand."""

import numpy as np
import pytest

from tests.fakes import LinearModel, SumModel
from tests.techniques.metrics.judging import explained, one_hot, region
from viz.core.target import class_target
from viz.techniques.attribution.gradient_x_input import GradientXInput
from viz.techniques.metrics.energy import Energy
from viz.techniques.metrics.pointing_game import PointingGame

SIZE = (40, 60)
MODEL = SumModel(SIZE)
IMAGE = np.ones((1, 3, *SIZE), np.float32)
OBJECT = region(SIZE, slice(10, 20), slice(10, 20))


def pointed(heat, where=OBJECT, **options):
    found = PointingGame(**options)(explained(MODEL, IMAGE, [heat], [class_target(MODEL, 0)], [where]))
    return float(found.values[0])


def test_a_peak_on_the_object_hits():
    assert pointed(one_hot(SIZE, 15, 15), tolerance=0) == 1


@pytest.mark.parametrize(("x", "hit"), [(33, 1), (34, 0)])
def test_a_peak_hits_as_long_as_it_is_nearer_than_the_tolerance(x, hit):
    assert pointed(one_hot(SIZE, 15, x), tolerance=15) == hit  # the object ends at 19


@pytest.mark.parametrize(("x", "hit"), [(21, 1), (22, 0)])
def test_the_tolerance_counts_in_pixels_of_the_photo(x, hit):
    wide = region(SIZE, slice(10, 20), slice(10, 20), pixel=(1, 6))
    assert pointed(one_hot(SIZE, 15, x), wide, tolerance=15) == hit


def test_without_tolerance_the_next_pixel_misses():
    assert pointed(one_hot(SIZE, 15, 20), tolerance=0) == 0


def test_a_flat_map_points_nowhere_even_with_the_object_in_the_middle():
    assert pointed(np.zeros(SIZE), region(SIZE, slice(0, 40), slice(0, 60))) == 0


def test_an_image_without_a_known_object_has_no_value():
    assert np.isnan(pointed(one_hot(SIZE, 15, 15), None))


def test_gradient_x_input_of_a_linear_model_points_at_the_only_pixels_that_count():
    weights = np.zeros((1, 3, *SIZE), np.float32)
    weights[0, :, 12:15, 12:15] = 1
    model = LinearModel(weights)
    target = class_target(model, 0)
    maps = [one.heat for one in GradientXInput(baseline="black")(model, IMAGE, [target])]
    judged = explained(model, IMAGE, maps, [target], [OBJECT])
    assert PointingGame(tolerance=0)(judged).values == [1]
    assert Energy()(judged).values == [1]


def test_energy_is_the_share_of_positive_heat_on_the_object():
    heat = np.zeros(SIZE)
    heat[15, 15], heat[0, 0], heat[39, 59] = 3, 1, -100
    judged = explained(MODEL, IMAGE, [heat], [class_target(MODEL, 0)], [OBJECT])
    assert Energy()(judged).values == [0.75]


def test_a_map_without_positive_heat_has_none_on_the_object():
    judged = explained(MODEL, IMAGE, [-np.ones(SIZE)], [class_target(MODEL, 0)], [OBJECT])
    assert Energy()(judged).values == [0]
