"""`viz smoke`: does every technique work with this model? For a look, and for CI."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from viz.cli.arguments import build, command, flag_parameter, flowing, model_parameter
from viz.cli.console import errors, results
from viz.cli.technique import load_model
from viz.core.errors import ThresholdViolated
from viz.core.model_options import ModelOptions

if TYPE_CHECKING:
    from viz.smoke import Check

Format = Literal["table", "json", "junit"]
_COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}

HELP = """Check every technique on a model, at tiny settings, on a few generated pictures.

Each result has to be finite, of the right shape, the same when asked again and another one for another
picture; the model's scores have to be finite and the same in a batch as alone. Techniques that the model
cannot serve are listed as skipped. Exit code 1 where a check fails."""


def add_to(app: typer.Typer, panel: str) -> None:
    """Add `viz smoke` to the command suite."""
    formatted = flag_parameter("format", Format, "table", "What goes to stdout, or to --out.", "Results")
    leading = [
        model_parameter("zoo:shapes"),
        flag_parameter("only", str, "*", "Only techniques whose name matches this glob.", "Checks"),
        formatted.replace(name="output_format"),
        flag_parameter(
            "out", Path | None, None, "File for the results; a table still goes to stdout.", "Results", "-o"
        ),
    ]
    app.command("smoke", rich_help_panel=panel, help=flowing(HELP))(command(_smoke, [(ModelOptions, "Model")], leading))


def _smoke(model: str, only: str, output_format: Format, out: Path | None, **values: Any) -> int:
    from viz.smoke import smoke

    loaded = load_model(model, build(ModelOptions, values))
    checks = []
    with errors.status("checking") as status:
        for one in smoke(loaded, only):
            checks.append(one)
            status.update(f"checking {escape(one.subject)}")
    text = _as_text(checks, output_format, loaded.source.spec)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    if out is None and output_format != "table":
        sys.stdout.write(text)
    else:
        results.print(_table(checks))
    return _verdict(checks)


def _as_text(checks: Sequence["Check"], output_format: Format, spec: str) -> str:
    if output_format == "json":
        return json.dumps([asdict(one) for one in checks], indent=2, ensure_ascii=False) + "\n"
    if output_format == "junit":
        from viz.smoke import junit_xml

        return junit_xml(checks, f"viz smoke --model {spec}")
    console = Console(width=160, color_system=None)
    with console.capture() as captured:
        console.print(_table(checks))
    return captured.get()


def _table(checks: Sequence["Check"]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("technique", "check", "outcome", "seconds", ""):
        table.add_column(column, justify="right" if column == "seconds" else "left", overflow="fold")
    for one in checks:
        outcome = f"[{_COLOURS[one.outcome]}]{one.outcome}[/]"
        table.add_row(escape(one.subject), one.name, outcome, f"{one.seconds:.2f}", escape(one.detail))
    return table


def _verdict(checks: Sequence["Check"]) -> int:
    """0, with a word on stderr; raises `ThresholdViolated` where a check failed."""
    failed = [one for one in checks if one.outcome == "failed"]
    skipped = sum(one.outcome == "skipped" for one in checks)
    if failed:
        subjects = ", ".join(dict.fromkeys(one.subject for one in failed))
        raise ThresholdViolated(f"{len(failed)} of {len(checks)} checks failed: {subjects}", "the table says why")
    said = f"{len(checks) - skipped} checks passed" + (f", {skipped} skipped" if skipped else "")
    errors.print(f"[green]✓[/] {said}", highlight=False)
    return 0
