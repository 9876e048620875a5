"""A target: the one number per image that is explained or driven up, read from the model's tensors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter, Scores, Squash, per_image, probabilities
from viz.core.errors import UnknownName, UsageError
from viz.core.labels import checked_index
from viz.core.result import FloatArray

Ranking = NDArray[np.intp]
ScoreKind = Literal["auto", "logit", "probability"]


@dataclass(frozen=True)
class Term:
    """One weighted reading: a class score, or a channel of a layer (its mean, or at one position)."""

    layer: str
    channel: int
    at: tuple[int, int] | None = None
    weight: float = 1.0
    squash: Squash = "none"
    of_class: bool = False

    def read(self, values: Any) -> Any:
        """(b, …) -> (b,), numpy or torch. Raises `UsageError` where the layer has no such channel or position."""
        if self.of_class:
            flat = per_image(values)
            return (flat if self.squash == "none" else _squashed(flat, self.squash))[:, self.channel]
        try:
            found = _channel(values, self.channel)
            if self.at is not None:
                found = found[:, self.at[0], self.at[1]]
        except IndexError:
            place = f":{self.channel}" + (f"@{self.at[0]},{self.at[1]}" if self.at else "")
            raise UsageError(f"{self.layer} is {values.shape[1:]} per image and has no {place}") from None
        return found.reshape(len(found), -1).mean(axis=1)


@dataclass(frozen=True)
class Target:
    """A weighted sum of terms. Targets add, subtract and scale: `tabby - lynx`, `0.5 * target`."""

    terms: tuple[Term, ...]
    label: str
    class_index: int | None = None
    score: str = "activation"

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the tensors that `of` needs."""
        return tuple(dict.fromkeys(term.layer for term in self.terms))

    def read(self, values: Mapping[str, Any]) -> Any:
        """The target's value for each image, (b,), from numpy arrays or, with their autograd graph, torch tensors."""
        return sum(term.weight * term.read(values[term.layer]) for term in self.terms)

    def of(self, values: Mapping[str, FloatArray]) -> FloatArray:
        """The target's value for each image of a batch, (b,) float32."""
        return np.asarray(self.read(values), np.float32)

    def __add__(self, other: "Target") -> "Target":
        return Target(self.terms + other.terms, f"{self.label} + {other.label}", score=self.score)

    def __sub__(self, other: "Target") -> "Target":
        minus = (-1.0 * other).terms
        return Target(self.terms + minus, f"{self.label} - {other.label}", score=self.score)

    def __mul__(self, factor: float) -> "Target":
        terms = tuple(replace(term, weight=term.weight * factor) for term in self.terms)
        return Target(terms, f"{factor:g} x {self.label}", score=self.score)

    __rmul__ = __mul__


def class_target(model: Adapter, index: int, score: ScoreKind = "auto") -> Target:
    """The score of one class. `auto` reads before the softmax where the model has one."""
    term, kind = _class_term(model, checked_index(index, _scores(model).classes), score)
    return Target((term,), model.labels.name(index), index, kind)


def neuron_target(model: Adapter, layer: str, channel: int, at: tuple[int, int] | None = None) -> Target:
    """A channel of any layer: its mean over positions, or its value at row, column `at`."""
    found = model.layer(layer)
    if found.shape is not None:
        _check_position(found.name, found.shape, channel, at)
    place = "" if at is None else f"@{at[0]},{at[1]}"
    return Target((Term(found.name, channel, at),), f"{found.name}:{channel}{place}")


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
    true class (`truths`); `207` or `tabby` is a class; `LAYER:CHANNEL` or `LAYER:CHANNEL@Y,X` a neuron;
    `A - B` and `A + B` are differences and sums of the above. `order` spares the forward pass that ranks
    the classes where it is known: (b, classes) indices by falling score.
    Raises `UsageError` or `UnknownName` saying what was not understood.
    """
    parts = re.split(r"\s+([+-])\s+", text.strip())
    total = _single(parts[0], model, images, score, truths, order)
    for sign, part in zip(parts[1::2], parts[2::2], strict=True):
        others = _single(part, model, images, score, truths, order)
        total = [a + b if sign == "+" else a - b for a, b in zip(total, others, strict=True)]
    return total


def ranked_classes(model: Adapter, images: FloatArray) -> tuple[Ranking, FloatArray]:
    """Classes by falling score, (b, classes) indices, and the probabilities (b, classes) in class order."""
    term, _ = _class_term(model, 0, "probability")
    values = per_image(model.run(images, [term.layer])[term.layer])
    # Rank before squashing: float32 softmax can tie classes that the logits tell apart.
    return np.argsort(-values, axis=1, kind="stable"), probabilities(values, term.squash)


def _single(
    text: str,
    model: Adapter,
    images: FloatArray,
    score: ScoreKind,
    truths: Sequence[str | None] | None,
    order: Ranking | None,
) -> list[Target]:
    if match := re.fullmatch(r"top(\d+)", text):
        return _ranked(model, images, int(match[1]), score, order)
    if text == "label":
        return [_true_target(model, truth, score) for truth in truths or [None] * len(images)]
    if match := re.fullmatch(r"(.+):(\d+)(?:@(\d+),(\d+))?", text):
        at = (int(match[3]), int(match[4])) if match[3] else None
        return [neuron_target(model, match[1], int(match[2]), at)] * len(images)
    return [class_target(model, _class_index(model, text), score)] * len(images)


def _class_index(model: Adapter, text: str) -> int:
    """The class that `text` names; a layer's name or a difference written without spaces is told apart."""
    if model.scores is None and text in model.layers:
        raise UsageError(f"{text!r} is a layer", f"name one of its channels: --target {text}:0")
    try:
        return model.labels.index(text, _scores(model).classes)
    except UnknownName as problem:
        if text in model.layers:
            raise UsageError(f"{text!r} is a layer", f"name one of its channels: --target {text}:0") from None
        if re.search(r"\S[+-]\S", text):
            problem.next_step = f"{problem.next_step}; a sum or difference needs spaces: 'A - B'".lstrip("; ")
        raise


