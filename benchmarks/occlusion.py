"""Occlusion, end to end: `viz` against a hand-written onnxruntime loop and against Captum.

    pip install captum
    python benchmarks/occlusion.py --network mobilenet_v2 --images 20 --rounds 5

All three see the same network, images, patch, stride and positions. Rounds are interleaved, and ratios
are taken pair by pair within a round, because machines change their speed. `viz` is the whole command:
listing, decoding, resizing, forward passes, drawing, arrays, records and the page. The loop decodes and
resizes too, and draws nothing. Captum gets ready tensors and neither decodes nor draws.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from PIL import Image

from networks import NETWORKS, make
from viz import ModelOptions, RunOptions, load, run
from viz.report import write_report
from viz.techniques.attribution.occlusion import Occlusion

SIZE, PATCH, STRIDE = 224, 32, 16
STARTS = range(0, SIZE - PATCH + 1, STRIDE)


def decoded(path: Path) -> np.ndarray:
    """A photo as the networks here want it: short side 256, middle 224, ImageNet mean and std."""
    image = Image.open(path).convert("RGB")
    scale = 256 / min(image.size)
    image = image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.BILINEAR)
    left, top = (image.width - SIZE) // 2, (image.height - SIZE) // 2
    pixels = np.asarray(image.crop((left, top, left + SIZE, top + SIZE)), np.float32).transpose(2, 0, 1) / 255
    mean, std = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
    return (pixels - mean[:, None, None]) / std[:, None, None]


def hand_written(session: ort.InferenceSession, files: list[Path], batch: int) -> int:
    """What one would write in a notebook: per image, batches of copies with a gray patch, mean drop per pixel."""
    gray = (0.5 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    places = [(top, left) for top in STARTS for left in STARTS]
    name = session.get_inputs()[0].name
    for file in files:
        image = decoded(file)
        clean = session.run(None, {name: image[None]})[0][0]
        target = int(clean.argmax())
        drops = []
        for start in range(0, len(places), batch):
            part = places[start : start + batch]
            copies = np.repeat(image[None], len(part), axis=0)
            for copy, (top, left) in zip(copies, part, strict=True):
                copy[:, top : top + PATCH, left : left + PATCH] = gray[:, None, None]
            drops.append(clean[target] - session.run(None, {name: copies})[0][:, target])
        heat, count = np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE))
        for drop, (top, left) in zip(np.concatenate(drops), places, strict=True):
            heat[top : top + PATCH, left : left + PATCH] += drop
            count[top : top + PATCH, left : left + PATCH] += 1
        heat /= count
    return len(files) * (len(places) + 1)


def captum_loop(network: torch.nn.Module, images: list[torch.Tensor], at_once: int) -> int:
    """Captum's Occlusion, image by image, with its perturbations in batches."""
    from captum.attr import Occlusion as Peer

    peer = Peer(network)
    with torch.no_grad():
        for image in images:
            target = int(network(image[None]).argmax())
            peer.attribute(
                image[None], (3, PATCH, PATCH), (3, STRIDE, STRIDE), 0, target, perturbations_per_eval=at_once
            )
    return len(images) * (len(STARTS) ** 2 + 1)


def main() -> None:
    """Run the rounds and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=list(NETWORKS), default="mobilenet_v2")
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--photos", help="folder of photos; default: generated pictures of 500 x 375")
    parser.add_argument("--captum-images", type=int, default=4, help="Captum is timed on this many images a round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        compare(options, Path(scratch))


def compare(options: argparse.Namespace, scratch: Path) -> None:
    """Interleave the contestants and print positions per second and ratios."""
    network, path = make(options.network, scratch)
    files = photos(options, scratch)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    contestants = dict(
        viz=lambda: with_viz(path, files, scratch), **loops(session, files), **captums(network, files, options)
    )
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(options.rounds):
        for name, contestant in contestants.items():
            began = time.perf_counter()
            positions = contestant()
            rates[name].append(positions / (time.perf_counter() - began))
        print(f"round {turn + 1}: " + ", ".join(f"{n} {r[-1]:.1f}" for n, r in rates.items()), flush=True)
    for name, found in rates.items():
        ratios = [ours / theirs for ours, theirs in zip(rates["viz"], found, strict=True)]
        print(f"{name:12s} {statistics.median(found):8.1f} passes/s   viz is {statistics.median(ratios):.2f} x")


def with_viz(path: Path, files: list[Path], scratch: Path) -> int:
    """The whole command on an empty folder."""
    out = Path(tempfile.mkdtemp(dir=scratch))
    model = load(path, ModelOptions(preprocess="imagenet"))
    summary = run(Occlusion(patch=PATCH, stride=STRIDE), model, files, RunOptions(out=str(out)))
    write_report(summary.folder)
    return len(files) * (len(STARTS) ** 2 + 1)


def loops(session: ort.InferenceSession, files: list[Path]) -> dict[str, Callable[[], int]]:
    """The hand-written loop at several batch sizes: the best one counts."""
    return {f"loop-{batch}": lambda batch=batch: hand_written(session, files, batch) for batch in (4, 8, 16, 32)}


def captums(network: torch.nn.Module, files: list[Path], options: argparse.Namespace) -> dict[str, Callable[[], int]]:
    """Captum with small and large batches, where it is installed."""
    try:
        import captum  # noqa: F401
    except ImportError:
        print("captum is not installed: left out")
        return {}
    images = [torch.from_numpy(decoded(file)).float() for file in files[: options.captum_images]]
    return {f"captum-{n}": lambda n=n: captum_loop(network, images, n) for n in (1, 16)}


def photos(options: argparse.Namespace, scratch: Path) -> list[Path]:
    """Photos of the user's, or generated pictures saved as JPEG of an ordinary size."""
    if options.photos:
        found = sorted(p for p in Path(options.photos).iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
        return found[: options.images]
    from viz.model_zoo.shape_pictures import draw

    files = []
    for index in range(options.images):
        picture = Image.fromarray(draw(index).pixels).resize((500, 375), Image.Resampling.BICUBIC)
        files.append(scratch / f"{index:03d}.jpg")
        picture.save(files[-1], quality=90)
    return files


if __name__ == "__main__":
    main()
