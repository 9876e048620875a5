"""Gradient techniques on linear models, where every answer can be written down."""

import numpy as np
import pytest

from tests.fakes import LinearModel
from viz.core.errors import ImageError
from viz.core.preprocess import Preprocess
from viz.core.target import class_target
from viz.techniques.attribution._baselines import BASELINES, baseline_images, zero_colour
from viz.techniques.attribution.gradient_x_input import GradientXInput
from viz.techniques.attribution.integrated_gradients import IntegratedGradients
from viz.techniques.attribution.saliency import Saliency
from viz.techniques.attribution.smoothgrad import Smoothgrad
from viz.techniques.attribution.vargrad import Vargrad

RANDOM = np.random.default_rng(1)
WEIGHTS = RANDOM.standard_normal((3, 3, 8, 7)).astype(np.float32)
IMAGES = RANDOM.random((2, 3, 8, 7)).astype(np.float32)
MODEL = LinearModel(WEIGHTS, bias=(1, -2, 0.5))
TARGETS = [class_target(MODEL, 0), class_target(MODEL, 2)]


def test_saliency_of_a_linear_score_is_its_largest_weight_at_each_pixel():
    first, second = Saliency()(MODEL, IMAGES, TARGETS)
    np.testing.assert_allclose(first.heat, np.abs(WEIGHTS[0]).max(axis=0), atol=1e-6)
    np.testing.assert_allclose(second.heat, np.abs(WEIGHTS[2]).max(axis=0), atol=1e-6)
    np.testing.assert_allclose(first.arrays["gradient"], WEIGHTS[0], atol=1e-6)


def test_signed_saliency_is_the_sum_of_the_weights():
    (first, _) = Saliency(signed=True)(MODEL, IMAGES, TARGETS)
    np.testing.assert_allclose(first.heat, WEIGHTS[0].sum(axis=0), atol=1e-5)


@pytest.mark.parametrize("baseline", BASELINES)
def test_gradient_x_input_of_a_linear_score_sums_to_its_change_from_the_baseline(baseline):
    for i, found in enumerate(GradientXInput(baseline=baseline)(MODEL, IMAGES, TARGETS)):
        start = baseline_images(baseline, MODEL, IMAGES, 0)[i : i + 1]
        change = TARGETS[i].of(MODEL.run(IMAGES[i : i + 1], ["scores"])) - TARGETS[i].of(MODEL.run(start, ["scores"]))
        assert found.heat.sum() == pytest.approx(float(change[0]), abs=1e-4)


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("steps", [1, 7])
def test_integrated_gradients_of_a_linear_score_are_complete_with_any_number_of_steps(baseline, steps):
    for found in IntegratedGradients(baseline=baseline, steps=steps)(MODEL, IMAGES, TARGETS):
        assert found.numbers["completeness_gap"] < 1e-3
        assert found.heat.sum() == pytest.approx(found.numbers["change"], rel=1e-3, abs=1e-4)


def test_integrated_gradients_of_a_probability_close_the_gap_with_more_steps_and_warn_before():
    model = LinearModel(WEIGHTS * 3, squash="softmax")
    targets = [class_target(model, i, "probability") for i in (0, 1)]
    few, many = (IntegratedGradients(steps=n)(model, IMAGES, targets)[0] for n in (2, 400))
    assert many.numbers["completeness_gap"] < 0.01 < few.numbers["completeness_gap"]
    assert any("--steps" in text for text in few.warnings) and not many.warnings


def test_smoothgrad_of_a_linear_score_is_its_saliency_and_vargrad_is_zero():
    smooth, plain = Smoothgrad(samples=5)(MODEL, IMAGES, TARGETS)[0], Saliency()(MODEL, IMAGES, TARGETS)[0]
    np.testing.assert_allclose(smooth.heat, plain.heat, atol=1e-6)
    spread = Vargrad(samples=5)(MODEL, IMAGES, TARGETS)[0]
    np.testing.assert_allclose(spread.heat, 0, atol=1e-6)


def test_smoothgrad_and_vargrad_are_the_moments_of_gradients_at_noisy_copies():
    model = LinearModel(WEIGHTS, squash="softmax")
    target = class_target(model, 1, "probability")
    noise = np.random.default_rng(5).standard_normal((6, *IMAGES[0].shape), np.float32)
    copies = (IMAGES[0] + 0.2 * np.ptp(IMAGES[0]) * noise).astype(np.float32)
    p = model.run(copies, ["probabilities"])["probabilities"].astype(float)
    gradients = p[:, 1, None, None, None] * (WEIGHTS[1] - np.einsum("bk,kchw->bchw", p, WEIGHTS))
    smooth = Smoothgrad(samples=6, noise=0.2, seed=5)(model, IMAGES[:1], [target])[0]
    spread = Vargrad(samples=6, noise=0.2, seed=5)(model, IMAGES[:1], [target])[0]
    np.testing.assert_allclose(smooth.arrays["gradient"], gradients.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(spread.heat, gradients.var(axis=0).max(axis=0), rtol=1e-2, atol=1e-8)


def test_another_seed_gives_another_smoothgrad_and_the_same_seed_the_same():
    model = LinearModel(WEIGHTS, squash="softmax")
    targets = [class_target(model, 1, "probability")] * 2
    one, again, other = (Smoothgrad(samples=3, seed=s)(model, IMAGES, targets)[0].heat for s in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_flat_score_is_warned_of():
    model = LinearModel(np.zeros_like(WEIGHTS))
    (found,) = Saliency()(model, IMAGES[:1], [class_target(model, 0)])
    assert "zero everywhere" in found.warnings[0]


def test_an_image_with_a_gradient_that_is_not_finite_is_an_error_of_that_image_only():
    class Broken(LinearModel):
        def trace(self, images, layers, rule="plain"):
            import torch

            scale = torch.ones(len(images), 1, 1, 1)
            scale[0] = float("inf")
            return super().trace(images * scale, layers, rule)

    model = Broken(WEIGHTS)
    bad, good = Saliency()(model, IMAGES, TARGETS)
    assert isinstance(bad, ImageError) and "not a finite number" in bad.problem
    assert np.isfinite(good.heat).all()


def test_the_colour_that_normalization_maps_to_zero_is_the_mean():
    preprocess = Preprocess(size=(4, 4), channels="bgr", mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.3))
    np.testing.assert_allclose(zero_colour(preprocess), [0.6, 0.5, 0.4], atol=1e-6)
    caffe = Preprocess(size=(4, 4), channels="bgr", range=(0, 255), mean=(104, 117, 123))
    np.testing.assert_allclose(zero_colour(caffe) * 255, [123, 117, 104], atol=1e-3)
