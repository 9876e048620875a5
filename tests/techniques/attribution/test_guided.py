"""Guided backpropagation, deconvnet and guided Grad-CAM: what they change, what they say of it, and a slow twin."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import nn

from tests.adapters.torch_models import adapter
from tests.fakes import LinearModel
from tests.networks import ARCHITECTURES, SIZE, seeded
from viz.core.errors import NotSupported
from viz.core.target import class_target
from viz.techniques.attribution.deconvnet import Deconvnet
from viz.techniques.attribution.grad_cam import GradCam
from viz.techniques.attribution.guided_backprop import GuidedBackprop
from viz.techniques.attribution.guided_grad_cam import GuidedGradCam

IMAGES = np.random.default_rng(1).random((2, 3, *SIZE)).astype(np.float32)


class TwoRectifiers(nn.Module):
    """conv, ReLU as a module, conv, ReLU as a function, mean, linear."""

    def __init__(self):
        super().__init__()
        self.conv1, self.relu = nn.Conv2d(3, 6, 3, padding=1), nn.ReLU()
        self.conv2, self.head = nn.Conv2d(6, 8, 3, stride=2, padding=1), nn.Linear(8, 4)

    def forward(self, x):
        x = F.relu(self.conv2(self.relu(self.conv1(x))))
        return self.head(x.mean((2, 3)))


def opened():
    network = seeded(TwoRectifiers)
    network.head.weight.data += 0.2  # something speaks for every class
    model = adapter(network)
    return network, model, [class_target(model, 1), class_target(model, 3)]


def by_hand(network, image, index, passes):
    """The backward pass step by step; `passes(inputs, signal)` says which of a rectifier's signals go on."""
    with torch.no_grad():
        x = torch.from_numpy(image)[None]
        before1 = network.conv1(x)
        before2 = network.conv2(before1.clamp(min=0))
        signal = network.head.weight[index][None, :, None, None].expand(before2.shape) / before2[0, 0].numel()
        signal = signal * passes(before2, signal)
        signal = F.conv_transpose2d(signal, network.conv2.weight, stride=2, padding=1, output_padding=1)
        signal = signal * passes(before1, signal)
        return F.conv_transpose2d(signal, network.conv1.weight, padding=1)[0].numpy()


@pytest.mark.parametrize(
    ("technique", "passes"),
    [
        (GuidedBackprop, lambda inputs, signal: (inputs > 0) & (signal > 0)),
        (Deconvnet, lambda inputs, signal: signal > 0),
    ],
)
def test_signals_are_those_of_a_slow_twin(technique, passes):
    network, model, targets = opened()
    for found, image, index in zip(technique()(model, IMAGES, targets), IMAGES, (1, 3), strict=True):
        expected = by_hand(network, image, index, passes)
        np.testing.assert_allclose(found.arrays["gradient"], expected, atol=1e-6)
        np.testing.assert_allclose(found.heat, np.abs(expected).max(axis=0), atol=1e-6)
        assert expected.any()


@pytest.mark.parametrize(("technique", "rule"), [(GuidedBackprop, "guided"), (Deconvnet, "deconvnet")])
def test_what_was_changed_is_counted_and_noted_once(technique, rule):
    _, model, targets = opened()
    for _ in range(2):
        results = technique()(model, IMAGES, targets)
    assert [found.numbers["changed_operations"] for found in results] == [2, 2]
    notes = [note for note in model.notes if note.startswith(f"{rule}:")]
    assert len(notes) == 1 and "2 operations was changed" in notes[0] and "2 relu" in notes[0]


@pytest.mark.parametrize("technique", [GuidedBackprop(), Deconvnet(), GuidedGradCam()])
def test_a_model_without_rectifiers_is_refused(technique):
    model = LinearModel(np.ones((2, 3, 8, 8), np.float32))
    with pytest.raises(NotSupported, match="rectifier"):
        technique(model, np.zeros((1, 3, 8, 8), np.float32), [class_target(model, 0)])


def test_deconvnet_says_where_nothing_of_the_image_is_left():
    """Without max pooling its way back is the same for every image; with it, it is not."""
    _, model, targets = opened()
    first, second = Deconvnet()(model, IMAGES, [targets[0]] * 2)
    np.testing.assert_allclose(first.heat, second.heat, atol=1e-6)
    assert all("does not depend on the image" in found.warnings[0] for found in (first, second))
    pooled = adapter(seeded(ARCHITECTURES["plain"]))
    assert not any(found.warnings for found in Deconvnet()(pooled, IMAGES, [class_target(pooled, 1)] * 2))


def test_guided_grad_cam_is_the_product_of_its_two_halves():
    _, model, targets = opened()
    halves = [technique(model, IMAGES, targets) for technique in (GuidedBackprop(), GradCam())]
    for found, guided, where in zip(GuidedGradCam()(model, IMAGES, targets), *halves, strict=True):
        product = guided.arrays["gradient"] * where.heat
        np.testing.assert_allclose(found.arrays["gradient"], product, atol=1e-9)
        np.testing.assert_allclose(found.heat, np.abs(product).max(axis=0), atol=1e-9)
        assert product.any() and found.numbers["changed_operations"] == 2
        assert found.numbers["layer"] == where.numbers["layer"]


def test_signed_maps_are_the_sum_over_the_colours():
    _, model, targets = opened()
    for technique in (GuidedBackprop, Deconvnet):
        [found, _] = technique(signed=True)(model, IMAGES, targets)
        np.testing.assert_allclose(found.heat, found.arrays["gradient"].sum(axis=0), atol=1e-6)