def check_target(text: str, model: Adapter, score: ScoreKind = "auto") -> None:
    """Raise what `targets_for` would for a target that no image could have; costs no forward pass."""
    none = np.empty((0, 3, *model.size), np.float32)
    classes = model.scores.classes if model.scores else 0
    targets_for(text, model, none, score, [], np.empty((0, classes), np.intp))


def _ranked(model: Adapter, images: FloatArray, rank: int, score: ScoreKind, order: Ranking | None) -> list[Target]:
    if not 1 <= rank <= _scores(model).classes:
        raise UsageError(f"top{rank} does not exist", f"the model has {_scores(model).classes} classes")
    if order is None:
        order, _ = ranked_classes(model, images)
    return [class_target(model, int(index), score) for index in order[:, rank - 1]]


def _true_target(model: Adapter, truth: str | None, score: ScoreKind) -> Target:
    if truth is None:
        raise UsageError(
            "--target label needs each image's true class, and none is known for this image",
            'put a labels.json beside the images: {"a.jpg": "tabby", "b.jpg": 207}',
        )
    return class_target(model, model.labels.index(truth, _scores(model).classes), score)


def _scores(model: Adapter) -> Scores:
    if model.scores is None:
        raise UsageError(
            f"{model.source.name} has no output of class scores",
            f"name a neuron instead, --target LAYER:CHANNEL; `viz layers --model {model.source.spec}` lists them",
        )
    return model.scores


def _class_term(model: Adapter, index: int, score: ScoreKind) -> tuple[Term, str]:
    """The reading of one class and what it is called in records: logit or probability."""
    scores = _scores(model)
    if score == "logit" and scores.logits is None:
        raise UsageError("this model shows no score before its softmax", "use --score probability")
    if score != "probability" and scores.logits is not None:
        return Term(scores.logits, index, of_class=True), "logit"
    if scores.logits is not None:
        squash = scores.to_probability if scores.to_probability != "none" else "softmax"
        return Term(scores.logits, index, squash=squash, of_class=True), "probability"
    assert scores.probabilities is not None, "Scores name logits, probabilities or both"
    return Term(scores.probabilities, index, of_class=True), "probability"


def _squashed(values: Any, squash: Squash) -> Any:
    """`probabilities` for numpy arrays; for torch tensors the same function with its gradient."""
    if isinstance(values, np.ndarray):
        return probabilities(values, squash)
    wide = values.double()  # as in numpy: float32 rounds probabilities near 1 to 1
    squashes = {"softmax": lambda x: x.softmax(dim=1), "sigmoid": lambda x: x.sigmoid(), "exp": lambda x: x.exp()}
    return squashes[squash](wide).to(values.dtype)


def _channel(values: Any, channel: int) -> Any:
    """One channel of (b, c), (b, c, h, w) or tokens (b, n, c), given as (b,), (b, h, w) or (b, 1, n)."""
    if values.ndim == 3:
        return values[:, None, :, channel]
    return values[:, channel]


def _check_position(name: str, shape: tuple[int | None, ...], channel: int, at: tuple[int, int] | None) -> None:
    tokens = len(shape) == 3
    channels = shape[-1] if tokens else shape[1] if len(shape) > 1 else None
    if channels is not None and channel >= channels:
        raise UsageError(f"{name} has no channel {channel}", f"its channels are 0 to {channels - 1}")
    if at is None:
        return
    grid = (1, shape[1]) if tokens else shape[2:]
    if len(grid) != 2 or any(size is not None and i >= size for i, size in zip(at, grid, strict=True)):
        raise UsageError(
            f"{name} has no position {at[0]},{at[1]}",
            f"its positions are {'x'.join(map(str, grid)) or 'none: it is a vector'} (rows x columns)",
        )
