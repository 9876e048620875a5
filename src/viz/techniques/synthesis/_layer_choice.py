"""Which layers are inverted: those named, or a network's stages, or some of them spread over its depth."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from viz.core.adapter import Adapter
from viz.core.errors import NotSupported, UsageError
from viz.core.layer import Layer
from viz.techniques.synthesis._stages import stages, traced

if TYPE_CHECKING:
    from viz.techniques.synthesis.invert import Invert

SOME = 5
_WHERE = "`viz layers --model M` lists them"


def chosen_layers(asked: "Invert", model: Adapter) -> list[str]:
    """The layers to invert, in the order of the network. What was chosen and what left out goes to the notes.

    Raises `UnknownName` or `UsageError` for names that mean no layer, `NotSupported` for a named layer that
    cannot be inverted, and where no layer can be.
    """
    if asked.layer:
        return _named(model, asked.layer)
    every, found = list(model.layers), stages(model)
    if not found:
        raise NotSupported(f"no layer of {model.source.name} can be inverted: none has a gradient", _WHERE)
    kept = spread(found, asked.most if asked.layers == "all" else SOME)
    _tell(asked, model, len(every), found, kept)
    return kept


def depth_of(model: Adapter, layer: str) -> float:
    """Where a layer stands among all, from 0 for the first to 1 for the last."""
    names = list(model.layers)
    return names.index(layer) / max(1, len(names) - 1)


def spread(found: Sequence[str], most: int) -> list[str]:
    """At most so many of a list, first and last among them, at equal distances."""
    if len(found) <= most:
        return list(found)
    if most == 1:
        return [found[-1]]
    return [found[round(i * (len(found) - 1) / (most - 1))] for i in range(most)]


def _named(model: Adapter, patterns: Sequence[str]) -> list[str]:
    meant = {layer.name for pattern in patterns for layer in _matching(model, pattern)}
    names = [name for name in model.layers if name in meant]
    for name, problem in problems(model, names):
        raise NotSupported(f"{name} cannot be inverted: {problem}", f"name another layer; {_WHERE}")
    return names


def _matching(model: Adapter, pattern: str) -> list[Layer]:
    """The layers that a name, an alias or a glob means."""
    if pattern in model.layers or not set(pattern) & set("*?["):
        return [model.layer(pattern)]
    found = model.matching(pattern)
    if not found:
        raise UsageError(f"no layer matches {pattern!r}", _WHERE)
    return found


def problems(model: Adapter, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The layers that cannot be inverted, and why not."""
    for name, values in traced(model, names).items():
        if problem := values.problem:
            yield name, problem


def _tell(asked: "Invert", model: Adapter, every: int, found: Sequence[str], kept: Sequence[str]) -> None:
    listed = ", ".join(kept)
    if asked.layers != "all":
        model.note(f"inverting {len(kept)} of {every} layers: {listed}; others with --layer NAME or --layers all")
        return
    left = [name for name in found if name not in kept]
    text = f"inverting {len(kept)} of {every} layers, one for each stage"
    if left:
        text += f"; left out, to keep to --most {asked.most}: {', '.join(left)}"
    model.note(f"{text}. Steps within a stage (a convolution before its activation, a reshape): --layer NAME")
