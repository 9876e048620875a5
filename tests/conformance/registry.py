"""Who can be asked: our executor, converters of others, onnxruntime and onnx's reference, by name."""

import importlib
import importlib.util
from typing import Any

# The class of each, imported only when asked for (each may drag in what others cannot live with), and the
# packages that it needs beyond ours.
CONVERTERS = {
    "ours": ("tests.conformance.torch_converters:Ours", ()),
    "onnx2torch": ("tests.conformance.torch_converters:Onnx2Torch", ("onnx2torch", "torchvision")),
    "onnx2pytorch": ("tests.conformance.torch_converters:Onnx2PyTorch", ("onnx2pytorch", "torchvision")),
    "onnx2fx": ("tests.conformance.torch_converters:Onnx2Fx", ("onnx2fx",)),
    "tinygrad": ("tests.conformance.converters:Tinygrad", ("tinygrad",)),
    "onnxruntime": ("tests.conformance.converters:OnnxRuntime", ("onnxruntime",)),
    "reference": ("tests.conformance.converters:Reference", ()),
}


def missing_packages(name: str) -> list[str]:
    """What would have to be installed before this converter can run."""
    return [package for package in CONVERTERS[name][1] if importlib.util.find_spec(package) is None]


def has_gradients(name: str) -> bool:
    """Whether a converter makes torch programs, which have gradients."""
    return CONVERTERS[name][0].startswith("tests.conformance.torch_converters:")


def converter(name: str) -> Any:
    """The converter of this name, see `tests.conformance.converters.Converter`."""
    module, _, kind = CONVERTERS[name][0].partition(":")
    return getattr(importlib.import_module(module), kind)()
