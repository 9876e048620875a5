"""What inversion minimizes: against a slow twin of the paper's formulas, and its gradient against differences."""

import numpy as np
import pytest
import torch

from tests.fakes import TensorModel
from tests.techniques.synthesis.gradient_checks import assert_gradient_is_right, noise
from tests.techniques.synthesis.making import photo
from viz.core.errors import ImageError, UsageError
from viz.core.layer import Layer
from viz.core.making import Watch
from viz.techniques.synthesis._embedding_error import embedding_error, nearness
from viz.techniques.synthesis._fading import Fading, faded
from viz.techniques.synthesis._inversion import Part, part_of_penalties, parts, penalty, rebuilt
from viz.techniques.synthesis._objective import Objective
from viz.techniques.synthesis.invert import Invert

LAYER = Layer("layer", "Relu", (None, 2, 3, 4))


def slow_error(phi, phi0):
    above, below = 0.0, 0.0
    for value, reference in zip(phi.ravel().tolist(), phi0.ravel().tolist(), strict=True):
        above += (value - reference) ** 2
        below += reference**2
    return above / below


def slow_penalties(image, alpha_weight, tv_weight):
    """Section 3.1: sums over pixels and channels, here as means; the distance from gray in units of the largest."""
    channels, height, width = image.shape
    norm = variation = 0.0
    for c in range(channels):
        for i in range(height):
            for j in range(width):
                norm += abs((image[c, i, j] - 0.5) / 0.5) ** 6
                down = image[c, i + 1, j] - image[c, i, j] if i + 1 < height else 0.0
                across = image[c, i, j + 1] - image[c, i, j] if j + 1 < width else 0.0
                variation += down**2 + across**2
    return (alpha_weight * norm + tv_weight * variation) / image.size


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_the_error_is_that_of_a_slow_twin(kind):
    rng = np.random.default_rng(0)
    phi0, phi = rng.normal(size=(2, 3, 4)).astype(np.float32), rng.normal(size=(5, 2, 3, 4)).astype(np.float32)
    found = embedding_error(LAYER, phi0).read({"layer": phi if kind == "numpy" else torch.from_numpy(phi)})
    np.testing.assert_allclose(np.asarray(found), [slow_error(one, phi0) for one in phi], rtol=1e-5)


def test_the_error_is_nought_for_the_same_and_one_for_nothing():
    phi0 = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    error = embedding_error(LAYER, phi0)
    assert error.read({"layer": np.stack([phi0, 0 * phi0, 2 * phi0])}) == pytest.approx([0, 1, 1], rel=1e-5)
    assert nearness(error).read({"layer": 0 * phi0[None]}) == pytest.approx([-1])


def test_the_size_of_a_quantized_layer_is_counted_from_its_zero():
    layer = Layer("layer", "QuantizeLinear", (None, 2), zero=128.0)
    error = embedding_error(layer, np.array([130, 128], np.float32))
    assert error.read({"layer": np.array([[128, 128]], np.float32)}) == pytest.approx([1])
    with pytest.raises(ImageError, match="0 all over"):
        embedding_error(layer, np.array([128, 128], np.float32))


def test_the_errors_gradient_is_right():
    error = embedding_error(LAYER, np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32))
    assert_gradient_is_right(lambda values: error.read({"layer": values}), noise(2, 2, 3, 4))


def test_a_layer_whose_shape_depends_on_the_image_is_refused():
    error = embedding_error(LAYER, np.ones((2, 3, 4), np.float32))
    with pytest.raises(UsageError, match="another"):
        error.read({"layer": np.ones((1, 2, 3, 5), np.float32)})


@pytest.mark.parametrize("depth", [0.0, 0.5, 1.0])
def test_the_penalties_are_those_of_a_slow_twin_and_weigh_less_for_shallow_layers(depth):
    images = np.random.default_rng(0).random((2, 3, 5, 4)).astype(np.float32)
    found = penalty(Invert(alpha_weight=0.4, tv_weight=0.7), depth)(images)
    weight = {0.0: 0.01, 0.5: 0.1, 1.0: 1.0}[depth]
    assert part_of_penalties(depth) == pytest.approx(weight)
    np.testing.assert_allclose(found, [slow_penalties(one, 0.4 * weight, 0.7 * weight) for one in images], rtol=1e-4)


