"""Records as a table for people, or as JSON, JSON lines or CSV for programs."""

import csv
import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from viz.cli.console import results

_FIGURES = 6  # more columns than this do not fit; all are in results.jsonl, and in --format csv
_ROWS = 25  # more rows than this are for the page, not for the terminal


def print_records(records: Sequence[dict[str, Any]], output_format: str) -> None:
    """Print a run's records to stdout."""
    if output_format == "json":
        json.dump(list(records), sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    elif output_format == "jsonl":
        sys.stdout.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    elif output_format == "csv":
        _print_csv([flat(record) for record in records])
    else:
        _print_table(records)


def flat(record: dict[str, Any]) -> dict[str, Any]:
    """A record as one row: the target, the best prediction and the numbers side by side."""
    row = {"name": record["name"], "status": record["status"], "reason": record.get("reason", "")}
    row |= {place: record[place] for place in ("row", "column") if place in record}
    row["truth"] = record.get("truth") or ""
    row["target"] = record.get("target", {}).get("label", "")
    best = (record.get("predictions") or [{}])[0]
    row["predicted"] = best.get("label", "")
    row["probability"] = best.get("probability", "")
    return {**row, **record.get("numbers", {})}


def _print_csv(rows: Sequence[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print_table(records: Sequence[dict[str, Any]]) -> None:
    done = [flat(record) for record in records if record["status"] == "done"]
    if not done:
        return
    hidden = {"status", "reason", "peak_x", "peak_y", "row", "column"}  # a name says its row and column already
    said = ("truth", "target", "predicted", "probability")
    hidden |= {name for name in said if not any(row.get(name) for row in done)}
    # A figure of one part, such as `style conv1_1`, is for programs and for the page: there may be many of them.
    names = dict.fromkeys(name for row in done for name in row if " " not in name)
    figures = dict.fromkeys(name for record in records for name in record.get("numbers", {}))
    hidden |= set([name for name in names if name in figures and name not in hidden][_FIGURES:])
    columns = [name for name in names if name not in hidden]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name.replace("_", " "), overflow="fold" if name == "name" else "ellipsis")
    for row in done[:_ROWS]:
        table.add_row(*(_cell(row.get(name, "")) for name in columns))
    results.print(table)
    if len(done) > _ROWS:
        results.print(f"… and {len(done) - _ROWS} more", style="dim")


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value))
