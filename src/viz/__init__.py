"""viz: see inside vision models, any ONNX file or torch module.

The public API is `__all__`, each name imported only when it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "Adapter",
    "CallableAdapter",
    "HeatMap",
    "LookOptions",
    "MakeOptions",
    "ModelOptions",
    "Preprocess",
    "Result",
    "RunOptions",
    "SurveyOptions",
    "Target",
    "VizError",
    "class_target",
    "find_technique",
    "list_techniques",
    "load",
    "neuron_target",
    "run",
    "targets_for",
    "write_report",
]

_HOMES = {
    "Adapter": "viz.core.adapter:Adapter",
    "CallableAdapter": "viz.adapters.callable_model:CallableAdapter",
    "HeatMap": "viz.core.result:HeatMap",
    "LookOptions": "viz.core.run_options:LookOptions",
    "MakeOptions": "viz.core.run_options:MakeOptions",
    "ModelOptions": "viz.core.model_options:ModelOptions",
    "Preprocess": "viz.core.preprocess:Preprocess",
    "Result": "viz.core.result:Result",
    "RunOptions": "viz.core.run_options:RunOptions",
    "SurveyOptions": "viz.core.run_options:SurveyOptions",
    "Target": "viz.core.target:Target",
    "VizError": "viz.core.errors:VizError",
    "class_target": "viz.core.target:class_target",
    "find_technique": "viz.core.technique:find",
    "load": "viz.models:open_model",
    "neuron_target": "viz.core.target:neuron_target",
    "run": "viz.runs:run",
    "targets_for": "viz.core.target:targets_for",
    "list_techniques": "viz.core.technique:techniques",
    "write_report": "viz.report:write_report",
}

if TYPE_CHECKING:
    from viz.adapters.callable_model import CallableAdapter
    from viz.core.adapter import Adapter
    from viz.core.errors import VizError
    from viz.core.model_options import ModelOptions
    from viz.core.preprocess import Preprocess
    from viz.core.result import HeatMap, Result
    from viz.core.run_options import LookOptions, MakeOptions, RunOptions, SurveyOptions
    from viz.core.target import Target, class_target, neuron_target, targets_for
    from viz.core.technique import find as find_technique
    from viz.core.technique import techniques as list_techniques
    from viz.models import open_model as load
    from viz.report import write_report
    from viz.runs import run


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'viz' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
