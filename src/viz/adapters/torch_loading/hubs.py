"""Networks by name: `torchvision:resnet18` and `timm:resnet18.a1_in1k`, where those packages are installed."""

import importlib
from collections.abc import Mapping
from typing import Any

from torch import nn

from viz.adapters.torch_loading.factories import Built, called, checked_module
from viz.core.errors import ModelError, UnknownName
from viz.core.sources.hub import from_timm
from viz.core.torch_errors import first_lines


def from_hub(spec: str, arguments: Mapping[str, Any]) -> Built:
    """The network, with the preprocessing and class names that the package states for its weights.

    Weights are those that the arguments ask for, as the package names them. Raises `ModelError` where
    the package is missing, `UnknownName` for a name that it does not have.
    """
    hub, _, name = spec.partition(":")
    return (_from_torchvision if hub == "torchvision" else _from_timm)(spec, name, arguments)


def _from_torchvision(spec: str, name: str, arguments: Mapping[str, Any]) -> Built:
    models = _package("torchvision.models", spec)
    if name not in models.list_models():
        raise UnknownName("torchvision model", name, models.list_models())
    module = checked_module(called(lambda **given: models.get_model(name, **given), spec, arguments), spec)
    known = models.get_model_weights(name)
    asked = arguments.get("weights")
    weights = known.verify(asked) if asked else getattr(known, "DEFAULT", None)
    table = _preset(weights.transforms()) if weights is not None else {}
    if not asked:
        return Built(module, table, origin="torchvision", notes=(_random(spec, "weights=DEFAULT"),))
    labels = weights.meta.get("categories", ()) if weights is not None else ()
    return Built(module, table, labels, str(weights), "torchvision")


def _preset(transforms: Any) -> dict[str, Any]:
    """torchvision's evaluation preset as a preprocessing table; empty for presets of other tasks."""
    if not hasattr(transforms, "crop_size"):
        return {}
    return {
        "size": transforms.crop_size[0],
        "crop": "center",
        "resize_short": max(transforms.resize_size[0], transforms.crop_size[0]),
        "interpolation": transforms.interpolation.value,
        "range": [0, 1],
        "mean": list(transforms.mean),
        "std": list(transforms.std),
    }


def _from_timm(spec: str, name: str, arguments: Mapping[str, Any]) -> Built:
    timm = _package("timm", spec)
    if not timm.is_model(name.partition(".")[0]):
        raise UnknownName("timm model", name, timm.list_models())
    module = checked_module(called(lambda **given: timm.create_model(name, **given), spec, arguments), spec)
    config = dict(getattr(module, "pretrained_cfg", None) or {})
    table, warnings = from_timm(config, "timm")
    if not arguments.get("pretrained") and not arguments.get("checkpoint_path"):
        return Built(module, table, origin="timm", notes=(*warnings, _random(spec, "pretrained=true")))
    labels = config.get("label_names") or _imagenet_names(module)
    return Built(module, table, labels, str(config.get("tag") or "pretrained"), "timm", tuple(warnings))


def _imagenet_names(module: nn.Module) -> list[str]:
    """ImageNet's class names for weights that timm knows to be trained on it; empty for others."""
    data = importlib.import_module("timm.data")
    subset = data.infer_imagenet_subset(module)
    info = data.ImageNetInfo(subset) if subset else None
    return [info.index_to_description(index) for index in range(info.num_classes())] if info else []


def _package(name: str, spec: str) -> Any:
    package = name.partition(".")[0]
    try:
        return importlib.import_module(name)
    except Exception as problem:  # torchvision raises RuntimeError where it does not fit the installed torch
        absent = isinstance(problem, ModuleNotFoundError) and problem.name == package
        reason = "is not installed" if absent else f"does not work: {type(problem).__name__}: {first_lines(problem)}"
        raise ModelError(f"{spec}: {package} {reason}", f"`pip install {package}` that fits your torch") from problem


def _random(spec: str, argument: str) -> str:
    return f"the weights of {spec} are random; --model-arg {argument} loads trained ones"
