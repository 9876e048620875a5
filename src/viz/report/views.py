"""What the page is told about an image: plain values, with addresses ready to use."""

from collections.abc import Mapping
from typing import Any

from viz.core.labels import means
from viz.report.markup import url

Record = dict[str, Any]

_UNKNOWN: Mapping[str, Any] = {}


def image_view(entry: Record, base: str = "", preprocess: Mapping[str, Any] = _UNKNOWN) -> dict[str, Any]:
    """One line of results.jsonl as the page's scripts want it.

    `base` is the run folder's address, `preprocess` that of its run.json. `id` is the image's key as it
    stands in an address; `rank` is the place of the true class among the predictions (1 is right, 0 is
    not there), None where no true class is known. An image that was made, not explained, also has
    `made`: how its original, if any, lies under it (`original_fit`).
    """
    common = {"id": url(entry["key"])[2:], "name": entry["name"], "status": entry["status"]}
    if entry["status"] != "done":
        return common | {"reason": entry["reason"], "numbers": {}, "warnings": [], "predictions": [], "rank": None}
    copied = {key: entry[key] for key in ("sha256", "size", "box", "truth", "target", "numbers", "warnings")}
    made = {"made": original_fit(entry["size"], preprocess)} if "row" in entry else {}
    return (
        common
        | copied
        | {
            "predictions": entry["predictions"],
            "rank": truth_rank(entry),
            "urls": {kind: url(path, base) for kind, path in entry["files"].items() if path},
        }
        | made
    )


def original_fit(size: list[int], preprocess: Mapping[str, Any]) -> dict[str, Any]:
    """How a photo covers a picture [height, width] that was made of it: `squeezed` to its shape, and by what `zoom`.

    A picture of the model's own size shows the part of the photo that the model sees of it; any other
    shows the whole photo.
    """
    crop, short = preprocess.get("crop"), preprocess.get("resize_short")
    if list(size) != list(preprocess.get("size", ())):
        return {"squeezed": False, "zoom": 1.0}
    if crop == "center":
        return {"squeezed": False, "zoom": short / min(size) if short else 1.0}
    return {"squeezed": True, "zoom": 1.0 if crop in (None, "none") else 1 / float(crop)}


def truth_rank(entry: dict[str, Any]) -> int | None:
    """The place of the true class among the predictions from 1, 0 where it is not there, None if unknown."""
    truth, predictions = entry.get("truth"), entry.get("predictions")
    if truth is None or not predictions:
        return None
    hits = (i for i, p in enumerate(predictions, start=1) if means(truth, p["class_index"], p["label"]))
    return next(hits, 0)


def counts(entries: list[dict[str, Any]]) -> dict[str, int]:
    """How many of the images with a known class (`known`) the model got right (`right`)."""
    ranks = [rank for entry in entries if (rank := truth_rank(entry)) is not None]
    return {"known": len(ranks), "right": ranks.count(1)}
