"""The grammar of `--target`: what the user types, as one target per image. docs/reference/targets.md explains it."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError, UnknownName, UsageError
from viz.core.result import FloatArray
from viz.core.target.asked import Asked, Found, Ranking, ScoreKind, unquoted
from viz.core.target.box_format import BoxFormat
from viz.core.target.boxes import box_targets
from viz.core.target.classes import class_targets, scores_of
from viz.core.target.directions import direction_target
from viz.core.target.embeddings import content_hash, like_targets
from viz.core.target.neurons import neuron_target, norm_target
from viz.core.target.places import Rectangle
from viz.core.target.regions import Region, region_targets
from viz.core.target.weighted import Target

_NUMBER = r"\d+(?:\.\d+)?"
_BOX = rf"{_NUMBER}(?:\s*,\s*{_NUMBER}){{3}}"
_NEURON = re.compile(r"(?P<layer>.+):(?:(?P<norm>norm)|(?P<channel>\d+)(?:@(?P<y>\d+),(?P<x>\d+))?)")
_LIKE = re.compile(r"(?:(?P<layer>.+?)\s+)?like\s+(?P<file>.+)")
_ALONG = re.compile(r"(?P<layer>.+?)\s+along\s+(?P<file>.+\.npy\"?)")
_WEIGHTED = re.compile(rf"(?P<weight>{_NUMBER})\s*\*\s*(?P<rest>.+)")
_BOXED = re.compile(
    rf"box\s+(?P<what>.+?)(?:\s+near\s+(?P<near>{_BOX}))?(?:\s+as\s+(?P<format>[\w,-]+))?(?:\s+of\s+(?P<layer>.+))?"
)
_REGION = re.compile(
    rf"(?P<what>.+?)(?:@(?P<y>\d+),(?P<x>\d+)|\s+in\s+(?:(?P<mask>mask)|(?P<box>{_BOX})))(?:\s+of\s+(?P<layer>.+))?"
)
_OUTSIDE_QUOTES = r'(?=(?:[^"]*"[^"]*")*[^"]*$)'
_SIGNS = re.compile(rf"\s+([+-])\s+{_OUTSIDE_QUOTES}")


def targets_for(
    text: str,
    model: Adapter,
    images: FloatArray,
    score: ScoreKind = "auto",
    truths: Sequence[str | None] | None = None,
    order: Ranking | None = None,
) -> list[Target]:
    """One target per image from what the user typed.

    `top1`, `top2`, … is the class the model ranks there for that image; `label` is the image's own
    true class (`truths`); `207` or `tabby` is a class; `LAYER:CHANNEL` or `LAYER:CHANNEL@Y,X` a neuron and
    `LAYER:norm` a layer's norm; `CLASS@Y,X`, `CLASS in X0,Y0,X1,Y1` and `CLASS in mask` a segmenter's class at
    a place; `box CLASS` and `box CLASS near X0,Y0,X1,Y1` a detector's box; `like FILE` and `LAYER like FILE`
    the likeness to another image; `LAYER along FILE.npy` a direction of its channels; `A - B`, `A + B` and
    `0.5 * A` are differences, sums and multiples of the above. Choices such as a
    box or a mask are made on `images`, which are to be the clean ones. `order` spares the forward pass that ranks
    the classes where it is known: (b, classes) indices by falling score.
    Raises `UsageError` or `UnknownName` saying what was not understood, `ImageError` for the first image in
    which there is no such thing.
    """
    targets = []
    for found in targets_or_problems(text, model, images, score, truths, order):
        if isinstance(found, ImageError):
            raise found
        targets.append(found)
    return targets


def targets_or_problems(
    text: str,
    model: Adapter,
    images: FloatArray,
    score: ScoreKind = "auto",
    truths: Sequence[str | None] | None = None,
    order: Ranking | None = None,
) -> list[Found]:
    """As `targets_for`; for an image that holds no such thing, an `ImageError` in place of its target."""
    asked = Asked(model, images, score, truths, order)
    (_, first), *others = _parts(text, model)
    total = _single(first, asked)
    for sign, part in others:
        total = [_sum(a, sign, b) for a, b in zip(total, _single(part, asked), strict=True)]
    return total


def check_target(text: str, model: Adapter, score: ScoreKind = "auto") -> None:
    """Raise what `targets_for` would for a target that no image could have; runs the model only for unknown shapes."""
    none = np.empty((0, 3, *model.size), np.float32)
    classes = model.scores.classes if model.scores else 0
    targets_for(text, model, none, score, [], np.empty((0, classes), np.intp))


def references(text: str, model: Adapter) -> list[str]:
    """Hashes of the files that a target compares with: what it means changes with what is in them."""
    parts = [_unweighted(part, model)[1] for _, part in _parts(text, model)]
    understood = [part for part in parts if not _is_understood_otherwise(part, model)]
    matches = [form.fullmatch(part) for part in understood for form in (_LIKE, _ALONG)]
    return [content_hash(Path(unquoted(match["file"])).expanduser()) for match in matches if match]


def _is_understood_otherwise(part: str, model: Adapter) -> bool:
    return _names_a_class(part, model) or bool(_NEURON.fullmatch(part))


def _parts(text: str, model: Adapter) -> Iterator[tuple[str, str]]:
    """The terms of a sum with their signs, the first with none."""
    text = text.strip()
    if _names_a_class(text, model):
        yield "+", text
        return
    pieces = _SIGNS.split(text)
    yield from zip(["+", *pieces[1::2]], pieces[0::2], strict=True)


def _sum(a: Found, sign: str, b: Found) -> Found:
    if isinstance(a, ImageError):
        return a
    if isinstance(b, ImageError):
        return b
    return a + b if sign == "+" else a - b


def _unweighted(text: str, model: Adapter) -> tuple[float, str]:
    """The weight that a term is written with, 1 where there is none, and the rest of it."""
    match = None if _names_a_class(text, model) else _WEIGHTED.fullmatch(text)
    return (float(match["weight"]), match["rest"].strip()) if match else (1.0, text)


def _single(text: str, asked: Asked) -> list[Found]:
    """One term with its weight."""
    weight, rest = _unweighted(text, asked.model)
    found = _plain(rest, asked)
    return found if rest == text else [one if isinstance(one, ImageError) else weight * one for one in found]


def _plain(text: str, asked: Asked) -> list[Found]:
    """One term. A class of the model comes first: `box turtle` is an animal where the model knows it."""
    if not _names_a_class(text, asked.model):
        matches = [(targets, match) for form, targets in _FORMS if (match := form.fullmatch(text))]
        if len(matches) > 1 and matches[0][0] is _neuron and not _has_layer(asked.model, matches[0][1]["layer"]):
            del matches[0]  # `box dog of scores:0`: the colon is part of another layer's name
        if matches:
            targets, match = matches[0]
            return targets(match, asked)
    return _class(text, asked)


def _has_layer(model: Adapter, name: str) -> bool:
    try:
        model.layer(unquoted(name))
    except UnknownName:
        return False
    return True


def _names_a_class(text: str, model: Adapter) -> bool:
    """Whether the whole text is a class of a model that scores classes; in double quotes it is meant to be one."""
    if model.scores is None:
        return False
    try:
        model.labels.index(unquoted(text), model.scores.classes)
    except UnknownName:
        return text[:1] == text[-1:] == '"' and '"' not in text[1:-1]
    except UsageError:  # several classes share the name, or the index is too large: said where it is used
        return True
    return True


def _class(text: str, asked: Asked) -> list[Found]:
    """A class; a layer's name or a difference written without spaces is told apart."""
    model = asked.model
    of_layer = f"name one of its channels: --target {text}:0, or its norm: {text}:norm"
    if model.scores is None and text in model.layers:
        raise UsageError(f"{text!r} is a layer", of_layer)
    scores_of(model)
    try:
        return list(class_targets(text, asked))
    except UnknownName as problem:
        if text in model.layers:
            raise UsageError(f"{text!r} is a layer", of_layer) from None
        if re.search(r"\S[+-]\S", text):
            problem.next_step = f"{problem.next_step}; a sum or difference needs spaces: 'A - B'".lstrip("; ")
        raise


