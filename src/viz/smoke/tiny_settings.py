"""The settings at which a technique is smoke-tested, with what depends on the model or on a file filled in."""

from pathlib import Path
from typing import Any

from viz.core.images import png_bytes
from viz.core.target import Target
from viz.model_zoo.shape_pictures import draw

_PICTURE = 5  # a generated picture that is not among the sample photos


def tiny_settings(technique: Any, target: Target, folder: Path) -> dict[str, Any]:
    """`info.smoke` with `{target}` as a target that the model has, and `{picture}` as a picture's file in `folder`."""
    picture = folder / "picture.png"
    filled = {"{target}": _text(target), "{picture}": str(picture)}

    def value(given: Any) -> Any:
        if isinstance(given, tuple):
            return tuple(value(one) for one in given)
        return filled.get(given, given) if isinstance(given, str) else given

    settings = {name: value(given) for name, given in technique.info.smoke.items()}
    if settings != technique.info.smoke:
        picture.write_bytes(png_bytes(draw(_PICTURE).pixels))
    return settings


def _text(target: Target) -> str:
    """A class by its index, which needs no names; a neuron by its label, which is how it is asked for."""
    return target.label if target.class_index is None else str(target.class_index)
