"""Folders of surveys as `viz patches` leaves them, made of plain records."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.report.conftest import RUN
from viz.render import sprites

FIELD = {"size": [51, 51], "stride": [8.0, 8.0], "offset": [-22.0, -22.0]}
CLASSES = [f"class {number}" for number in range(200)] + ["Samoyed", "samovar"]


def layer(name: str, units: int, **changes: Any) -> dict[str, Any]:
    """A layer's entry in run.json."""
    facts = {"op": "Conv", "shape": [None, units, 13, 13], "positions": [13, 13], "kind": "nchw", "field": FIELD}
    return {"name": name, "units": units, "everywhere": False, "notes": [], "warnings": []} | facts | changes


def unit(layer_name: str, channel: int, patches: int = 4, row: int | None = None, **changes: Any) -> dict[str, Any]:
    """A line of results.jsonl. Figures are multiples of the channel's number, the best class is of that number."""
    row = channel if row is None else row
    key = layer_name.replace("/", "_")
    name = f"sprites/{key}/{row // 16 + 1:04d}"
    numbers = {"max": channel + 0.5, "mean": channel / 8, "fires": 0.25, "fires_images": 0.5}
    return {
        "name": f"{layer_name}:{channel}",
        "key": f"{key}-{channel}",
        "status": "done",
        "layer": layer_name,
        "channel": channel,
        "numbers": numbers | {"selectivity": (channel * 37 % 100) / 100, "duplicates": 0},
        "flags": [],
        "details": {
            "classes": [
                {"name": CLASSES[channel % 200], "mean": 2.5, "images": 12},
                {"name": "Samoyed", "mean": 1.25, "images": 9},
            ],
            "related": [{"channel": channel ^ 1, "correlation": 0.875}],
            "histogram": {"edges": [0.0, 0.5, 1.0, 4.0], "counts": [7, 12, 1]},
            "quantiles": {"0.5": 0.625, "0.9": 2.5},
        },
        "warnings": [],
        "files": {"sprite": f"{name}.jpg", "heat": f"{name}.png"},
        "grid": [patches, 16],
        "patches": [patch(number, [number, row % 16], channel + 0.5 - number / 8) for number in range(patches)],
    } | changes


def patch(number: int, tile: list[int], value: float, **changes: Any) -> dict[str, Any]:
    """One patch of a unit."""
    return {
        "image": f"photos/{number}.jpg",
        "index": number,
        "value": value,
        "place": [3, 4],
        "window": [10.0, 20.0, 61.0, 71.0],
        "photo_box": [40.0, 20.0, 142.0, 122.0],
        "clipped": False,
        "tile": tile,
    } | changes


def write_survey(
    folder: Path, layers: Sequence[dict[str, Any]], records: Iterator[dict[str, Any]] | list[Any], **changes: Any
) -> Path:
    """The folder of a finished survey; all sprites are the same two files, as hard links."""
    folder.mkdir(parents=True)
    said = {"shape": "survey", "target": "", "score": "", "layers": layers, "failures": [], "technique": "patches"}
    images = {"found": 20, "done": 20, "failed": 0}
    (folder / "run.json").write_text(json.dumps(RUN | said | {"images": images} | changes))
    written: set[str] = set()
    with (folder / "results.jsonl").open("w") as lines:
        for record in records:
            lines.write(json.dumps(record) + "\n")
            for name in record["files"].values():
                if name not in written:
                    written.add(name)
                    _link(folder, name, record["grid"])
    return folder


def _link(folder: Path, name: str, grid: list[int]) -> None:
    kind = name[-4:]
    shared = folder / f"shared-{grid[0]}{kind}"
    if not shared.exists():
        shared.write_bytes(sprites.sprite_jpeg(colours(*grid)) if kind == ".jpg" else sprites.heat_png(shades(*grid)))
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    os.link(shared, folder / name)


def colours(columns: int, rows: int) -> np.ndarray:
    """Tiles whose red is their row and whose blue is their column, times 15 and 40."""
    tiles = np.full((rows, columns, 64, 64, 3), 60, np.uint8)
    tiles[..., 0] = (15 * np.arange(rows))[:, None, None, None]
    tiles[..., 2] = (40 * np.arange(columns))[:, None, None]
    return tiles


def shades(columns: int, rows: int) -> np.ndarray:
    """Heat that hides the left half of every tile."""
    cells = np.zeros((rows, columns, 16, 16, 2), np.uint8)
    cells[..., :8, 1] = 200
    return cells
