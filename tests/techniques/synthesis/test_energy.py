"""What Deep Dream drives up: energies of layers, channels and neurons, and likeness to a guide."""

import numpy as np
import pytest
import torch

from tests.techniques.synthesis.gradient_checks import assert_gradient_is_right
from viz.core.errors import UsageError
from viz.core.readings import Constant
from viz.techniques.synthesis import _energy
from viz.techniques.synthesis._energy import Energy, Guided, NeuronEnergy

RNG = np.random.default_rng(3)
MAPS = RNG.normal(size=(2, 4, 3, 5)).astype(np.float32)
TOKENS = RNG.normal(size=(2, 6, 4)).astype(np.float32)
VECTORS = RNG.normal(size=(2, 4)).astype(np.float32)


def read(reading, values):
    return reading.read({"layer": torch.from_numpy(values)}).numpy()


@pytest.mark.parametrize("values", [MAPS, TOKENS, VECTORS], ids=["maps", "tokens", "vectors"])
def test_the_energy_is_half_the_mean_square(values):
    expected = [sum(v**2 for v in row.ravel()) / row.size / 2 for row in values]
    np.testing.assert_allclose(read(Energy("layer"), values), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("values", "channel"), [(MAPS, MAPS[:, 2]), (TOKENS, TOKENS[..., 2]), (VECTORS, VECTORS[:, 2])]
)
def test_of_a_channel_it_is_that_of_its_values_alone(values, channel):
    expected = [(row**2).mean() / 2 for row in channel]
    np.testing.assert_allclose(read(Energy("layer", 2), values), expected, rtol=1e-5)


def test_the_gradient_at_the_layer_is_its_own_values_as_in_deep_dream():
    layer = torch.from_numpy(MAPS).requires_grad_()
    Energy("layer").read({"layer": layer}).sum().backward()
    np.testing.assert_allclose(layer.grad * MAPS[0].size, MAPS, rtol=1e-5)


def test_a_neurons_energy_is_half_its_square_at_its_place():
    np.testing.assert_allclose(read(NeuronEnergy("layer", 1, (2, 3)), MAPS), MAPS[:, 1, 2, 3] ** 2 / 2, rtol=1e-6)
    np.testing.assert_allclose(read(NeuronEnergy("layer", 1, (0, 3)), TOKENS), TOKENS[:, 3, 1] ** 2 / 2, rtol=1e-6)
    with pytest.raises(UsageError, match="has no :1@2,9"):
        read(NeuronEnergy("layer", 1, (2, 9)), MAPS)


GUIDE = RNG.normal(size=(4, 7)).astype(np.float32)


def slow_likeness(features: np.ndarray) -> float:
    """The mean over positions (c, m) of the largest product with any position of the guide."""
    total = 0.0
    for position in features.T:
        total += max(float(np.dot(position, one)) for one in GUIDE.T)
    return total / features.shape[1]


@pytest.mark.parametrize("at_once", [1, 8, 1 << 22])
def test_the_likeness_to_a_guide_equals_its_slow_twin(at_once, monkeypatch):
    monkeypatch.setattr(_energy, "_AT_ONCE", at_once)
    expected = [slow_likeness(one.reshape(4, -1)) for one in MAPS]
    np.testing.assert_allclose(read(Guided("layer", Constant.of(GUIDE)), MAPS), expected, rtol=1e-5)
    expected = [slow_likeness(one.T) for one in TOKENS]
    np.testing.assert_allclose(read(Guided("layer", Constant.of(GUIDE)), TOKENS), expected, rtol=1e-5)


def test_the_gradient_of_the_likeness_is_each_positions_best_match():
    layer = torch.from_numpy(MAPS).requires_grad_()
    Guided("layer", Constant.of(GUIDE)).read({"layer": layer}).sum().backward()
    for features, gradient in zip(MAPS.reshape(2, 4, -1), layer.grad.reshape(2, 4, -1), strict=True):
        for position, slope in zip(features.T, gradient.T * 15, strict=True):
            best = max(GUIDE.T, key=lambda one, position=position: float(np.dot(position, one)))
            np.testing.assert_allclose(slope, best, rtol=1e-5)


def test_gradients_are_those_of_finite_differences():
    maps = torch.from_numpy(MAPS)
    for reading in (Energy("layer"), Energy("layer", 2), NeuronEnergy("layer", 1, (2, 3))):
        assert_gradient_is_right(lambda x, reading=reading: reading.read({"layer": x}), maps)
