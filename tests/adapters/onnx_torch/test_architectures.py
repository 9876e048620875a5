"""Networks of the literature, exported every way torch offers: the same values, the same gradients, any batch.

The default run has every architecture once by the old exporter and a few by the new one; `pytest -m slow` has
all: opsets 11 to the newest, batch fixed and free.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.adapters.onnx_torch.exports import IMAGE, OUTPUT, Variant, by_onnxruntime
from tests.architectures import ARCHITECTURES
from tests.architectures.smooth_images import smooth_images
from viz.adapters.onnx_torch.batching import BatchedProgram
from viz.adapters.onnx_torch.program import OnnxProgram

TOLERANCE = 1e-4

VARIANTS = [
    Variant(exporter, opset, free)  # type: ignore[arg-type]
    for exporter, opsets in (("old", (11, 13, 17)), ("new", (18, 20, 23)))
    for opset in opsets
    for free in (False, True)
]
# The old exporter cannot write attention before opset 14, sampling on a grid before 16, affine grids before 20.
OLDEST_OPSET = {"vit": 14, "vit-function": 14, "spatial-transformer": 16, "spatial-transformer-affine": 20}
QUICK_NEW = {
    "vit-function": Variant("new", 20, False),
    "shufflenet-v2": Variant("new", 18, False),
    "unet-bilinear": Variant("new", 23, False),
    "spatial-transformer-affine": Variant("new", 20, True),
}


def cases() -> Iterable[object]:
    """(architecture, variant); all but one or two for each architecture are slow."""
    for name in ARCHITECTURES:
        for variant in VARIANTS:
            if variant.exporter == "old" and variant.opset < OLDEST_OPSET.get(name, 0):
                continue
            quick = variant in (Variant("old", 17, False), QUICK_NEW.get(name))
            yield pytest.param(name, variant, marks=[] if quick else pytest.mark.slow, id=f"{name}-{variant}")


def relative_difference(found: Tensor, expected: Tensor) -> float:
    """L2 distance in units of the expected length."""
    assert found.shape == expected.shape
    return float((found - expected).norm() / expected.norm())


def value_and_gradient(function: Callable[[Tensor], Tensor], images: Tensor) -> tuple[Tensor, Tensor]:
    """The output, and the gradient of a random but fixed combination of its values with respect to the images."""
    pixels = images.clone().requires_grad_()
    value = function(pixels)
    weights = torch.randn(value.shape, generator=torch.Generator().manual_seed(3))
    (gradient,) = torch.autograd.grad((value * weights).sum(), pixels)
    return value.detach(), gradient


@pytest.mark.parametrize(("name", "variant"), list(cases()))
def test_an_exported_architecture_runs_and_differentiates_as_the_original(name: str, variant: Variant) -> None:
    architecture = ARCHITECTURES[name]
    network = architecture.network()
    images = smooth_images(architecture, network, 3)
    model = variant.export(network, images[:1])
    program = OnnxProgram(model, Path())

    def ours(image: Tensor) -> Tensor:
        return program.run({IMAGE: image}, [OUTPUT]).values[OUTPUT]

    value, gradient = value_and_gradient(ours, images[:1])
    expected, expected_gradient = value_and_gradient(network, images[:1])
    assert relative_difference(value, by_onnxruntime(model, images[:1])) < TOLERANCE
    assert relative_difference(value, expected) < TOLERANCE
    assert relative_difference(gradient, expected_gradient) < TOLERANCE

    several = BatchedProgram(program, IMAGE, None if variant.free else 1, {}, architecture.images)
    value, gradient = value_and_gradient(lambda pixels: several.run(pixels, [OUTPUT]).values[OUTPUT], images)
    expected, expected_gradient = value_and_gradient(network, images)
    assert relative_difference(value, expected) < TOLERANCE
    assert relative_difference(gradient, expected_gradient) < TOLERANCE
