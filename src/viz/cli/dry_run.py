"""What a run would do, how long it would take and how much memory, without doing it."""

import resource
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from viz.cli.console import results
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.gradients import input_gradients
from viz.core.run_options import AnyOptions, LookOptions, MakeOptions
from viz.core.target import class_target, norm_target
from viz.core.technique import settings
from viz.creating import given_photos, groups_of
from viz.engine.loading import Loader, listed
from viz.engine.photo_files import PhotoFiles
from viz.runs import run_path


def print_dry_run(technique: Any, model: Adapter, sources: Sequence[str], options: AnyOptions) -> int:
    """Print images, passes, an estimate from one timed batch, and the folder that would be used."""
    if isinstance(options, LookOptions):
        return _print_look(technique, model, options)
    batched = BatchedAdapter(model, options.batch)
    if isinstance(options, MakeOptions):
        count = _pictures(technique, batched, sources, options)
    else:
        count = len(listed(sources, options, technique.info.images_per_call).files)
    passes = count * technique.passes(model.size)
    per_pass = seconds_per_pass(batched, technique.info.needs_gradient)
    _print_line("pictures" if technique.info.makes else "images", f"{count}")
    if (steps := settings(technique).get("steps")) and technique.info.makes:
        _print_line("steps", f"{steps:,} for each picture")
    label = "passes, there and back" if technique.info.needs_gradient else "forward passes"
    _print_line(label, f"{passes:,} ({technique.passes(model.size):,} an image)")
    _print_line("batch size", f"{batched.batch_size}")
    _print_line("time", f"about {passes * per_pass:,.0f} s ({1 / per_pass:,.0f} passes/s in one timed batch)")
    _print_line("memory", f"{_peak_megabytes():,.0f} MB at the peak of that batch")
    _print_line("folder", f"{run_path(technique, model, sources, options)}")
    return 0


def _print_look(technique: Any, model: Adapter, options: LookOptions) -> int:
    """Of a technique that looks at the model alone."""
    _print_line("pictures", f"{_pictures(technique, BatchedAdapter(model), (), MakeOptions())}")
    _print_line("folder", f"{run_path(technique, model, (), options)}")
    return 0


def _print_line(label: str, text: str) -> None:
    results.print(f"{label:15} {text}", soft_wrap=True)


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
