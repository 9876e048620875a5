"""From what the user calls a model to an adapter: zoo names become files, files become adapters."""

from pathlib import Path
from typing import Any

from viz.adapters import load
from viz.core.adapter import Adapter
from viz.core.model_options import ModelOptions
from viz.core.recipe import Recipe


def open_model(model: Any, options: ModelOptions | None = None) -> Adapter:
    """Load a model: `zoo:NAME`, an ONNX file, anything torch loads, or a torch module at hand.

    Raises `ModelError` where it cannot be loaded or run, `UsageError` for options that cannot be.
    """
    options = options or ModelOptions()
    if isinstance(model, str) and model.startswith("zoo:"):
        adapter = _from_zoo(model.removeprefix("zoo:"), options)
    else:
        adapter = load(model, options)
    if isinstance(model, str | Path):
        adapter.recipe = Recipe(str(model), options)
    return adapter


def _from_zoo(name: str, options: ModelOptions) -> Adapter:
    from dataclasses import replace

    from viz.model_zoo.catalogue import find
    from viz.model_zoo.fetch import path_of

    entry = find(name)
    adapter = load(
        path_of(name),
        replace(options, arch=options.arch or entry.arch),
        {"preprocess": dict(entry.preprocess), "labels": entry.labels},
    )
    adapter.source = replace(adapter.source, name=name, spec=f"zoo:{name}")
    return adapter
