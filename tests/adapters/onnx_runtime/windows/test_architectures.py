"""Networks of the literature by windows: the values of whole passes, and windows where there is something to gain."""

import numpy as np
import onnx
import pytest

from tests.adapters.onnx_runtime.windows.both_ways import (
    TOLERANCE,
    by_whole_passes,
    by_windows,
    noise_patched,
    some_places,
    ways,
)
from tests.adapters.onnx_torch.exports import Variant
from tests.architectures import ARCHITECTURES
from viz import ModelOptions
from viz.adapters import load
from viz.core.batched_patches import largest_difference
from viz.core.batching import BatchedAdapter
from viz.models import open_model

pytestmark = pytest.mark.usefixtures("windows_anyway")
OLD, NEW = Variant("old", 17, True), Variant("new", 20, False)
# The old exporter cannot write affine grids.
EXPORTERS = {"spatial-transformer-affine": NEW, "shufflenet-v2": NEW, "unet-bilinear": NEW}
SIDES = (4, 16, 32, 50)
STRIDES = (1, 7, 16, 31)
# Every value follows from the whole image, or from nearly all of it, before much has been computed; the old
# exporter writes AlexNet's response normalization with an If.
NOTHING_TO_GAIN = {
    "alexnet",
    "efficientnet",
    "vit",
    "vit-function",
    "swin",
    "maxvit",
    "spatial-transformer",
    "spatial-transformer-affine",
    "style",
}


def exported(folder, name, variant=None):
    architecture = ARCHITECTURES[name]
    model = (variant or EXPORTERS.get(name, OLD)).export(architecture.network(), architecture.images(1))
    onnx.save(model, folder / "net.onnx")
    return load(folder / "net.onnx", ModelOptions(range="-1,1", device="cpu", preprocess="unit"))


def assert_same(model, side, stride, count=10):
    places = some_places(model.size, side, count, images=2, seed=stride, stride=stride)
    patched = noise_patched(model.size, side, places)
    layers = [model.outputs[0]]
    if model.patch_plan(side, layers).reason:
        ours = BatchedAdapter(model, 8).run_patched(patched, layers)
    else:
        ours = by_windows(model, patched, layers)
    whole = by_whole_passes(model, patched, layers)
    assert np.ptp(whole[layers[0]], axis=0).max() > 20 * TOLERANCE
    assert largest_difference(ours, whole, layers) <= TOLERANCE * max(1.0, np.abs(whole[layers[0]]).max())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_squares_of_four_sides_have_the_values_of_whole_passes(tmp_path, name):
    model = exported(tmp_path, name)
    for side, stride in zip(SIDES, STRIDES, strict=True):
        if side <= min(model.size):
            assert_same(model, side, stride)


@pytest.mark.slow
@pytest.mark.parametrize("variant", [Variant("old", 17, False), NEW, Variant("new", 23, True)], ids=str)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_export_has_the_values_of_whole_passes(tmp_path, name, variant):
    if name == "spatial-transformer-affine" and variant.exporter == "old":
        pytest.skip("the old exporter cannot write affine grids before opset 20")
    model = exported(tmp_path, name, variant)
    for side in (3, 16):
        assert_same(model, side, 1, count=40)


@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - NOTHING_TO_GAIN))
def test_small_squares_are_computed_by_windows(tmp_path, name):
    model = exported(tmp_path, name)
    plan = model.patch_plan(4, [model.outputs[0]])
    assert plan.reason == ""
    assert "window" in {layer.way for layer in plan.layers if layer.op == "Conv"}
    assert plan.share < 0.95


@pytest.mark.parametrize("spec", ["zoo:shapes"])
@pytest.mark.parametrize(("side", "stride"), list(zip(SIDES, STRIDES, strict=True)))
def test_the_built_in_model_has_the_values_of_whole_passes(spec, side, stride):
    model = open_model(spec, ModelOptions(device="cpu"))
    assert_same(model, side, stride, count=30)
    assert side > 16 or "window" in ways(model, side, [model.outputs[0]]).values()