def test_the_gradient_that_the_pixels_get_is_that_of_the_whole_loss():
    """One step of gradient descent by L-BFGS from gray, whose first direction is the gradient, against differences."""
    model = TensorModel({"first": lambda images: images * 2, "last": lambda images: images * images}, (4, 5))
    image = photo(4, 5).transpose(2, 0, 1).astype(np.float32) / 255
    error = embedding_error(model.layers["last"], image**2)
    start = np.full((3, 4, 5), 0.5, np.float32)
    start[0, 1, 2] = 0.9  # so that the penalties have a gradient too

    def loss(pixels):
        values = {"last": (pixels * pixels)[None].astype(np.float64)}
        return float(error.read(values)[0]) + slow_penalties(pixels, 0.1, 0.3)

    from viz.techniques.synthesis._inversion import _plan
    from viz.techniques.synthesis._optimization import _Run
    from viz.techniques.synthesis._pixels import Pixels

    parameters = Pixels(torch.from_numpy(start[None]))
    plan = _plan(Invert(), Objective(model, (nearness(error),)), Part("pixels", 3, (1, 1), (0.3, 0.3)), parameters, 1.0)
    found = float(_Run(plan, Watch(), "")._evaluated(0))
    assert found == pytest.approx(loss(start.astype(np.float64)), rel=1e-5)
    gradient = parameters.tensors[0].grad[0]
    for place in [(0, 1, 2), (0, 1, 1), (2, 3, 4), (1, 0, 0)]:
        step = np.zeros((3, 4, 5))
        step[place] = 1e-5
        difference = (loss(start + step) - loss(start - step)) / 2e-5
        assert float(gradient[place]) == pytest.approx(difference, rel=1e-3, abs=1e-6)


def test_a_fading_penalty_falls_by_equal_factors():
    fading = Fading(lambda pictures: pictures.flatten(1).sum(1), 8.0, 2.0)
    weights = []
    for share in (0.0, 0.5, 1.0):
        fading.at(share)
        weights.append(float(fading(torch.ones(1, 3, 1, 1))))
    assert weights == pytest.approx([24.0, 12.0, 6.0])
    assert [faded(8.0, 0.0, share) for share in (0.0, 0.5, 1.0)] == [8.0, 4.0, 0.0]


def test_the_deeper_the_layer_the_longer_frequencies_are_optimized():
    first, middle, last = (parts(Invert(steps=100), depth) for depth in (0.0, 0.5, 1.0))
    assert [(one.kind, one.steps) for one in first] == [("fourier", 20), ("pixels", 80)]
    assert [(one.kind, one.steps) for one in middle] == [("fourier", 60), ("pixels", 40)]
    assert [(one.kind, one.steps) for one in last] == [("fourier", 100)]
    assert [one.kind for one in parts(Invert(), 0.75)] == ["fourier"]  # few steps of pixels would only disturb
    assert middle[0].variation[0] == 20
    assert middle[0].variation[1] == middle[1].variation[0]
    assert middle[1].variation[1] == pytest.approx(0.3 * 0.1)
    assert (middle[1].rates[1], last[0].rates[1]) == (0.0, 0.0)


def test_parameters_that_are_asked_for_are_all_there_are():
    for kind in ("pixels", "fourier"):
        assert [(one.kind, one.steps) for one in parts(Invert(parameters=kind, steps=7), 0.4)] == [(kind, 7)]
    assert parts(Invert(parameters="pixels", learning_rate=0.5), 0.9)[0].rates == (0.5, 0.0)


def test_the_second_part_goes_on_where_the_first_one_ended():
    model = TensorModel({"layer": lambda images: images * 1}, (8, 9))
    image = photo(8, 9).transpose(2, 0, 1).astype(np.float32) / 255
    objective = Objective(model, (nearness(embedding_error(model.layers["layer"], image)),))
    watch = Watch()
    watch.frames = 40
    found = rebuilt(Invert(steps=40), model, objective, 0.5, watch)
    switch = 24
    assert abs(found.errors[switch, 0] - found.errors[switch - 1, 0]) < 0.2 * found.errors[0, 0]
    steps = [
        np.abs(one.astype(int) - two).mean() for one, two in zip(found.frames[0], found.frames[0][1:], strict=False)
    ]
    assert len(found.frames[0]) == 41
    assert steps[switch - 1] < 2 * max(steps[switch - 3], steps[switch + 1]) + 1
