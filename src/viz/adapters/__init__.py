"""Models of any kind behind one contract. `load` picks the adapter by what is given."""

import importlib
from pathlib import Path
from typing import Any

from viz.core.adapter import Adapter
from viz.core.errors import ModelError
from viz.core.model_options import ModelOptions


def load(model: str | Path, options: ModelOptions | None = None, zoo: dict[str, Any] | None = None) -> Adapter:
    """The adapter for `model`: an .onnx file, or anything that torch loads (`docs/how-to/models.md`).

    `zoo` is a catalogue entry's preprocessing and labels, used where nothing nearer says otherwise.
    Raises `ModelError` where the file cannot be loaded or run, `UsageError` for options that cannot be.
    """
    options = options or ModelOptions()
    spec = str(model)
    if is_onnx(spec):
        from viz.adapters.onnx_runtime import OnnxAdapter

        return OnnxAdapter(Path(spec).expanduser(), options, spec, zoo)
    torch_files = importlib.import_module("viz.adapters.torch_files")
    if torch_files.is_torch_spec(spec):
        adapter: Adapter = torch_files.load_torch(spec, options, zoo)
        return adapter
    raise ModelError(
        f"{spec!r} is no model that viz knows",
        "give FILE.onnx, zoo:NAME, package.module:factory, torchvision:NAME, timm:NAME, FILE.pt2, "
        "or a state dict with --arch",
    )


def is_onnx(spec: str) -> bool:
    """True for files to be read as ONNX."""
    return spec.lower().endswith((".onnx", ".ort"))
