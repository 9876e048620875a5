"""Which layers' filters are drawn."""

from typing import TYPE_CHECKING

from viz.core.adapter import Adapter
from viz.core.errors import NotSupported, UnknownName, UsageError

if TYPE_CHECKING:
    from viz.techniques.activation.filters import Filters


def chosen_layers(asked: "Filters", model: Adapter) -> list[str]:
    """The kernels' own layers, each once, in the order in which they are asked for.

    Raises `NotSupported` where the model shows no weights or a layer has none, `UsageError` for an unknown one.
    """
    if asked.layer:
        found = list(dict.fromkeys(name for text in asked.layer for name in _kernels_of(text, model)))
    else:
        found = [_first_on_image(model)]
    if asked.sort == "hue":
        _check_colours(found, model)
    return found


def _first_on_image(model: Adapter) -> str:
    names = model.kernels()
    if not names:
        model.kernel(next(iter(model.layers)))  # raises with the reason
    found = next((name for name in names if model.kernel(name).on_image), None)
    if found is None:
        raise NotSupported(
            f"no layer of {model.source.name} weighs the image itself, as far as the model shows",
            f"name one with --layer: {', '.join(names[:6])}{', …' if len(names) > 6 else ''}",
        )
    return found


def _kernels_of(text: str, model: Adapter) -> list[str]:
    """The kernel of a layer, or those whose layers match a pattern."""
    if not any(sign in text for sign in "*?["):
        return [model.kernel(model.layer(text).name).layer]
    known = set(model.kernels())
    found = [layer.name for layer in model.matching(text) if layer.name in known]
    if not found:
        raise UnknownName("layer with weights", text, model.kernels(), f"`viz layers --model {model.source.spec}`")
    return found


def _check_colours(names: list[str], model: Adapter) -> None:
    for name in names:
        if not model.kernel(name).on_image:
            raise UsageError(
                f"--sort hue is for filters on the image, and the inputs of {name!r} are no colours",
                "leave it out, or give --sort norm",
            )
