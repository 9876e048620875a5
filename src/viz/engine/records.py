"""One image's line in results.jsonl."""

from typing import Any, Protocol

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.images import Box
from viz.core.result import FURTHER, Number, Result
from viz.core.target import Target
from viz.engine.loading import Loaded

Record = dict[str, Any]

PREVIEW_SIDE = 512  # longest side of the picture's small copy, from which the page makes its gallery


def done_record(
    model: Adapter, item: Loaded, target: Target, top: Any, result: Result, forward_difference: float | None = None
) -> Record:
    """The record of an image that worked. `top` is (best class indices, probabilities of all) or None.

    `forward_difference` says how far the score that gradients were taken of is from the model's own.
    """
    assert item.box is not None, "a loaded image has the box that the model saw"
    key = item.file.key
    return {
        "name": item.file.name,
        "key": key,
        "status": "done",
        "sha256": item.sha256,
        "size": list(item.size),
        "box": [short(v) for v in (item.box.left, item.box.top, item.box.right, item.box.bottom)],
        "truth": truth_name(model, item.file.truth),
        "target": {"label": target.label, "class_index": target.class_index, "score": target.score},
        "predictions": predictions(model, top),
        "numbers": _numbers(result, model.size, item.box),
        "warnings": list(result.warnings),
        "files": _files(item, result),
        **({} if forward_difference is None else {"forward_difference": short(forward_difference)}),
    }


class Named(Protocol):
    """What a record is about: an image file, or an image that is made."""

    @property
    def name(self) -> str:
        """Unique within the run, for people."""
        ...

    @property
    def key(self) -> str:
        """The base name of its results."""
        ...


def failed_record(file: Named, problem: ImageError) -> Record:
    """The record of an image that could not be used, with the reason and what to do."""
    reason = problem.problem if not problem.next_step else f"{problem.problem}; {problem.next_step}"
    return {"name": file.name, "key": file.key, "status": "failed", "reason": reason}


def needs_preview(item: Loaded) -> bool:
    """True for photos so large that a gallery of their pictures would be slow to scroll."""
    return max(item.size) > 2 * PREVIEW_SIDE


def _files(item: Loaded, result: Result) -> dict[str, str]:
    key = item.file.key
    files = {"picture": f"{key}.png", "arrays": f"{key}.npz", "original": f"originals/{key}.jpg"}
    files |= {kind: f"{key}.{kind}.png" for array, kind in FURTHER.items() if array in result.arrays}
    if needs_preview(item):
        files["preview"] = f"previews/{key}.jpg"
    return files


def truth_name(model: Adapter, truth: str | None) -> str | None:
    """The true class by name, where an index was given and the model has names."""
    if truth is None or not truth.isdecimal():
        return truth
    return model.labels.name(int(truth))


def predictions(model: Adapter, top: Any) -> list[Record]:
    """Classes with name and probability; `top` is (class indices, probabilities of all classes) or None."""
    if top is None:
        return []
    best, probabilities = top
    return [
        {"class_index": int(i), "label": model.labels.name(int(i)), "probability": short(probabilities[i])}
        for i in best
    ]


def _numbers(result: Result, size: tuple[int, int], box: Box) -> dict[str, Number]:
    """The result's figures; a peak is also given in the photo's own pixels, where people look for it."""
    numbers = {name: short(value) for name, value in result.numbers.items()}
    if "peak_x" in numbers and "peak_y" in numbers:
        across, down = (box.right - box.left) / size[1], (box.bottom - box.top) / size[0]
        numbers["photo_peak_x"] = short(box.left + (float(numbers["peak_x"]) + 0.5) * across)
        numbers["photo_peak_y"] = short(box.top + (float(numbers["peak_y"]) + 0.5) * down)
    return numbers


def short(value: Any) -> Any:
    """Seven significant digits: all that float32 holds, none that it makes up. JSON has no NaN: it becomes None."""
    if not isinstance(value, float | np.floating):
        return value
    return float(f"{float(value):.7g}") if np.isfinite(value) else None
