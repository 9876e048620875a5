"""How to open the same model again, on another machine."""

from dataclasses import dataclass

from viz.core.model_options import ModelOptions


@dataclass(frozen=True)
class Recipe:
    """What a model was asked for by: the name or file, and the options."""

    spec: str
    options: ModelOptions
