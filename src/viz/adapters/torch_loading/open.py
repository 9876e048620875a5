"""An adapter around a loaded torch model: device, preprocessing and labels from wherever they are said."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from viz.adapters.torch_loading.factories import read_arguments
from viz.adapters.torch_loading.loaded import Loaded, load, sha256_of_weights
from viz.adapters.torch_module.adapter import TorchAdapter
from viz.adapters.torch_module.device import choose_device
from viz.adapters.torch_module.image_input import input_facts
from viz.core.adapter import ModelSource
from viz.core.errors import UsageError
from viz.core.labels import Labels
from viz.core.model_options import ModelOptions
from viz.core.preprocess import Preprocess
from viz.core.sources.labels import resolve_labels
from viz.core.sources.preprocess import resolve_preprocess


def open_spec(spec: str, options: ModelOptions, zoo: Mapping[str, Any]) -> TorchAdapter:
    """See `files.load_torch`."""
    loaded = load(spec, options)
    if zoo:
        loaded = replace(loaded, preprocess=zoo.get("preprocess"), labels=zoo.get("labels"), origin="zoo")
    name = loaded.path.stem if loaded.path else spec.rpartition(":")[2]
    return _adapter(loaded, name, spec, options, choose_device(options.device))


def open_module(module: nn.Module, options: ModelOptions, name: str) -> TorchAdapter:
    """See `files.from_module`."""
    if options.arch or options.model_arg:
        raise UsageError("arch and model_arg are for models that viz makes", "leave them out for a ready module")
    kind = type(module).__qualname__
    loaded = Loaded(module, sha256_of_weights(module), details={"class": f"{type(module).__module__}.{kind}"})
    device = None if options.device == "auto" else choose_device(options.device)
    return _adapter(loaded, name or kind, name or kind, options, device)


def _adapter(loaded: Loaded, name: str, spec: str, options: ModelOptions, device: torch.device | None) -> TorchAdapter:
    if options.provider is not None:
        raise UsageError(f"--provider {options.provider} is for ONNX files", "choose --device cpu, cuda or cuda:N")
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    preprocess, warnings = _preprocess(loaded, options)
    adapter = TorchAdapter(
        loaded.model,
        ModelSource(name, spec, loaded.sha256, f"torch {torch.__version__}", details=loaded.details),
        preprocess=preprocess,
        device=device,
        output=options.output,
        further_inputs=read_arguments(options.input, "--input"),
    )
    adapter.labels, more = _labels(loaded, options, adapter.scores.classes if adapter.scores else None)
    adapter.notes = [*loaded.notes, *adapter.notes]
    adapter.warnings = (*warnings, *more)
    return adapter


def _preprocess(loaded: Loaded, options: ModelOptions) -> tuple[Preprocess, list[str]]:
    """As everywhere; what the model's maker says takes the zoo's place, and torch's axis order comes last."""
    facts = input_facts(loaded.model)
    convention = {"layout": "nchw"} if facts.layout is None else {}
    said = {**convention, **(loaded.preprocess or {})}
    found, warnings = resolve_preprocess(facts, options, loaded.path, {}, said)
    by = loaded.origin if loaded.preprocess else "torch's convention"
    origin = {key: by if value == "zoo" else value for key, value in found.origin.items()}
    return replace(found, origin=origin), warnings


def _labels(loaded: Loaded, options: ModelOptions, classes: int | None) -> tuple[Labels, list[str]]:
    found, warnings = resolve_labels(options, loaded.path, {}, classes, {"labels": loaded.labels or None})
    return (replace(found, origin=loaded.origin) if found.origin == "zoo" else found), warnings
