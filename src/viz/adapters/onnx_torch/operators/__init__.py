"""ONNX operators as torch functions, one small function each, grouped by family; importing this fills the table."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
