"""torchvision and timm by name: weights, preprocessing and labels as the packages state them.

The packages are stood in for by small ones with the same functions, so that the tests need neither.
"""

import enum
import sys
from types import ModuleType, SimpleNamespace

import pytest
from torch import nn

from tests.networks import PlainConv
from viz.adapters.torch_loading.files import load_torch
from viz.core.errors import ModelError, UnknownName
from viz.core.model_options import ModelOptions


def net(classes=10):
    model = PlainConv()
    model.classifier[2] = nn.Linear(784, classes)
    return model


PRESET = SimpleNamespace(
    crop_size=[32],
    resize_size=[40],
    mean=[0.4, 0.5, 0.6],
    std=[0.2, 0.3, 0.4],
    interpolation=SimpleNamespace(value="bicubic"),
)


class Weights(enum.Enum):
    TEN = "ten"
    DEFAULT = "ten"

    @classmethod
    def verify(cls, name):
        return cls[name] if isinstance(name, str) else name

    def transforms(self):
        return PRESET

    @property
    def meta(self):
        return {"categories": [f"thing {i}" for i in range(10)]}


@pytest.fixture
def torchvision(monkeypatch):
    package, models = ModuleType("torchvision"), ModuleType("torchvision.models")
    models.list_models = lambda: ["tiny", "tinier"]
    models.get_model = lambda name, weights=None, **others: net(**others)
    models.get_model_weights = lambda name: Weights
    package.models = models
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)


@pytest.fixture
def timm(monkeypatch):
    def create_model(name, pretrained=False, num_classes=10):
        model = net(num_classes)
        model.pretrained_cfg = {
            "input_size": (3, 32, 32),
            "crop_pct": 0.8,
            "mean": (0.5, 0.5, 0.5),
            "std": (0.5, 0.5, 0.5),
            "interpolation": "bicubic",
            "tag": "a1",
        }
        return model

    package, data = ModuleType("timm"), ModuleType("timm.data")
    package.create_model, package.list_models = create_model, lambda: ["tiny"]
    package.is_model = lambda name: name == "tiny"
    data.infer_imagenet_subset = lambda model: "ten" if model.classifier[2].out_features == 10 else None
    data.ImageNetInfo = lambda subset: SimpleNamespace(
        num_classes=lambda: 10, index_to_description=lambda index: f"kind {index}"
    )
    monkeypatch.setitem(sys.modules, "timm", package)
    monkeypatch.setitem(sys.modules, "timm.data", data)


@pytest.mark.usefixtures("torchvision")
def test_torchvisions_weights_bring_their_preprocessing_and_labels():
    model = load_torch("torchvision:tiny", ModelOptions(model_arg=("weights=DEFAULT",)))
    assert model.labels.name(3) == "thing 3" and model.labels.origin == "torchvision"
    assert (model.preprocess.size, model.preprocess.resize_short) == ((32, 32), 40)
    assert (model.preprocess.mean, model.preprocess.interpolation) == ((0.4, 0.5, 0.6), "bicubic")
    assert set(model.preprocess.origin.values()) == {"torchvision"}
    assert model.source.details["weights"] == "Weights.TEN"
    assert model.notes == []


@pytest.mark.usefixtures("torchvision")
def test_without_weights_the_note_says_that_they_are_random_and_no_class_has_a_name():
    model = load_torch("torchvision:tiny", ModelOptions())
    assert model.notes == ["the weights of torchvision:tiny are random; --model-arg weights=DEFAULT loads trained ones"]
    assert model.labels.names == () and model.preprocess.size == (32, 32)


@pytest.mark.usefixtures("torchvision")
def test_names_that_torchvision_does_not_have_get_the_nearest_ones():
    with pytest.raises(UnknownName, match="did you mean 'tinier'"):
        load_torch("torchvision:tinyer", ModelOptions())


@pytest.mark.usefixtures("torchvision")
def test_flags_override_what_the_package_says():
    model = load_torch("torchvision:tiny", ModelOptions(preprocess="unit"))
    assert model.preprocess.mean == (0.0,) * len(model.preprocess.mean) and model.preprocess.size == (32, 32)


@pytest.mark.usefixtures("timm")
def test_timms_weights_bring_their_preprocessing_and_labels():
    model = load_torch("timm:tiny.a1", ModelOptions(model_arg=("pretrained=true",)))
    assert model.labels.name(3) == "kind 3"
    assert (model.preprocess.size, model.preprocess.resize_short) == ((32, 32), 40)
    assert model.preprocess.origin["mean"] == "timm" and model.notes == []


@pytest.mark.usefixtures("timm")
def test_timm_without_weights_is_random():
    model = load_torch("timm:tiny", ModelOptions(model_arg=("num_classes=4",)))
    assert model.notes == ["the weights of timm:tiny are random; --model-arg pretrained=true loads trained ones"]
    assert model.scores is not None and model.scores.classes == 4


@pytest.mark.usefixtures("timm")
def test_labels_of_another_task_are_not_invented():
    model = load_torch("timm:tiny", ModelOptions(model_arg=("pretrained=true", "num_classes=4")))
    assert model.labels.names == ()


@pytest.mark.parametrize("package", ["torchvision", "timm"])
def test_a_package_that_is_not_installed_is_named_with_how_to_get_it(package, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ModelError, match=f"{package} is not installed") as error:
        load_torch(f"{package}:resnet18", ModelOptions())
    assert f"pip install {package}" in error.value.next_step
