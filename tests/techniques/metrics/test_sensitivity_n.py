"""Sensitivity-n: 1 for the exact account of a linear model, about 0 for chance."""

import numpy as np
import pytest

from tests.fakes import LinearModel
from tests.techniques.metrics.judging import explained
from viz.core.preprocess import Preprocess
from viz.core.target import class_target
from viz.techniques.attribution.gradient_x_input import GradientXInput
from viz.techniques.metrics.sensitivity_n import SensitivityN

RANDOM = np.random.default_rng(0)
SIZE = (16, 16)
MODEL = LinearModel(RANDOM.normal(size=(2, 3, *SIZE)), bias=3.0)
MODEL.preprocess = Preprocess(size=SIZE, mean=(0.3, 0.5, 0.9))  # so that zero is a colour, and not black
TARGET = class_target(MODEL, 1)
IMAGES = RANDOM.random((2, 3, *SIZE), np.float32)


def judged(heats, model=MODEL):
    return explained(model, IMAGES[: len(heats)], heats, [TARGET] * len(heats))


def test_gradient_x_input_of_a_linear_model_adds_up_exactly():
    heats = [one.heat for one in GradientXInput(baseline="mean")(MODEL, IMAGES, [TARGET] * 2)]
    found = SensitivityN(subsets=20)(judged(heats))
    np.testing.assert_allclose(found.values, 1, atol=1e-4)
    assert set(found.details) == {"n = 0.01", "n = 0.1", "n = 0.5"}


def test_neither_scale_nor_shift_of_a_map_matters_and_the_sign_does():
    heat = GradientXInput(baseline="mean")(MODEL, IMAGES[:1], [TARGET])[0].heat
    found = SensitivityN(subsets=20)(judged([1000 * heat + 5, -heat]))
    assert found.values[0] == pytest.approx(1, abs=1e-3)
    assert found.values[1] < 0  # on the other image, the heat of the first is no account at all


def test_a_map_of_chance_is_near_zero_and_a_flat_one_exactly_zero():
    found = SensitivityN(subsets=200)(judged([RANDOM.random(SIZE), np.full(SIZE, 0.1)]))
    assert abs(found.values[0]) < 0.2
    assert found.values[1] == 0


def test_a_score_that_never_changes_has_no_value():
    dead = LinearModel(np.zeros((2, 3, *SIZE), np.float32))
    assert np.isnan(SensitivityN(subsets=5)(judged([RANDOM.random(SIZE)], dead)).values[0])


def test_the_forward_passes_are_shared_by_all_techniques():
    first = judged([RANDOM.random(SIZE)])
    metric = SensitivityN(subsets=5)
    metric(first)
    MODEL.batches.clear()
    metric(first)
    assert MODEL.batches == []


def test_each_set_has_n_different_pixels():
    for sets, count in zip(SensitivityN(subsets=4)._sets(256), (3, 26, 128), strict=True):
        assert sets.shape == (4, count)
        assert all(len(set(row)) == count for row in sets.tolist())
