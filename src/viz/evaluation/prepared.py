"""The images of an evaluation, as they are explained: read, fitted, with a target each and the true region."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError, UsageError
from viz.core.result import FloatArray
from viz.core.target import ScoreKind, Target, class_target, ranked_classes, targets_or_problems
from viz.core.true_regions import TrueRegion, region_of
from viz.core.truths import Known
from viz.engine.loading import Loaded
from viz.evaluation.options import EvaluationOptions


@dataclass(frozen=True)
class LeftOut:
    """An image that has no row: it could not be used (`failed`), or the model takes it for another class (`wrong`)."""

    name: str
    status: str
    reason: str


@dataclass(frozen=True)
class Prepared:
    """Images that are explained together, (b, 3, h, w), with all that is known of them."""

    names: tuple[str, ...]
    sha256: tuple[str, ...]
    images: FloatArray
    targets: tuple[Target, ...]
    regions: tuple[TrueRegion | None, ...]


@dataclass(frozen=True)
class _Candidate:
    item: Loaded
    region: TrueRegion | None


def prepare(
    model: Adapter, loaded: Sequence[Loaded], known: Sequence[Known | None], options: EvaluationOptions
) -> tuple[Prepared | None, list[LeftOut]]:
    """What of a chunk can be explained, or None, and what cannot, with the reason."""
    out: list[LeftOut] = []
    candidates = []
    for item, entry in zip(loaded, known, strict=True):
        found = _with_region(item, entry, model.size, options.max_pixels)
        if isinstance(found, ImageError):
            out.append(_failed(item.file.name, found))
        else:
            candidates.append(found)
    if not candidates:
        return None, out
    images = np.stack([one.item.pixels for one in candidates if one.item.pixels is not None])
    targets = _targets(model, images, [one.item.file.truth for one in candidates], options)
    out += [left for one, target in zip(candidates, targets, strict=True) if (left := _left_out(one, target))]
    good = [i for i, target in enumerate(targets) if isinstance(target, Target)]
    return _kept(candidates, images, targets, good) if good else None, out


def _left_out(one: _Candidate, target: Target | ImageError | str) -> LeftOut | None:
    if isinstance(target, str):
        return LeftOut(one.item.file.name, "wrong", target)
    return _failed(one.item.file.name, target) if isinstance(target, ImageError) else None


def _kept(
    candidates: Sequence[_Candidate], images: FloatArray, targets: Sequence[Any], good: Sequence[int]
) -> Prepared:
    kept = images[list(good)]
    kept.flags.writeable = False  # every technique starts from the same clean pass
    chosen = [candidates[i] for i in good]
    return Prepared(
        tuple(one.item.file.name for one in chosen),
        tuple(one.item.sha256 for one in chosen),
        kept,
        tuple(targets[i] for i in good),
        tuple(one.region for one in chosen),
    )


def _with_region(item: Loaded, known: Known | None, size: tuple[int, int], max_pixels: int) -> _Candidate | ImageError:
    if item.failure is not None:
        return item.failure
    assert item.box is not None, "a loaded image has the box that the model sees"
    try:
        return _Candidate(item, region_of(known, item.size, item.box, size, max_pixels))
    except ImageError as problem:
        return problem


def _failed(name: str, problem: ImageError) -> LeftOut:
    return LeftOut(name, "failed", "; ".join(part for part in (problem.problem, problem.next_step) if part))


def _targets(
    model: Adapter, images: FloatArray, truths: Sequence[str | None], options: EvaluationOptions
) -> list[Target | ImageError | str]:
    """One per image: its target, why it has none, or, as text, what the model takes it for."""
    score = cast(ScoreKind, options.score)
    order = ranked_classes(model, images)[0] if model.scores else None
    classes = [_index(model, truth) for truth in truths]
    if options.target == "auto":
        found: list[Any] = [
            c if isinstance(c, ImageError) else class_target(model, int(order[i, 0]) if c is None else c, score)
            for i, c in enumerate(classes)
            if order is not None
        ]
    else:
        found = list(targets_or_problems(options.target, model, images, score, truths, order))
    if order is None or options.include_wrong:
        return found
    return [
        f"taken for {model.labels.name(int(order[i, 0]))}" if isinstance(c, int) and order[i, 0] != c else target
        for i, (target, c) in enumerate(zip(found, classes, strict=True))
    ]


def _index(model: Adapter, truth: str | None) -> int | ImageError | None:
    if truth is None or model.scores is None:
        return None
    try:
        return model.labels.index(truth, model.scores.classes)
    except UsageError as problem:
        return ImageError(f"its true class is not one of the model's: {problem.problem}", problem.next_step)
