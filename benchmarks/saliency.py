"""Saliency over a folder, end to end: `viz` on an ONNX file against Captum's loop on the torch network.

    pip install captum
    python benchmarks/saliency.py --network mobilenet_v2 --images 64 --rounds 5
    python benchmarks/saliency.py --memory 1000

All decode, resize, find the top class and take its gradient for every photo. `attribution` is that much of viz, in
batches; `command` is the whole run, which also draws two pictures an image, writes arrays and records, and checks
its gradients. Captum goes image by image, as its users do, and keeps nothing. Rounds are interleaved and
ratios taken within a round, because machines change their speed. `--memory N` prints the peak memory of this
process after N / 10 and after N photos instead.
"""

import argparse
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from occlusion_end_to_end import decoded, photos

from networks import NETWORKS, make
from viz import ModelOptions, RunOptions, load, run
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.images import fit, read
from viz.core.result import FloatArray
from viz.core.target import targets_for
from viz.techniques.attribution.saliency import Saliency


def by_viz(model: Adapter, folder: Path, out: Path) -> float:
    """Seconds for the whole run, one-time checks included on the first call."""
    start = time.perf_counter()
    summary = run(Saliency(), model, [folder], RunOptions(out=str(out)))
    assert not summary.failed
    return time.perf_counter() - start


def by_attribution(model: Adapter, files: Sequence[Path]) -> float:
    """Seconds for photos to gradients, with nothing drawn or written."""
    batched = BatchedAdapter(model)
    start = time.perf_counter()
    with ThreadPoolExecutor(1) as decoder:
        chunks = [files[i : i + 8] for i in range(0, len(files), 8)]
        for pixels in decoder.map(lambda chunk: fitted(model, chunk), chunks):
            Saliency()(batched, pixels, targets_for("top1", batched, pixels))
    return time.perf_counter() - start


def fitted(model: Adapter, files: Sequence[Path]) -> FloatArray:
    """Photos as the model sees them, not to be written to."""
    pixels = np.stack([fit(read(file), model.preprocess).pixels for file in files])
    pixels.flags.writeable = False
    return pixels


def by_captum(network: torch.nn.Module, files: Sequence[Path]) -> float:
    """Seconds for Captum's Saliency on one photo after the other."""
    from captum.attr import Saliency as Peer

    peer = Peer(network)
    start = time.perf_counter()
    for file in files:
        image = torch.from_numpy(decoded(file))[None]
        with torch.no_grad():
            target = int(network(image).argmax())
        peer.attribute(image.requires_grad_(), target=target)
    return time.perf_counter() - start


def compare(network: torch.nn.Module, model: Adapter, folder: Path, rounds: int) -> None:
    """Print medians and the ratio."""
    files = sorted(folder.iterdir())
    alone, ours, theirs = [], [], []
    for number in range(rounds + 1):
        with tempfile.TemporaryDirectory() as out:
            mine, only, peer = (
                by_viz(model, folder, Path(out)),
                by_attribution(model, files),
                by_captum(network, files),
            )
        if number:  # the first round loads, checks and warms up
            ours.append(mine)
            alone.append(only)
            theirs.append(peer)
    count = len(files)
    for name, found in (("command", ours), ("attribution", alone), ("captum", theirs)):
        ratio = statistics.median(b / a for a, b in zip(found, theirs, strict=True))
        print(f"{name:11}  {count / statistics.median(found):6.1f} images/s  {ratio:.2f} x captum")


def memory(model: Adapter, folder: Path, count: int) -> None:
    """Print the peak after a tenth of the photos and after all of them."""
    files = sorted(folder.iterdir())
    for part in (count // 10, count):
        with tempfile.TemporaryDirectory() as out:
            by_viz(model, _many(files, part, Path(out) / "photos"), Path(out) / "run")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak after {part} photos: {peak:.0f} MB")


def _many(files: Sequence[Path], count: int, folder: Path) -> Path:
    folder.mkdir(parents=True)
    for i in range(count):
        shutil.copy(files[i % len(files)], folder / f"{i:05}.jpg")
    return folder


def main() -> None:
    """Read the arguments, make network and photos, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=list(NETWORKS), default="mobilenet_v2")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=int, metavar="N")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        network, file = make(asked.network, Path(temporary))
        folder = Path(temporary) / "photos"
        folder.mkdir()
        photos(None, asked.images, folder)
        model = load(file, ModelOptions(preprocess="imagenet"))
        if asked.memory:
            memory(model, folder, asked.memory)
        else:
            compare(network, model, folder, asked.rounds)


if __name__ == "__main__":
    main()
