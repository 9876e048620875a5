"""What the page is told about an image: plain values, with addresses ready to use."""

from typing import Any

from viz.core.labels import means
from viz.report.markup import url


def image_view(entry: dict[str, Any], base: str = "") -> dict[str, Any]:
    """One line of results.jsonl as the page's scripts want it; `base` is the run folder's address.

    `id` is the image's key as it stands in an address; `rank` is the place of the true class among
    the predictions (1 is right, 0 is not there), None where no true class is known.
    """
    common = {"id": url(entry["key"])[2:], "name": entry["name"], "status": entry["status"]}
    if entry["status"] != "done":
        return common | {"reason": entry["reason"], "numbers": {}, "warnings": [], "predictions": [], "rank": None}
    copied = {key: entry[key] for key in ("sha256", "size", "box", "truth", "target", "numbers", "warnings")}
    return (
        common
        | copied
        | {
            "predictions": entry["predictions"],
            "rank": truth_rank(entry),
            "urls": {kind: url(path, base) for kind, path in entry["files"].items() if path},
        }
    )


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
