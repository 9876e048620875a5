"""Images per second and memory of `viz patches`: against the bare forward pass, and against Zennit-CRP.

    pip install --no-deps --target peers zennit zennit-crp click tqdm
    PYTHONPATH=peers python benchmarks/patches.py --photos FOLDER
    python benchmarks/patches.py --rows memory

Row `forward`: viz is listing to state, that is decoding JPEG photos, resizing, the forward pass and folding into the
state, from an empty one; what is written at the end does not grow with the images and is left out. The bare pass
is one onnxruntime session with its default options and the same layers as outputs, on tensors that are ready, with
the batch size that viz has; and with the best of several. `decoded` is viz without decoding and resizing.

Row `crp`: the same photos through `crp.visualization.FeatureVisualization.run` on the torch module with its own
defaults, and viz on the module and on its ONNX export. In the same pass as the most active images it always finds
the most relevant ones: with the rules of EpsilonPlusFlat, as its manual has it, or by the plain gradient.

Row `memory`: the whole command on the built-in model, in a process of its own.

Rounds are interleaved, ratios are taken within a round, medians are printed: machines change their speed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
import zennit_crp

from networks import MAKERS, make
from viz import ModelOptions, SurveyOptions, load
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.discovery import ImageFile, find_images
from viz.core.images import fit, read
from viz.engine.surveys import SurveyJob, chunks_of, folded, gather_here, loaded_with_fingerprint
from viz.model_zoo.shape_pictures import draw
from viz.surveying import survey_job
from viz.techniques._spatial_layers import grids
from viz.techniques.activation.patches import Patches

OPTIONS = ModelOptions(preprocess="imagenet", device="cpu")
BATCHES = (1, 4, 8, 32)
SETS = ("last", "1", "4", "all")
Run = Callable[[], None]


def layer_set(model: Adapter, which: str) -> list[str]:
    """The last map, or so many convolutions evenly from the first to the last, or all of them."""
    maps = [grid.layer for grid in grids(model)]
    convolutions = [layer.name for layer in maps if layer.op in ("Conv", "Conv2d")]
    if which == "last":
        return [maps[-1].name]
    if which == "all":
        return convolutions
    places = np.linspace(0, len(convolutions) - 1, int(which) + 2)[1:-1]
    return [convolutions[int(place)] for place in places]


def job_of(model: Adapter, layers: Sequence[str], files: Sequence[ImageFile]) -> SurveyJob:
    """The survey of some layers; copies count, so that a few photos can stand for many."""
    technique = Patches(layer=tuple(layers), keep_duplicates=True)
    return survey_job(technique, BatchedAdapter(model), files, SurveyOptions())


def from_files(job: SurveyJob, files: Sequence[ImageFile]) -> Run:
    """All of the work for each image."""
    chunks = chunks_of(files, job.technique.info.images_per_call)

    def run() -> None:
        for _ in gather_here(job, chunks, job.technique.begin(job.plan)):
            pass

    return run


def from_pixels(job: SurveyJob, files: Sequence[ImageFile]) -> Run:
    """The same without decoding and resizing."""
    chunks = chunks_of(files, job.technique.info.images_per_call)
    ready = [[loaded_with_fingerprint(job.loader, numbered.file) for numbered in chunk.files] for chunk in chunks]

    def run() -> None:
        state = job.technique.begin(job.plan)
        for chunk, loaded in zip(chunks, ready, strict=True):
            state, _ = folded(job, loaded, state, [numbered.index for numbered in chunk.files])

    return run


def bare(path: Path, layers: Sequence[str], inputs: np.ndarray, batch: int) -> Run:
    """One session with default options, the layers as outputs, batch after batch."""
    model = onnx.load(path)
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in layers)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run() -> None:
        for start in range(0, len(inputs), batch):
            session.run(None, {name: inputs[start : start + batch]})

    return run


def seconds(run: Run) -> tuple[float, float]:
    """How long it takes, and for how long it keeps a core busy, all threads together."""
    start, busy = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start, time.process_time() - busy


def compare(runs: Mapping[str, Run], images: int, rounds: int, first: str) -> None:
    """Print each run's median images/s and core time, and `first`'s speed as a multiple of it, pair by pair."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(seconds(run))
    for name, times in found.items():
        ratio = statistics.median(theirs / ours for (ours, _), (theirs, _) in zip(found[first], times, strict=True))
        rate, busy = (images / statistics.median(one[k] for one in times) for k in (0, 1))
        figures = f"{rate:8.1f} images/s, {1000 / busy:7.2f} core-ms each"
        print(f"  {name:20} {figures}   {first} is {ratio:.2f} x", flush=True)


def forward_row(name: str, files: Sequence[ImageFile], given: argparse.Namespace, scratch: Path) -> None:
    """viz against the bare forward pass."""
    _, path = make(name, scratch)
    model = load(path, OPTIONS)
    pixels = np.stack([fit(read(file.path), model.preprocess).pixels for file in files])
    inputs = model.preprocess.encode(pixels)
    batch = BatchedAdapter(model).batch_size
    for which in given.layers:
        layers = layer_set(model, which)
        passes = {size: bare(path, layers, inputs, size) for size in dict.fromkeys((batch, *BATCHES))}
        tried = {size: min(seconds(run)[0] for _ in range(2)) for size, run in passes.items()}
        best = min(tried, key=lambda size: tried[size])
        job = job_of(model, layers, files)
        runs = {"viz": from_files(job, files), "viz, decoded": from_pixels(job, files)}
        runs |= {f"bare, batch {size}": passes[size] for size in dict.fromkeys((batch, best))}
        runs["viz"]()
        print(f"{name}, {len(layers)} layer(s) ({which}), {len(files)} photos, batch {batch}")
        compare(runs, len(files), given.rounds, "viz")


