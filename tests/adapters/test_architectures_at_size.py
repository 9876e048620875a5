"""Networks of the literature at other sizes, as files of both exporters: the module's own values, or a refusal."""

import numpy as np
import onnx
import pytest
import torch

from tests.adapters.onnx_torch.exports import OUTPUT, Variant
from tests.adapters.torch_models import adapter
from tests.architectures import ARCHITECTURES
from viz.adapters import load
from viz.core.errors import NotSupported
from viz.core.model_options import ModelOptions
from viz.models import open_model

UNIT = ModelOptions(preprocess="unit", device="cpu")
VARIANTS = [Variant(kind, opset, free) for kind, opset in (("old", 17), ("new", 20)) for free in (False, True)]
# Their files hold at any size, however they were exported.
ANYWHERE = {"squeezenet", "mobilenet-v3", "resnet-basic", "densenet", "inception-v3", "convnext", "style", "espcn"}
QUICK = {("squeezenet", "old-17-fixed"), ("mobilenet-v3", "new-20-free"), ("style", "old-17-free")}


def cases():
    for name in sorted(ARCHITECTURES):
        for variant in VARIANTS:
            if (name, variant.opset) != ("spatial-transformer-affine", 17):
                marks = [] if (name, str(variant)) in QUICK else pytest.mark.slow
                yield pytest.param(name, variant, marks=marks, id=f"{name}-{variant}")


@pytest.mark.parametrize(("name", "variant"), cases())
def test_a_file_at_another_size_is_its_module_at_that_size_or_says_why_not(tmp_path, name, variant):
    architecture = ARCHITECTURES[name]
    network = architecture.network()
    onnx.save(variant.export(network, architecture.images(1)), tmp_path / "net.onnx")
    model = load(tmp_path / "net.onnx", UNIT)
    height, width = architecture.size
    held = 0
    for size in ((height + 37, width + 64), (2 * height, 2 * width), (height - 11, width - 5)):
        try:
            part = model.at_size(size, [OUTPUT])
        except NotSupported as problem:
            assert "choose a" in problem.next_step
            continue
        held += 1
        images = np.random.default_rng(3).random((2, 3, *size), np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(images)).numpy()
        scale = np.abs(expected).max()
        np.testing.assert_allclose(part.run(images, [OUTPUT])[OUTPUT], expected, rtol=0, atol=1e-4 * scale)
        traced = part.trace(torch.from_numpy(images), [OUTPUT]).values[OUTPUT].numpy()
        np.testing.assert_allclose(traced, expected, rtol=0, atol=1e-4 * scale)
    assert held == 3 or name not in ANYWHERE


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in sorted(ARCHITECTURES)])
def test_a_module_at_another_size_is_itself_or_says_why_not(name):
    architecture = ARCHITECTURES[name]
    network = architecture.network()
    model = adapter(network, architecture.size)
    height, width = architecture.size
    for size in ((height + 37, width + 64), (2 * height, 2 * width), (height - 11, width - 5)):
        try:
            part = model.at_size(size, ["output"])
        except NotSupported as problem:
            assert "choose a" in problem.next_step
            continue
        images = np.random.default_rng(3).random((2, 3, *size), np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(images)).numpy()
        np.testing.assert_allclose(part.run(images, ["output"])["output"], expected, rtol=1e-3, atol=1e-4)


def test_the_built_in_model_is_the_same_at_another_size_as_a_file_and_as_a_module():
    images = np.random.default_rng(3).random((2, 3, 151, 97), np.float32)
    values = []
    for spec in ("zoo:shapes", "zoo:shapes-torch"):
        model = open_model(spec, ModelOptions(device="cpu"))
        layer = model.layer("stages.1.relu2").name
        values.append(model.at_size((151, 97), [layer]).run(images, [layer])[layer])
    np.testing.assert_allclose(values[0], values[1], rtol=1e-3, atol=1e-4)
