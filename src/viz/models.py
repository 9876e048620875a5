"""From what the user calls a model to an adapter: zoo names become files, files become adapters."""

from pathlib import Path

from viz.adapters import load
from viz.core.adapter import Adapter
from viz.core.model_options import ModelOptions


def open_model(model: str | Path, options: ModelOptions | None = None) -> Adapter:
    """Load `zoo:NAME`, an ONNX file or anything torch loads; see `viz.adapters.load` for the errors."""
    spec = str(model)
    if not spec.startswith("zoo:"):
        return load(model, options)
    return _from_zoo(spec.removeprefix("zoo:"), options or ModelOptions())


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
