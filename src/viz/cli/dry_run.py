"""What a run would do, how long it would take and how much memory, without doing it."""

import json
import resource
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from viz.cli.console import results
from viz.cli.forecast import Forecast, Work, described
from viz.cli.patch_forecast import patch_forecast
from viz.cli.patch_plan_table import plan_lines, print_layers
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.errors import UsageError
from viz.core.gradients import input_gradients
from viz.core.run_options import AnyOptions, LookOptions, MakeOptions, RunOptions, SurveyOptions
from viz.core.target import class_target, norm_target
from viz.core.technique import settings
from viz.creating import given_photos, groups_of
from viz.engine.loading import Loader, listed
from viz.engine.photo_files import PhotoFiles
from viz.runs import run_path


def print_dry_run(
    technique: Any, model: Adapter, sources: Sequence[str], options: AnyOptions, output_format: str = "table"
) -> int:
    """Print images, passes, an estimate from one timed batch, and the folder that would be used.

    Where squares are hidden, also the plan by which that would be done. For `json` and `jsonl` the same as an object;
    raises `UsageError` for `csv`.
    """
    if output_format == "csv":
        raise UsageError("--dry-run says nothing that would be rows for --format csv", "use --format json")
    folder = str(run_path(technique, model, sources, options))
    if isinstance(options, LookOptions):
        forecast = Forecast("pictures", _pictures(technique, BatchedAdapter(model), (), MakeOptions()), folder)
    else:
        forecast = _timed(technique, BatchedAdapter(model, options.batch), sources, options, folder)
    if output_format == "table":
        _print_forecast(forecast)
    else:
        json.dump(described(forecast), sys.stdout, indent=2 if output_format == "json" else None, ensure_ascii=False)
        sys.stdout.write("\n")
    return 0


def _timed(
    technique: Any,
    model: BatchedAdapter,
    sources: Sequence[str],
    options: RunOptions | MakeOptions | SurveyOptions,
    folder: str,
) -> Forecast:
    info, passes = technique.info, technique.passes(model.size)
    patches = None
    if isinstance(options, MakeOptions):
        count = _pictures(technique, model, sources, options)
    else:
        files = listed(sources, options, info.images_per_call).files
        count = len(files)
        patches = patch_forecast(technique, model, files, options) if isinstance(options, RunOptions) else None
    per_pass = seconds_per_pass(model, info.needs_gradient)
    work = Work(passes, model.batch_size, per_pass, _peak_megabytes(), info.needs_gradient)
    steps = settings(technique).get("steps") or 0 if info.makes else 0
    return Forecast("pictures" if info.makes else "images", count, folder, steps, work, patches)


def _print_forecast(forecast: Forecast) -> None:
    lines = [(forecast.what, f"{forecast.count}")]
    lines += [("steps", f"{forecast.steps:,} for each picture")] * bool(forecast.steps)
    if (work := forecast.work) is not None:
        label = "passes, there and back" if work.gradient else "forward passes"
        lines.append((label, f"{forecast.count * work.passes:,} ({work.passes:,} an image)"))
        lines += plan_lines(forecast.patches) if forecast.patches else []
        lines.append(("batch size", f"{work.batch_size}"))
        lines.append(("time", _time_in_words(forecast)))
        lines.append(("memory", f"{work.memory_mb:,.0f} MB at the peak of that batch"))
    for label, text in [*lines, ("folder", forecast.folder)]:
        results.print(f"{label:15} {text}", soft_wrap=True, markup=False)
    plan = forecast.patches.plan if forecast.patches else None
    if plan is not None and not plan.reason:
        print_layers(plan)


def _time_in_words(forecast: Forecast) -> str:
    assert forecast.work is not None, "asked for where there is work"
    rate = f"{1 / forecast.work.seconds_per_pass:,.0f} passes/s in one timed batch"
    patches = forecast.patches
    if patches is None or patches.seconds is None:
        return f"about {_seconds(forecast.seconds)} ({rate})"
    by_windows = f"{patches.variants / patches.seconds:,.0f} positions/s by windows, in a short trial"
    whole = f"in whole passes {_seconds(forecast.seconds_in_whole_passes)}"
    return f"about {_seconds(forecast.seconds)}; {whole} ({by_windows})"


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def _pictures(technique: Any, model: Adapter, sources: Sequence[str], options: MakeOptions) -> int:
    """How many images a maker would make."""
    loader = Loader(model.preprocess, options.background_colour, options.max_pixels)
    photos = PhotoFiles(given_photos(technique, sources).files, loader)
    return sum(map(len, groups_of(technique, model, photos, options)))


def seconds_per_pass(model: BatchedAdapter, gradient: bool) -> float:
    """Seconds per image and pass of a full batch, after one to warm up; a gradient is two passes, there and back."""
    names = [model.scores.logits or model.scores.probabilities or ""] if model.scores else list(model.outputs[:1])
    images = np.random.default_rng(0).random((model.batch_size, 3, *model.size), np.float32)
    target = class_target(model, 0) if model.scores else norm_target(model, names[0])

    def work() -> None:
        if gradient:
            input_gradients(model, images, [target] * len(images))
        else:
            model.run(images, names)

    work()
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) / len(images) / (2 if gradient else 1)


def _peak_megabytes() -> float:
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kilobytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
