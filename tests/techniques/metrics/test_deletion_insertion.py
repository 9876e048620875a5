"""Deletion and insertion of a linear model, in closed form."""

import numpy as np

from tests.fakes import LinearModel
from tests.techniques.metrics.judging import explained
from viz.core.target import class_target
from viz.techniques._blur import blurred
from viz.techniques.metrics.deletion import Deletion
from viz.techniques.metrics.deletion_insertion import deletion_curve
from viz.techniques.metrics.insertion import Insertion

SIZE = (10, 10)  # 100 pixels: each of the 50 steps takes two
RANDOM = np.random.default_rng(0)
WEIGHTS = RANDOM.permutation(100).reshape(1, 1, *SIZE).repeat(3, axis=1).astype(np.float32)
MODEL = LinearModel(WEIGHTS)
TARGET = 1.0 * class_target(MODEL, 0)  # the score itself: there is no probability to read
WHITE = np.ones((3, *SIZE), np.float32)


def test_the_curve_falls_by_half_of_each_weight_that_turns_gray_the_largest_first():
    found = deletion_curve(MODEL, WHITE, WEIGHTS[0, 0], TARGET)
    falling = np.concatenate([[0], np.cumsum(np.sort(WEIGHTS[0, 0].ravel())[::-1])])[::2]
    np.testing.assert_allclose(found, 3 * (WEIGHTS[0, 0].sum() - 0.5 * falling), rtol=1e-5)


def test_a_map_that_ranks_by_weight_is_best_and_its_opposite_worst():
    heats = [WEIGHTS[0, 0], RANDOM.random(SIZE), -WEIGHTS[0, 0]]
    judged = explained(MODEL, np.stack([WHITE] * 3), heats, [TARGET] * 3)
    best, chance, worst = Deletion()(judged).values
    assert best < chance < worst


def test_insertion_is_the_mean_of_the_curve_that_a_slow_loop_gives():
    image, heat = RANDOM.random((3, *SIZE), np.float32), RANDOM.random(SIZE)
    shown, scores = blurred(image, 5.0, 11).copy(), []
    order = np.argsort(-heat, axis=None)
    for done in range(0, 101, 2):
        for pixel in order[max(0, done - 2) : done]:
            shown[:, pixel // 10, pixel % 10] = image[:, pixel // 10, pixel % 10]
        scores.append((WEIGHTS[0] * shown).sum())
    mean = (sum(scores) - (scores[0] + scores[-1]) / 2) / 50
    found = Insertion()(explained(MODEL, image[None], [heat], [TARGET])).values[0]
    np.testing.assert_allclose(found, mean, rtol=1e-5)
