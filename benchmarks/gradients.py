"""Gradients with respect to the image: through an ONNX file against the torch network it was exported from.

    python benchmarks/gradients.py --rounds 7 --threads 2
    python benchmarks/gradients.py --networks vit_b_16 --exporters new --opset 18

Per network and exporter: one image through a file with its batch fixed at 1, and a batch through that file and
through one with a free batch. Every time is a forward and a backward pass. Rounds are interleaved, and ratios
are taken within a round, because machines change their speed; printed are the medians.
"""

import argparse
import io
import logging
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from networks import VisionTransformer, mobilenet_v2, resnet50
from viz.adapters.onnx_torch.batching import BatchedProgram
from viz.adapters.onnx_torch.program import OnnxProgram

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "resnet50": resnet50,
    "mobilenet_v2": mobilenet_v2,
    "vit_b_16": VisionTransformer,
}
SIZE = 224

Function = Callable[[Tensor], Tensor]
Clock = Callable[[], float]

CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "cpu": time.process_time}


def ready(name: str) -> nn.Module:
    """The network in evaluation mode; normalization statistics set by a random batch."""
    torch.manual_seed(0)
    network = NETWORKS[name]()
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean over all batches
    if norms:
        with torch.no_grad():
            network.train()(torch.randn(8, 3, SIZE, SIZE))
    return network.eval().requires_grad_(False)


def exported(network: nn.Module, exporter: str, opset: int, free: bool) -> onnx.ModelProto:
    """The network as ONNX, input `image` and output `scores`, by the old (tracing) or the new (dynamo) exporter."""
    names = {"input_names": ["image"], "output_names": ["scores"], "opset_version": opset}
    image = torch.randn(1, 3, SIZE, SIZE)
    if exporter == "old":
        file = io.BytesIO()
        axes = {"image": {0: "n"}, "scores": {0: "n"}} if free else None
        torch.onnx.export(network, (image,), file, dynamo=False, dynamic_axes=axes, **names)
        return onnx.load_from_string(file.getvalue())
    shapes = ({0: torch.export.Dim("n")},) if free else None
    example = torch.cat([image, image]) if free else image
    return torch.onnx.export(
        network, (example,), dynamo=True, dynamic_shapes=shapes, verbose=False, **names
    ).model_proto


def through(model: onnx.ModelProto, free: bool) -> tuple[Function, str]:
    """The file as a function of images, and how it runs several."""
    trial = torch.randn(5, 3, SIZE, SIZE)
    program = BatchedProgram(OnnxProgram(model, Path()), "image", None if free else 1, {}, lambda count: trial[:count])
    return (lambda images: program.run(images, ["scores"]).values["scores"]), program.way(["scores"])


def gradient(function: Function, images: Tensor) -> Tensor:
    """Of the first class's score with respect to the images."""
    pixels = images.clone().requires_grad_()
    (found,) = torch.autograd.grad(function(pixels)[:, 0].sum(), pixels)
    return found


def timed(function: Function, images: Tensor, clock: Clock) -> float:
    """Seconds of one forward and backward pass."""
    began = clock()
    gradient(function, images)
    return clock() - began


def compare(
    contestants: Mapping[str, tuple[Function, Tensor]], rounds: int, clock: Clock, against: Mapping[str, str]
) -> None:
    """Interleave the contestants; print each one's median time and its ratio to the one that it is held against."""
    for function, images in contestants.values():
        timed(function, images, clock)
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, (function, images) in contestants.items():
            times[name].append(timed(function, images, clock))
    for name, found in times.items():
        line = f"  {name:28s} {1000 * statistics.median(found):8.0f} ms"
        if name in against:
            ratios = [ours / other for ours, other in zip(found, times[against[name]], strict=True)]
            line += f"   {statistics.median(ratios):5.2f} x {against[name]}"
        print(line, flush=True)


def bench(name: str, exporter: str, options: argparse.Namespace) -> None:
    """One network by one exporter."""
    opset = options.opset or {"old": 17, "new": 18}[exporter]
    network = ready(name)
    one, several = torch.randn(1, 3, SIZE, SIZE), torch.randn(options.batch, 3, SIZE, SIZE)
    fixed, fixed_way = through(exported(network, exporter, opset, False), False)
    free, free_way = through(exported(network, exporter, opset, True), True)
    expected = network(one)
    off = float((fixed(one) - expected).norm() / expected.norm())
    ways = f"fixed runs {fixed_way}, free runs {free_way}"
    print(f"{name}, {exporter} exporter, opset {opset}: {ways}; scores off by {off:.1e}")
    many = f"batch {options.batch}"
    contestants = {
        "torch": (network, one),
        "fixed file": (fixed, one),
        f"torch, {many}": (network, several),
        f"free file, {many}": (free, several),
        f"fixed file, {many}": (fixed, several),
    }
    against = {
        "fixed file": "torch",
        f"free file, {many}": f"torch, {many}",
        f"fixed file, {many}": f"free file, {many}",
    }
    compare(contestants, options.rounds, CLOCKS[options.clock], against)


def main() -> None:
    """Run everything asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--exporters", nargs="+", choices=["old", "new"], default=["old", "new"])
    parser.add_argument("--opset", type=int, help="default: 17 by the old exporter, 18 by the new one")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall", help="cpu: for a machine busy with other work")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.backends.mha.set_fastpath_enabled(False)  # the exporters cannot write it; gradients never take it
    logging.disable(logging.ERROR)
    warnings.simplefilter("ignore")
    for name in options.networks:
        for exporter in options.exporters:
            bench(name, exporter, options)


if __name__ == "__main__":
    main()
