"""The same weights give the same maps: as torch modules of every style, and as ONNX files of every exporter."""

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import nn

from tests.adapters.onnx_torch.exports import Variant
from tests.adapters.torch_models import adapter, pixels
from tests.networks import CifarResNet20, seeded
from viz.adapters import load
from viz.core.errors import NotSupported
from viz.core.model_options import ModelOptions
from viz.core.target import class_target
from viz.core.technique import find
from viz.models import open_model

TECHNIQUES = ["saliency", "guided-backprop", "deconvnet", "grad-cam", "gradient-x-input", "integrated-gradients"]
STYLES = ["functional", "modules", "in place", "shared", "shared in place", "method in place"]
EXPORTS = [Variant("old", 13, True), Variant("old", 17, False), Variant("new", 18, True), Variant("new", 18, False)]


class Rectified(nn.Module):
    """Three convolutions with normalization, a shortcut and a pool; rectified in one of several styles."""

    def __init__(self, style):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in ((3, 8), (8, 8), (8, 12)))
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) for n in (8, 8, 12))
        self.head = nn.Linear(12, 5)
        own = [nn.ReLU(inplace="in place" in style) for _ in self.convs]
        shared = own[:1] * 3
        self.relus = nn.ModuleList(shared if "shared" in style else own)
        self.style = style

    def rectified(self, x, index):
        if self.style == "functional":
            return F.relu(x)
        return x.relu_() if self.style == "method in place" else self.relus[index](x)

    def forward(self, x):
        x = self.rectified(self.norms[0](self.convs[0](x)), 0)
        x = F.max_pool2d(x, 2)
        x = self.rectified(self.norms[1](self.convs[1](x)) + x, 1)
        x = self.rectified(self.norms[2](self.convs[2](x)), 2)
        return self.head(x.mean((2, 3)))


def maps(model, technique, images, channel=2):
    """Raw heat maps and, where there are some, colour gradients of a technique with its own defaults."""
    options = {"steps": 8} if technique == "integrated-gradients" else {}
    found = find(technique)(**options)(model, images, [class_target(model, channel)] * len(images))
    return [one.arrays["heat"] for one in found] + [one.arrays[k] for one in found for k in one.arrays if k != "heat"]


def assert_same(found, expected, tolerance):
    """Every array within `tolerance` of its largest magnitude."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        scale = np.abs(other).max()
        assert scale > 0
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale)


@pytest.fixture(scope="module")
def expected():
    """Maps of the network in its plainest style."""
    model = adapter(seeded(lambda: Rectified("functional")))
    return {technique: maps(model, technique, pixels(3)) for technique in TECHNIQUES}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("technique", TECHNIQUES)
def test_however_a_module_writes_its_rectifiers_the_map_is_the_same(technique, style, expected):
    model = adapter(seeded(lambda: Rectified(style)))
    assert_same(maps(model, technique, pixels(3)), expected[technique], 1e-5)


@pytest.fixture(scope="module", params=EXPORTS, ids=str)
def exported(request, tmp_path_factory):
    """The network as an ONNX file, on pixels as they are."""
    path = tmp_path_factory.mktemp("exported") / "net.onnx"
    net = seeded(lambda: Rectified("in place"))
    onnx.save(request.param.export(net, torch.rand(1, 3, 32, 32)), path)
    return load(path, ModelOptions(preprocess="unit", device="cpu"))


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_an_onnx_file_of_any_exporter_gives_the_map_of_its_module(technique, exported, expected):
    """Three images, also where the file is made for one."""
    assert_same(maps(exported, technique, pixels(3)), expected[technique], 1e-5)


@pytest.mark.parametrize("rule", ["guided", "deconvnet"])
def test_a_rule_changes_every_rectifier_of_the_file_and_says_so(rule, exported):
    technique = {"guided": "guided-backprop", "deconvnet": "deconvnet"}[rule]
    (found,) = find(technique)()(exported, pixels(1), [class_target(exported, 0)])
    assert found.numbers["changed_operations"] == 3
    assert f"{rule}: the backward pass of 3 operations was changed (3 relu)" in exported.notes


# --- smooth activations: a refusal, never the plain gradient under another name ----------------------------------


class Smooth(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 5)

    def forward(self, x):
        return self.head(F.gelu(self.conv(x)).mean((2, 3)))


SMOOTH_FILES = [Variant("old", 17, True), Variant("old", 20, True), Variant("new", 18, True), Variant("new", 20, False)]


@pytest.mark.parametrize("technique", ["guided-backprop", "deconvnet"])
def test_gelu_is_refused_as_a_module_and_as_a_file_whether_whole_or_in_pieces(technique, tmp_path):
    net = seeded(Smooth)
    models = [adapter(net)]
    for variant in SMOOTH_FILES:
        path = tmp_path / f"{variant}.onnx"
        onnx.save(variant.export(net, torch.rand(1, 3, 32, 32)), path)
        models.append(load(path, ModelOptions(preprocess="unit", device="cpu")))
    for model in models:
        with pytest.raises(NotSupported, match="is defined for rectifiers, and the model has none"):
            maps(model, technique, pixels(2))


# --- real weights -------------------------------------------------------------------------------------------------

REAL = ["saliency", "guided-backprop", "deconvnet", "grad-cam"]


@pytest.mark.parametrize("technique", REAL)
def test_the_built_in_model_gives_the_same_maps_from_both_of_its_files(technique):
    files = [open_model(name, ModelOptions(device="cpu")) for name in ("zoo:shapes", "zoo:shapes-torch")]
    images = pixels(3, size=files[0].size)
    of_file, of_module = (maps(model, technique, images) for model in files)
    assert_same(of_file, of_module, 1e-4)


@pytest.mark.shared
@pytest.mark.parametrize("technique", REAL)
def test_a_published_checkpoint_gives_the_same_maps_as_its_onnx_file(technique, shared_data):
    arch = f"{CifarResNet20.__module__}:CifarResNet20"
    options = ModelOptions(preprocess="imagenet", size="32", crop="none", device="cpu")
    file = load(shared_data / "models/other/cifar_resnet20_fp32.onnx", options)
    module = load(shared_data / "models/torch/resnet20-12fca82f.th", ModelOptions(**{**vars(options), "arch": arch}))
    images = pixels(3)
    assert_same(maps(file, technique, images), maps(module, technique, images), 1e-4)