def crp_row(name: str, files: Sequence[ImageFile], given: argparse.Namespace, scratch: Path) -> None:
    """viz against Zennit-CRP, where that is installed."""
    if reason := zennit_crp.missing():
        print(f"crp: left out ({reason}); the first lines of this file say how to install it")
        return
    network, path = make(name, scratch)
    models = {"viz, ONNX": load(path, OPTIONS), "viz, module": load(network, OPTIONS)}
    for which in given.layers[:1]:
        print(f"{name}, layers: {which}, {len(files)} photos, {torch.get_num_threads()} threads")
        runs = {
            label: from_files(job_of(model, layer_set(model, which), files), files) for label, model in models.items()
        }
        module = models["viz, module"]
        layers = layer_set(module, which)
        for label, rules in (("zennit-crp", True), ("zennit-crp, gradient", False)):
            runs[label] = zennit_crp.feature_visualization(network, layers, files, module, scratch, rules)
        compare(runs, len(files), given.rounds, "viz, ONNX")


def memory_row(given: argparse.Namespace, scratch: Path) -> None:
    """The largest resident size of the whole command at several numbers of images, and its ratio to the first."""
    pictures = scratch / "pictures"
    pictures.mkdir()
    from PIL import Image

    for index in range(500):
        Image.fromarray(draw(index).pixels).save(pictures / f"{index}.png")
    first = 0
    for count in given.memory_images:
        folder = scratch / f"{count}"
        folder.mkdir()
        for index in range(count):
            (folder / f"{index:06d}.png").symlink_to(pictures / f"{index % 500}.png")
        start = time.perf_counter()
        peak = peak_of_command(folder, scratch / f"out-{count}", given.memory_layer)
        first = first or peak
        took = time.perf_counter() - start
        print(f"{count:7} images: peak {peak / 1024:7.1f} MiB, {peak / first:.3f} x, {took:.0f} s", flush=True)


def peak_of_command(folder: Path, out: Path, layer: str) -> int:
    """KiB of `viz patches` on the built-in model, copies counted, as the system measured them."""
    words = ["patches", "--model", "zoo:shapes", "--layer", layer, "--keep-duplicates", "--out", str(out)]
    process = subprocess.Popen([sys.executable, "-m", "viz", *words, str(folder)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"viz {' '.join(words)} ended with {process.returncode}")
    return usage.ru_maxrss


def photos(given: argparse.Namespace, count: int, scratch: Path) -> list[ImageFile]:
    """So many files: the user's photos, or generated pictures as JPEG of 500 x 375; again and again if too few."""
    from PIL import Image

    folder = Path(given.photos) if given.photos else scratch / "photos"
    if not given.photos and not folder.exists():
        folder.mkdir()
        for index in range(64):
            picture = Image.fromarray(draw(index, size=500).pixels[:375])
            picture.save(folder / f"{index:03d}.jpg", quality=90)
    listed = [file for file in find_images([folder]).files if file.path.suffix.lower() in (".jpg", ".jpeg")]
    return [ImageFile(file.path, f"{i}/{file.name}", f"{i}-{file.key}") for i, file in cycled(listed, count)]


def cycled(files: Sequence[ImageFile], count: int) -> Iterator[tuple[int, ImageFile]]:
    """Files in order, from the start again after the last, `count` in all, numbered."""
    if not files:
        raise SystemExit("no JPEG photos there")
    return ((index, files[index % len(files)]) for index in range(count))


def main() -> None:
    """Read the arguments and run the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=["forward", "crp", "memory"], default=["forward", "crp"])
    parser.add_argument("--network", nargs="+", choices=list(MAKERS), default=["mobilenet_v2", "resnet50"])
    parser.add_argument(
        "--layers", nargs="+", choices=SETS, default=["last", "all"], help="the row crp: the first only"
    )
    parser.add_argument("--images", type=int, default=96, help="of networks much larger than MobileNetV2 a quarter")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="of torch; onnxruntime's are its own defaults")
    parser.add_argument("--photos", help="folder with JPEG photos; default: generated pictures of 500 x 375")
    parser.add_argument("--memory-images", nargs="+", type=int, default=[2000, 20000])
    parser.add_argument("--memory-layer", default="*relu*")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as folder:
        for name in given.network if given.rows != ["memory"] else ():
            files = photos(given, given.images // (1 if name == "mobilenet_v2" else 4), Path(folder))
            if "forward" in given.rows:
                forward_row(name, files, given, Path(folder))
            if "crp" in given.rows:
                crp_row(name, files[: len(files) // 4], given, Path(folder))
        if "memory" in given.rows:
            memory_row(given, Path(folder))


if __name__ == "__main__":
    main()
