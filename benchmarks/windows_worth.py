"""How well viz foretells what windows gain: the estimate beside the measured gain, for models and patches of yours.

    python benchmarks/windows_worth.py zoo:shapes
    python benchmarks/windows_worth.py MODEL.onnx --preprocess imagenet --patches 4/4 16/8 32/16

Windows are computed even where viz would not, so that estimates below 1 can be seen to be right as well. Calls take
one thread each; rounds of whole passes and windows are interleaved, and gains are medians of those within rounds. The
estimate has three prices (src/viz/adapters/onnx_graph/windows/worth.py), which were set so that nine classifiers from 1
to 350 million multiply-accumulates fit.
"""

import argparse
import statistics
import time
from dataclasses import replace

import numpy as np

from viz import ModelOptions, load
from viz.adapters.onnx_graph.windows import planning
from viz.core.batching import BatchedAdapter
from viz.core.patch_plan import PatchPlan
from viz.core.patches import Patched


def main() -> None:
    """A line for each patch and stride."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--preprocess")
    parser.add_argument("--crop")
    parser.add_argument("--patches", nargs="+", default=["4/4", "16/8", "32/16"], metavar="PATCH/STRIDE")
    parser.add_argument("--most", type=int, default=250, help="variants, drawn from the grid where it has more")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    planning.LEAST_GAIN, PatchPlan.is_worth = 0.0, lambda plan, variants: True
    for pair in options.patches:
        side, stride = map(int, pair.split("/"))
        compare(options, side, stride)


def compare(options: argparse.Namespace, side: int, stride: int) -> None:
    """Print estimate and measurement for one patch."""
    model = load(options.model, ModelOptions(preprocess=options.preprocess, crop=options.crop, threads=1))
    batched = BatchedAdapter(model)
    layers = [model.scores.logits or model.scores.probabilities]
    plan = model.patch_plan(side, layers)
    if plan.reason:
        print(f"{side}/{stride}: no windows: {plan.reason}")
        return
    windows = variants(model.size, side, stride, options.most)
    whole = replace(windows, by_windows=False)
    batched.run_patched(windows, layers)
    gains, milliseconds = [], []
    for _ in range(options.rounds):
        plain, fast = (seconds(batched, patched, layers) for patched in (whole, windows))
        gains.append(plain / fast)
        milliseconds.append(1e3 * plain / len(windows))
    macs = sum(layer.macs or 0 for layer in plan.layers) / 1e6
    print(
        f"{side}/{stride}: {macs:.0f} M multiply-accumulates, whole pass {statistics.median(milliseconds):.3f} ms, "
        f"by arithmetic {plan.speedup(len(windows)):.2f} x, expected {plan.gain:.2f} x, "
        f"measured {statistics.median(gains):.2f} x",
        flush=True,
    )


def variants(size: tuple[int, int], side: int, stride: int, most: int) -> Patched:
    """Gray squares on noise, at all places of a grid or `most` of them."""
    rng = np.random.default_rng(0)
    image = rng.random((1, 3, *size), np.float32)
    tops, lefts = (sorted({*range(0, length - side + 1, stride), length - side}) for length in size)
    places = np.array([(0, top, left) for top in tops for left in lefts], np.intp)
    if len(places) > most:
        places = places[np.sort(rng.choice(len(places), most, replace=False))]
    return Patched(image, np.full_like(image, 0.5), side, places)


def seconds(model: BatchedAdapter, patched: Patched, layers: list[str]) -> float:
    """Of one call."""
    started = time.perf_counter()
    model.run_patched(patched, layers)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
