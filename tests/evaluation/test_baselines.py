"""Maps that need no model."""

import numpy as np

from tests.fakes import SumModel
from viz.core.technique import techniques
from viz.evaluation.baselines import Centre, Edges, Noise, baselines

MODEL = SumModel((20, 30))
STEP = np.zeros((1, 3, 20, 30), np.float32)
STEP[..., 15:] = 1


def test_edges_are_hot_where_the_brightness_changes_only():
    heat = Edges()(MODEL, STEP, [])[0].heat
    assert heat.shape == (20, 30)
    assert heat[:, [14, 15]].min() > 0
    assert not heat[:, :14].any() and not heat[:, 16:].any()


def test_the_centre_is_hottest_in_the_middle_and_the_same_on_all_sides():
    heat = Centre()(MODEL, STEP, [])[0].heat
    assert heat.shape == (20, 30)
    assert np.unravel_index(heat.argmax(), heat.shape) in [(y, x) for y in (9, 10) for x in (14, 15)]
    np.testing.assert_allclose(heat, heat[::-1, ::-1], rtol=1e-5)


def test_noise_is_another_for_every_image_and_seed_and_the_same_again():
    other = 1 - STEP
    heat = Noise(0).heat(STEP[0])
    np.testing.assert_array_equal(heat, Noise(0).heat(STEP[0]))
    assert (heat != Noise(0).heat(other[0])).any()
    assert (heat != Noise(1).heat(STEP[0])).any()


def test_no_baseline_is_a_command():
    assert not {one.info.name for one in baselines(0)} & set(techniques())
