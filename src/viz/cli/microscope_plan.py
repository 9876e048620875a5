"""What `viz microscope` would do: units, size on disk, time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from viz.cli.console import errors, results
from viz.cli.dry_run import seconds_per_pass
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.run_options import SurveyOptions
from viz.engine.cutting import expected_bytes, tile_side
from viz.engine.loading import listed
from viz.microscope.maximized import maximizing
from viz.runs import run_path


def print_plan(asked: Any, model: Adapter, sources: Sequence[str], options: SurveyOptions, made: int) -> int:
    """Of a run over photos; `made` is for how many units of each layer an image is made."""
    batched = BatchedAdapter(model, options.batch)
    images = len(listed(sources, options, asked.info.images_per_call).files)
    channels = [len(layer["channels"]) for layer in asked.plan(batched, ())["layers"]]
    passes = images * asked.passes(model.size)
    each = seconds_per_pass(batched, asked.rank == "relevance")
    _print_line("images", f"{images:,}")
    _print_units(channels, asked.top)
    _print_line("time", f"about {passes * each:,.0f} s for {passes:,} passes, besides reading the photos")
    _print_made(model, [min(made, count) for count in channels])
    _print_line("folder", f"{run_path(asked, model, sources, options)}")
    return 0


def print_earlier(folder: Path, run: Mapping[str, Any], model: Adapter | None, made: int) -> int:
    """Of a site for the patches that there are."""
    channels = [layer["units"] for layer in run["layers"]]
    _print_units(channels, run["settings"]["top"])
    if model is not None:
        _print_made(model, [min(made, count) for count in channels])
    _print_line("folder", str(folder))
    return 0


def print_time(model: Adapter, images: int) -> None:
    """Before images are made: how many, and how long that takes."""
    errors.print(f"[dim]plan[/] {_time_in_words(model, images)}", highlight=False, soft_wrap=True)


def _print_units(channels: Sequence[int], top: int) -> None:
    units = sum(channels)
    side = tile_side(units, top)
    size = max(1, round(expected_bytes(units, top, side) / 1e6))
    _print_line("units", f"{units:,} of {len(channels):,} layers, up to {top} patches each")
    _print_line("size", f"up to about {size:,} MB, with patches of {side}x{side} pixels")


def _print_made(model: Adapter, counts: Sequence[int]) -> None:
    if sum(counts):
        _print_line("maximize", _time_in_words(model, sum(counts)))


def _time_in_words(model: Adapter, images: int) -> str:
    passes = maximizing(()).passes(model.size)
    seconds = images * passes * seconds_per_pass(BatchedAdapter(model), gradient=True)
    return f"{images:,} images, about {seconds:,.0f} s ({passes:,} passes each, there and back)"


def _print_line(label: str, text: str) -> None:
    results.print(f"{label:15} {text}", soft_wrap=True)
