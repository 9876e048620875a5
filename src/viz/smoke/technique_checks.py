"""Does a technique work on this model: does it run, and are its results finite, of the right shape, and its own?"""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError, NotSupported, UsageError
from viz.core.gradients import input_gradients
from viz.core.result import FloatArray, HeatMap, Result
from viz.core.target import Target
from viz.smoke.check import Check, Failed, check, reason

_GPU_TOLERANCE = 1e-3  # of the largest value: sums on a GPU may run in another order each time


def technique_checks(technique: Any, model: Adapter, images: FloatArray, target: Target) -> Iterator[Check]:
    """Run a technique at its tiny settings on two images with the same target, and look at the results.

    One that does not apply to the model is skipped, with the reason. Settings that do not fit the model
    (a patch larger than its input) make way for the defaults.
    """
    name, started = technique.info.name, time.perf_counter()
    try:
        chosen, results = _first_results(technique, model, images[:2], [target] * 2)
    except NotSupported as problem:
        yield Check(name, "runs", "skipped", time.perf_counter() - started, reason(problem))
        return
    except Exception as problem:  # a technique may come from anywhere: whatever it raises is what is wrong with it
        yield Check(name, "runs", "failed", time.perf_counter() - started, reason(problem))
        return
    yield Check(name, "runs", "passed", time.perf_counter() - started)
    yield check(name, "finite", partial(finite, results))
    yield check(name, "shape", partial(_shaped, results, model.size))
    if reason_why_not := _why_not_different(technique, model, images[:2], target, results):
        yield Check(name, "follows the image", "skipped", 0.0, reason_why_not)
    else:
        yield check(name, "follows the image", partial(_differ, results))
    yield check(name, "same again", partial(_repeats, chosen, model, images[:2], [target] * 2, results))


def _first_results(
    technique: Any, model: Adapter, images: FloatArray, targets: Sequence[Target]
) -> tuple[Any, Sequence[Result]]:
    """The technique as it was set, and its results, one for each image."""
    chosen = technique(**technique.info.smoke)
    try:
        results = chosen(model, images, targets)
    except UsageError:
        chosen = technique()
        results = chosen(model, images, targets)
    if len(results) != len(images):
        raise Failed(f"{len(results)} results for {len(images)} images")
    for result in results:
        if isinstance(result, ImageError):
            raise Failed(result.problem)
    return chosen, results


def finite(results: Sequence[Result]) -> None:
    """Raise `Failed` where an array or a figure of a result is not finite."""
    for result in results:
        for name, value in (*result.arrays.items(), *_figures(result)):
            broken = int((~np.isfinite(value)).sum())
            if broken:
                raise Failed(f"{broken} of {np.size(value)} values of {name} are not finite")


def _figures(result: Result) -> Iterator[tuple[str, Any]]:
    return ((name, np.asarray(v)) for name, v in result.numbers.items() if not isinstance(v, str))


def _shaped(results: Sequence[Result], size: tuple[int, int]) -> None:
    for result in results:
        if isinstance(result, HeatMap) and result.heat.shape != size:
            raise Failed(f"the heat has shape {result.heat.shape}, the model's input {size}")
        empty = [name for name, array in result.arrays.items() if array.size == 0]
        if empty or not result.arrays:
            raise Failed(f"{', '.join(empty)} is empty" if empty else "the result holds no array")


def _differ(results: Sequence[Result]) -> None:
    first, second = (_main_arrays(result) for result in results)
    if all(np.array_equal(first[name], second[name], equal_nan=True) for name in first):
        raise Failed(f"{' and '.join(first)} did not change with the picture")


def _why_not_different(
    technique: Any, model: Adapter, images: FloatArray, target: Target, results: Sequence[Result]
) -> str:
    """Why results may be the same for two images: the technique itself says so, or there is no other gradient."""
    said = [text for result in results for text in result.warnings if "does not depend on the image" in text]
    if len(said) == len(results):
        return said[0]
    if all(result.warnings and not any(array.any() for array in _main_arrays(result).values()) for result in results):
        return results[0].warnings[0]  # empty maps, and it says so
    if technique.info.needs_gradient and _same_gradient(model, images, target):
        return "the score is linear: its gradient is the same anywhere"
    return ""


def _same_gradient(model: Adapter, images: FloatArray, target: Target) -> bool:
    """Whether the target's gradient is the same for two images, so that a map made of it may be so too."""
    try:
        first, second = input_gradients(model, images, [target] * 2).pixels
    except NotSupported:
        return False
    return bool(np.allclose(first, second, rtol=1e-5, atol=0))


def _main_arrays(result: Result) -> dict[str, Any]:
    return {"heat": result.heat} if isinstance(result, HeatMap) else dict(result.arrays)


def _repeats(
    technique: Any, model: Adapter, images: FloatArray, targets: Sequence[Target], before: Sequence[Result]
) -> None:
    repeats(before, technique(model, images, targets), model.source.device)


def repeats(before: Sequence[Result], again: Sequence[Result], device: str) -> None:
    """Raise `Failed` where results of the same call differ: by anything on a CPU, by more than rounding on a GPU."""
    part = 0.0 if device == "cpu" else _GPU_TOLERANCE
    for first, second in zip(before, again, strict=True):
        for name, array in first.arrays.items():
            if not _same(array, second.arrays[name], part):
                raise Failed(f"{name} is not the same when the same call is made again")


def _same(first: Any, second: Any, part: float) -> bool:
    if part == 0 or first.dtype.kind not in "fc":
        return np.array_equal(first, second, equal_nan=first.dtype.kind in "fc")
    return np.allclose(first, second, rtol=0, atol=part * float(np.abs(first).max()), equal_nan=True)
