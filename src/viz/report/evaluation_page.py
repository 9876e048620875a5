"""The page of an evaluation: what deserves doubt, the table, and what was run. It needs no script."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from viz.core.errors import UsageError
from viz.report.markup import Markup, join, tag
from viz.report.page_files import fill, page, write_whole
from viz.report.sections import counted, facts, failures, folded, notice, preprocess_table, settings_table, table

Record = Mapping[str, Any]


def write_evaluation(folder: Path) -> Path:
    """Write `index.html` beside an evaluation.json and return its path; the same figures give the same bytes.

    Raises `UsageError` where there is none, or an unfinished one.
    """
    record = _read(folder / "evaluation.json")
    title = f"How good are the maps? {record['model']['name']}"
    body = fill("evaluation.html", title=title, sections=_sections(record), table=_figures(record))
    return write_whole(folder / "index.html", page(title, body, {}, (), ()))


def _read(path: Path) -> Record:
    try:
        record: Record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise UsageError(f"{str(path)!r} cannot be read: {problem}", "run viz evaluate again") from None
    if not record.get("complete"):
        raise UsageError(f"{str(path)!r} is not finished", "the same viz evaluate again continues it")
    return record


def _sections(record: Record) -> Markup:
    images, failed = record["images"], [one for one in record["left_out"] if one["status"] == "failed"]
    used = f"{images['used']:,} explained, {images['with_region']:,} of them with a known region"
    wrong = f"; {images['wrong']:,} left out that the model is wrong about" if images["wrong"] else ""
    model = record["model"]
    return join(
        facts([("Images", used + wrong), ("Model", f"{model['name']} ({model['runtime']}, {model['device']})")]),
        notice("warning", "What deserves doubt", [one["text"] for one in record["doubts"]]),
        notice("warning", "What could not be measured", record["problems"]),
        notice("warning", "Warnings", record["warnings"]),
        failures(
            f"{counted(len(failed), 'image')} could not be used",
            ("Image", "Reason"),
            [(one["name"], one["reason"]) for one in failed],
        ),
    )


def _figures(record: Record) -> Markup:
    cells = {(row["technique"], row["metric"]): row for row in record["table"]}
    doubted = {(one["technique"], one["metric"]) for one in record["doubts"]}
    head = ["Technique", *(f"{one['name']} {'↑' if one['higher_is_better'] else '↓'}" for one in record["metrics"])]
    rows = [
        [
            _name(one),
            *(_cell(cells[one["name"], m["name"]], (one["name"], m["name"]) in doubted) for m in record["metrics"]),
        ]
        for one in record["techniques"]
    ]
    return join(
        table(head, rows),
        tag(
            "p",
            "Means over images with their 95 % bootstrap interval. ↑: higher is better; red: doubted.",
            class_="quiet",
        ),
        folded("What the metrics are", _metrics(record)),
        folded("What was run", _what_was_run(record)),
    )


def _name(technique: Record) -> Markup:
    baseline = technique["family"] == "baseline"
    return join(technique["name"], tag("span", " (baseline)", class_="quiet") if baseline else "")


def _cell(row: Record, doubted: bool) -> Markup:
    if row["mean"] is None:
        return join("–")
    mean = tag("span", f"{row['mean']:.3f}", class_="bad" if doubted else "mean")
    return join(mean, " ", tag("span", f"{row['low']:.3f} to {row['high']:.3f}", class_="quiet"))


def _metrics(record: Record) -> Markup:
    rows = [(one["name"], one["summary"], one["source"], _settings(one["settings"])) for one in record["metrics"]]
    return table(("Metric", "What it measures", "Source", "Settings"), rows)


def _what_was_run(record: Record) -> Markup:
    rows = [(one["name"], one["source"], _settings(one["settings"])) for one in record["techniques"]]
    return join(
        tag("pre", record["command"], tabindex="0"),
        table(("Technique", "Source", "Settings"), rows),
        tag(
            "div", settings_table("Option", record["options"]), preprocess_table(record["preprocess"]), class_="tables"
        ),
        notice("note", "Notes", record["notes"]),
    )


def _settings(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
