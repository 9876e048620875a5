"""From what the user calls a model to an adapter: zoo names become files, files become adapters."""

from typing import Any

from viz.adapters import load
from viz.core.adapter import Adapter
from viz.core.model_options import ModelOptions


def open_model(model: Any, options: ModelOptions | None = None) -> Adapter:
    """Load a model: `zoo:NAME`, an ONNX file, anything torch loads, or a torch module at hand.

    Raises `ModelError` where it cannot be loaded or run, `UsageError` for options that cannot be.
    """
    if isinstance(model, str) and model.startswith("zoo:"):
        return _from_zoo(model.removeprefix("zoo:"), options or ModelOptions())
    return load(model, options)


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
