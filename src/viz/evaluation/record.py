"""An evaluation as plain values, and as files: evaluation.json for programs, evaluation.csv for spreadsheets."""

import csv
import io
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from viz.evaluation.intervals import LEVEL, RESAMPLES
from viz.evaluation.outcome import Evaluation


def as_record(found: Evaluation, described: Mapping[str, Any]) -> dict[str, Any]:
    """All of it; `described` is what was known before the first image."""
    left = found.left_out
    return {
        **described,
        "complete": True,
        "images": {
            "used": found.used,
            "with_region": found.with_region,
            "wrong": sum(one.status == "wrong" for one in left),
            "failed": len(found.failed),
        },
        "left_out": [asdict(one) for one in left],
        "intervals": {"level": LEVEL, "resamples": RESAMPLES},
        "techniques": [_technique(one) for one in found.techniques],
        "metrics": [{**asdict(one.info), "settings": asdict(one)} for one in found.metrics],
        "table": [_entry(found, t.info.name, m.info.name) for t in found.techniques for m in found.metrics],
        "doubts": [asdict(one) for one in found.doubts],
        "problems": list(found.problems),
    }


def write(found: Evaluation, record: Mapping[str, Any]) -> None:
    """Both files, each whole or not at all."""
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    _replace(found.folder / "evaluation.json", text.encode())
    _replace(found.folder / "evaluation.csv", _table(record).encode())


def _technique(one: Any) -> dict[str, Any]:
    info = one.info
    return {"name": info.name, "family": info.family, "source": info.source, "settings": asdict(one)}


def _entry(found: Evaluation, technique: str, metric: str) -> dict[str, Any]:
    figure = found.figures.get((technique, metric))
    numbers = asdict(figure) if figure else {"mean": None, "low": None, "high": None, "images": 0}
    details = dict(found.details.get((technique, metric), {}))
    return {"technique": technique, "metric": metric, **numbers, "details": details}


def _table(record: Mapping[str, Any]) -> str:
    better = {one["name"]: "higher" if one["higher_is_better"] else "lower" for one in record["metrics"]}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("technique", "metric", "better", "mean", "low", "high", "images"))
    for row in record["table"]:
        numbers = ("" if row[name] is None else f"{row[name]:.6g}" for name in ("mean", "low", "high"))
        writer.writerow((row["technique"], row["metric"], better[row["metric"]], *numbers, row["images"]))
    return out.getvalue()


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(data)
    os.replace(temporary, path)  # noqa: PTH105  # Path.replace is the same; this says it is atomic
