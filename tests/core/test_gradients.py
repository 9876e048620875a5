"""Gradients of targets: known answers on linear models, batches, and what happens where there is none."""

import numpy as np
import pytest

from tests.fakes import LinearModel, WithoutScores
from viz.core.batching import BatchedAdapter
from viz.core.errors import NotSupported, OutOfMemory
from viz.core.gradient_check import check_gradient
from viz.core.gradients import input_gradients
from viz.core.target import class_target, neuron_target

RANDOM = np.random.default_rng(0)
WEIGHTS = RANDOM.standard_normal((4, 3, 6, 5)).astype(np.float32)
IMAGES = RANDOM.random((5, 3, 6, 5)).astype(np.float32)


def test_the_gradient_of_a_linear_score_is_its_weights():
    model = LinearModel(WEIGHTS, bias=2.0)
    found = input_gradients(model, IMAGES, [class_target(model, 3)] * 5)
    np.testing.assert_allclose(found.pixels, np.repeat(WEIGHTS[3:4], 5, axis=0), atol=1e-6)
    np.testing.assert_allclose(found.values, model.run(IMAGES, ["scores"])["scores"][:, 3], rtol=1e-5)


def test_each_image_has_the_gradient_of_its_own_target():
    model = LinearModel(WEIGHTS)
    targets = [class_target(model, i % 4) for i in range(5)]
    found = input_gradients(model, IMAGES, targets)
    np.testing.assert_allclose(found.pixels, WEIGHTS[[0, 1, 2, 3, 0]], atol=1e-6)


def test_a_difference_of_classes_has_the_difference_of_their_gradients():
    model = LinearModel(WEIGHTS)
    found = input_gradients(model, IMAGES[:1], [class_target(model, 0) - class_target(model, 1)])
    np.testing.assert_allclose(found.pixels[0], WEIGHTS[0] - WEIGHTS[1], atol=1e-6)


def test_the_gradient_of_a_probability_is_that_of_the_softmax():
    model = LinearModel(WEIGHTS / 10, squash="softmax")
    target = class_target(model, 2, "probability")
    found = input_gradients(model, IMAGES[:1], [target]).pixels[0]
    p = model.run(IMAGES[:1], ["probabilities"])["probabilities"][0].astype(float)
    expected = p[2] * (model.weights[2] - np.einsum("k,kchw->chw", p, model.weights))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_gradient_with_respect_to_an_inner_layer_comes_with_its_values():
    model = LinearModel(WEIGHTS)
    found = input_gradients(model, IMAGES, [class_target(model, 1)] * 5, layers=["products"])
    np.testing.assert_allclose(found.activations["products"], model.run(IMAGES, ["products"])["products"], rtol=1e-5)
    expected = np.zeros((5, 4, 6, 5))
    expected[:, 1] = 1
    np.testing.assert_array_equal(found.layers["products"], expected)


def test_batches_of_any_size_give_the_same():
    model = LinearModel(WEIGHTS)
    targets = [class_target(model, i % 4) for i in range(5)]
    whole, pieces = (input_gradients(BatchedAdapter(model, size), IMAGES, targets) for size in (5, 2))
    np.testing.assert_array_equal(whole.pixels, pieces.pixels)
    np.testing.assert_allclose(whole.values, pieces.values, rtol=1e-6)


def test_out_of_memory_halves_the_batch_and_goes_on():
    class Small(LinearModel):
        def trace(self, images, layers, rule="plain"):
            if len(images) > 2:
                raise OutOfMemory("no room")
            return super().trace(images, layers, rule)

    model = BatchedAdapter(Small(WEIGHTS), 5)
    found = input_gradients(model, IMAGES, [class_target(model, 0)] * 5)
    np.testing.assert_allclose(found.pixels, np.repeat(WEIGHTS[:1], 5, axis=0), atol=1e-6)
    assert any("out of memory" in note for note in model.notes)


def test_with_no_room_for_a_single_image_the_error_stands():
    class Smaller(LinearModel):
        def trace(self, images, layers, rule="plain"):
            raise OutOfMemory("no room")

    model = Smaller(WEIGHTS)
    with pytest.raises(OutOfMemory):
        input_gradients(model, IMAGES, [class_target(model, 0)] * 5)


def test_a_model_without_gradients_says_so_and_names_what_works():
    model = WithoutScores(WEIGHTS)
    model.trace = super(LinearModel, model).trace  # as an adapter that defines none
    with pytest.raises(NotSupported, match="no gradients") as caught:
        input_gradients(model, IMAGES, [neuron_target(model, "products", 0)] * 5)
    assert "viz occlusion" in caught.value.next_step


def test_a_target_that_no_gradient_reaches_names_where_the_path_ends():
    class Cut(LinearModel):
        def trace(self, images, layers, rule="plain"):
            from viz.core.adapter import Trace

            found = super().trace(images.detach(), layers, rule)
            return Trace(found.values, ended=("ArgMax 'head'",))

    model = Cut(WEIGHTS)
    with pytest.raises(NotSupported, match="ends at ArgMax 'head'"):
        input_gradients(model, IMAGES, [class_target(model, 0)] * 5)


def test_the_check_accepts_a_right_gradient_and_refuses_a_wrong_one():
    class Wrong(LinearModel):
        def trace(self, images, layers, rule="plain"):
            return super().trace(images * 1.1, layers, rule)

    right, wrong = LinearModel(WEIGHTS), Wrong(WEIGHTS)
    good = check_gradient(right, IMAGES[0], class_target(right, 0))
    bad = check_gradient(wrong, IMAGES[0], class_target(wrong, 0))
    assert good.holds() and good.error < 1e-3
    assert not bad.holds() and bad.error == pytest.approx(0.1, rel=0.02)


def test_a_layer_that_does_not_follow_from_the_pixels_has_a_gradient_of_zero():
    class Token(LinearModel):
        def trace(self, images, layers, rule="plain"):
            import torch

            from viz.core.adapter import Trace

            found = super().trace(images, [name for name in layers if name != "pixels"], rule)
            return Trace({**found.values, "pixels": torch.ones(len(images), 2)})

    model = Token(WEIGHTS)
    found = input_gradients(model, IMAGES, [class_target(model, 0)] * 5, layers=["pixels", "products"])
    assert found.layers["pixels"].shape == (5, 2) and not found.layers["pixels"].any()
    assert found.layers["products"].any()