def _neuron(match: re.Match[str], asked: Asked) -> list[Found]:
    layer = unquoted(match["layer"])
    if match["norm"]:
        target = norm_target(asked.model, layer)
    else:
        target = neuron_target(asked.model, layer, int(match["channel"]), _position(match))
    return [target] * len(asked.images)


def _like(match: re.Match[str], asked: Asked) -> list[Found]:
    layer = unquoted(match["layer"]) if match["layer"] else None
    return list(like_targets(layer, unquoted(match["file"]), asked))


def _along(match: re.Match[str], asked: Asked) -> list[Found]:
    target = direction_target(asked.model, unquoted(match["layer"]), Path(unquoted(match["file"])).expanduser())
    return [target] * len(asked.images)


def _boxed(match: re.Match[str], asked: Asked) -> list[Found]:
    given = BoxFormat.parse(match["format"]) if match["format"] else BoxFormat()
    near = _rectangle(match["near"]) if match["near"] else None
    return box_targets(match["what"], near, given, _layer(match), asked)


def _region(match: re.Match[str], asked: Asked) -> list[Found]:
    region: Region = _position(match) or (_rectangle(match["box"]) if match["box"] else "mask")
    return region_targets(match["what"], region, _layer(match), asked)


def _position(match: re.Match[str]) -> tuple[int, int] | None:
    return (int(match["y"]), int(match["x"])) if match["y"] else None


def _rectangle(text: str) -> Rectangle:
    return Rectangle(*(float(side) for side in text.split(",")))


def _layer(match: re.Match[str]) -> str | None:
    return unquoted(match["layer"]) if match["layer"] else None


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Asked], list[Found]]], ...] = (
    (_NEURON, _neuron),
    (_LIKE, _like),
    (_ALONG, _along),
    (_BOXED, _boxed),
    (_REGION, _region),
)
