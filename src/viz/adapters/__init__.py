"""Models of any kind behind one contract. `load` picks the adapter by what is given."""

from pathlib import Path
from typing import Any

from viz.core.adapter import Adapter
from viz.core.errors import ModelError, UsageError
from viz.core.model_options import REDUCED, ModelOptions


def load(model: Any, options: ModelOptions | None = None, zoo: dict[str, Any] | None = None) -> Adapter:
    """The adapter for `model`: an .onnx file, anything that torch loads, or a torch module at hand.

    `zoo` is a catalogue entry's preprocessing and labels, used where nothing nearer says otherwise.
    Raises `ModelError` where the file cannot be loaded or run, `UsageError` for options that cannot be.
    """
    options = options or ModelOptions()
    if not isinstance(model, str | Path):
        return _from_object(model, options)
    spec = str(model)
    if is_onnx(spec):
        from viz.adapters.onnx_runtime import OnnxAdapter

        return OnnxAdapter(Path(spec).expanduser(), options, spec, zoo)
    _check_precision(options)
    from viz.adapters.torch_loading.files import is_torch_spec, load_torch

    if is_torch_spec(spec):
        return load_torch(spec, options, zoo)
    raise ModelError(
        f"{spec!r} is no model that viz knows",
        "give FILE.onnx, zoo:NAME, package.module:factory, torchvision:NAME, timm:NAME, FILE.pt2, "
        "or a state dict with --arch",
    )


def _from_object(model: Any, options: ModelOptions) -> Adapter:
    """A torch module is told by its methods, so that torch is imported for it alone."""
    if not (hasattr(model, "forward") and hasattr(model, "named_modules")):
        raise ModelError(
            f"a {type(model).__name__} is no model that viz knows",
            "give a file, a torch module, or wrap a function: viz.CallableAdapter(function, size=(h, w))",
        )
    _check_precision(options)
    from viz.adapters.torch_loading.files import from_module

    return from_module(model, options)


def _check_precision(options: ModelOptions) -> None:
    if options.precision in REDUCED:
        raise UsageError(
            f"--precision {options.precision} is for ONNX files, on the providers of onnxruntime that gain by it",
            "export the model to ONNX, or leave it out",
        )


def is_onnx(spec: str) -> bool:
    """True for files to be read as ONNX."""
    return spec.lower().endswith((".onnx", ".ort"))
