"""Steps per second of `viz maximize` against Lucent on the same torch network, and of the ONNX file against the module.

    pip install torch-lucent
    python benchmarks/maximize.py --network mobilenet_v2 resnet18 --rounds 5 --threads 2

All drive up one class score with a decorrelated Fourier image of 224 x 224, Adam, and pad 12, jitter, scale 0.9 to
1.1, turns of up to 10 degrees; Lucent brings its image back to 224 before the network, as viz does. Rounds are
interleaved, ratios are taken within a round, medians are printed: machines change their speed. The first steps,
in which dead rectifiers' gradients are redirected, are left out: Lucent has no such thing.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from networks import NETWORKS, make
from viz import ModelOptions, load
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.making import Watch
from viz.core.target import class_target
from viz.techniques.synthesis._fourier import Fourier
from viz.techniques.synthesis._objective import Objective
from viz.techniques.synthesis._optimization import Optimization, optimize
from viz.techniques.synthesis._transformations import Transformations

SIDE, CLASS = 224, 7


def by_viz(model: Adapter) -> Callable[[int, int], float]:
    """Seconds of an optimization with so many images and steps."""
    moved = Transformations(pad=12, jitter=12, scale=(1 / 1.1, 1.1), rotate=10)

    def seconds(images: int, steps: int) -> float:
        plan = Optimization(
            objective=Objective(model, (class_target(model, CLASS),) * images),
            parameters=Fourier(images, (SIDE, SIDE), seed=0),
            view=moved,
            steps=steps,
        )
        start = time.perf_counter()
        optimize(plan, Watch())
        return time.perf_counter() - start

    return seconds


def by_lucent(network: torch.nn.Module) -> Callable[[int, int], float]:
    """The same for Lucent."""
    from lucent.optvis import objectives, param, render, transform

    moved = [
        transform.pad(12, mode="constant", constant_value=0.5),
        transform.jitter(8),
        transform.random_scale([1 + (i - 5) / 50 for i in range(11)]),
        transform.random_rotate(list(range(-10, 11))),
        transform.jitter(4),
    ]
    layer = [name.replace(".", "_") for name, _ in network.named_modules()][-1]

    def seconds(images: int, steps: int) -> float:
        start = time.perf_counter()
        render.render_vis(
            network,
            objectives.channel(layer, CLASS),
            param_f=lambda: param.image(SIDE, batch=images),
            transforms=moved,
            thresholds=(steps,),
            fixed_image_size=SIDE,
            progress=False,
            show_image=False,
        )
        return time.perf_counter() - start

    return seconds


def compare(runners: Mapping[str, Callable[[int, int], float]], images: int, steps: int, rounds: int) -> None:
    """Print each runner's median steps/s and its ratio to the first."""
    for run in runners.values():
        run(images, 3)
    found: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            found[name].append(run(images, steps))
    first = next(iter(found))
    for name, seconds in found.items():
        ratio = statistics.median(a / b for a, b in zip(found[first], seconds, strict=True))
        print(f"  {name:12} {steps / statistics.median(seconds):6.2f} steps/s  {ratio:.2f} x {first}", flush=True)


def main() -> None:
    """Read the arguments, make the networks, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="+", choices=list(NETWORKS), default=["mobilenet_v2"])
    parser.add_argument("--images", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    for name in given.network:
        with tempfile.TemporaryDirectory() as folder:
            network, file = make(name, Path(folder))
            options = ModelOptions(preprocess="imagenet", size=str(SIDE))
            runners = {
                "lucent": by_lucent(network),
                "viz, module": by_viz(BatchedAdapter(load(network, options))),
                "viz, ONNX": by_viz(BatchedAdapter(load(str(file), options))),
            }
            for images in given.images:
                print(f"{name}, {images} image(s), {given.threads} thread(s)")
                compare(runners, images, given.steps, given.rounds)


if __name__ == "__main__":
    main()
