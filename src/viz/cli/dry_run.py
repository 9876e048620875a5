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
from viz.core.run_options import RunOptions
from viz.core.target import class_target, norm_target
from viz.engine.loading import listed
from viz.runs import run_path


def print_dry_run(technique: Any, model: Adapter, sources: Sequence[str], options: RunOptions) -> int:
    """Print images, passes, an estimate from one timed batch, and the folder that would be used."""
    files = len(listed(sources, options).files)
    passes = files * technique.passes(model.size)
    batched = BatchedAdapter(model, options.batch)
    per_pass = _timed(batched, technique.info.needs_gradient)
    results.print(f"images          {files}")
    label = "passes, there and back" if technique.info.needs_gradient else "forward passes"
    results.print(f"{label:15} {passes:,} ({technique.passes(model.size)} an image)")
    results.print(f"batch size      {batched.batch_size}")
    results.print(f"time            about {passes * per_pass:,.0f} s ({1 / per_pass:,.0f} passes/s in one timed batch)")
    results.print(f"memory          {_peak_megabytes():,.0f} MB at the peak of that batch")
    results.print(f"folder          {run_path(technique, model, sources, options)}", soft_wrap=True)
    return 0


def _timed(model: BatchedAdapter, gradient: bool) -> float:
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
