"""The randomization check: new weights change a gradient, and leave a detector of edges as it is."""

import numpy as np
import pytest

from tests.onnx_models import conv_net
from tests.techniques.metrics.judging import explained
from viz.core.batching import BatchedAdapter
from viz.core.model_options import ModelOptions
from viz.core.target import class_target
from viz.evaluation.baselines import Edges
from viz.models import open_model
from viz.techniques.attribution.grad_cam import GradCam
from viz.techniques.attribution.saliency import Saliency
from viz.techniques.metrics._again import with_same_layer
from viz.techniques.metrics.randomization import Randomization
from viz.techniques.metrics.randomization_ssim import RandomizationSsim

IMAGES = np.random.default_rng(0).random((2, 3, 16, 16), np.float32)


@pytest.fixture
def model(tmp_path):
    return BatchedAdapter(open_model(str(conv_net(tmp_path / "net.onnx")), ModelOptions(preprocess="unit")))


def judged(model, technique):
    targets = [class_target(model, 1)] * 2
    maps = technique(model, IMAGES, targets)
    made = []

    def randomized(part):
        made.append(part)
        return model.randomized(0, part)

    heats = [one.heat for one in maps]
    return explained(model, IMAGES, heats, targets, technique=technique, randomized=randomized), made


def test_new_weights_change_a_gradient_and_not_the_edges(model):
    of_gradient = Randomization()(judged(model, Saliency())[0])
    of_edges = Randomization()(judged(model, Edges())[0])
    assert (of_gradient.values < 0.9).all()
    assert (of_edges.values == 1).all()
    assert RandomizationSsim()(judged(model, Edges())[0]).values == pytest.approx(1)


def test_the_figure_is_that_of_the_last_stage_and_every_stage_is_kept(model):
    found = Randomization(stages=2)(judged(model, Saliency())[0])
    assert list(found.details) == ["50% of the layers", "100% of the layers"]
    np.testing.assert_array_equal(found.values, found.details["100% of the layers"])


def test_both_measures_look_at_the_same_maps_made_once(model):
    case, made = judged(model, Saliency())
    Randomization()(case)
    RandomizationSsim()(case)
    assert made == [0.25, 0.5, 0.75, 1.0]


def test_the_sign_of_a_map_is_left_out(model):
    case, _ = judged(model, Edges())
    for one in case.maps:
        np.negative(one.heat, out=one.heat)
    assert (Randomization()(case).values == 1).all()


def test_a_technique_keeps_to_the_layer_that_it_has_chosen(model):
    found = GradCam()(model, IMAGES[:1], [class_target(model, 1)])[0]
    assert with_same_layer(GradCam(), found).layer == found.numbers["layer"]
    assert with_same_layer(GradCam(layer="conv"), found).layer == "conv"
    assert with_same_layer(Saliency(), found) == Saliency()
