"""Occlusion by windows: `viz` against whole passes, the best onnxruntime loop, Captum and OpenVINO.

    pip install captum
    python benchmarks/occlusion.py --network vgg16 --patch 16 --stride 8 --threads 1 --captum --cache DIR
    python benchmarks/occlusion.py --network resnet50 --patch 32 --stride 16 --threads 2 --provider OpenVINO \
        --precision bf16 --openvino PYTHON --cache DIR
    python benchmarks/occlusion.py --network vgg16 --patch 16 --stride 8 --device cuda --captum --cache DIR
    python benchmarks/occlusion.py --network vgg16 --memory
    python benchmarks/occlusion.py --network vgg16 --patch 16 --stride 8 --planning
    python benchmarks/occlusion.py --end-to-end --network mobilenet_v2 --images 20 --captum

What is compared: positions a second, of the same network, patch and places, from ready pixels to class scores.
`windows` and `plain` are viz as its commands run it, with and without what a patch cannot reach being taken from the
whole image. `windows` works through whole grids of images that it has not seen, and the clean pass is in its time but
not in its positions. The others take the same time wherever the patch is and run a part of the grid
(`--positions-per-round`). `loop` is a hand-written loop over batches of ready tensors; the batch size, and with several
threads whether one call has all of them or each of several calls has one, is what was fastest before the rounds.
`captum` is its Occlusion on the torch network at its fastest `perturbations_per_eval`, with the same patch on a
coarser grid (it cannot do a part of one), its clean pass counted as a position. `openvino` is one image at a time in
OpenVINO's own precision, as OpenVINO-XAI's RISE runs it, and that itself (benchmarks/openvino_worker.py). Sessions,
plans and viz's check against whole passes are made before the rounds; `--planning` times them.

With `--device cuda` all are on the GPU, in float32 without TF32, and times include the way to the GPU and back. `loop`
is then the faster of copies drawn on the host and uploaded, and of copies drawn on the GPU, where the image stays
(benchmarks/occlusion_device_loop.py); batches and positions per round are larger. This has not been run on a GPU yet;
what draws was run on the CPU, with the same scores.

Rounds are interleaved, and ratios are medians of those within rounds. `limit` is how many times fewer multiply-
accumulates exactness needs (benchmarks/occlusion_limits.py); the share of it is that of the ratio to `loop`, or to
`plain` with a provider or precision that the loop has not. It can be above 100 %: small windows stay in a core's
caches where whole maps do not.

Networks have random weights (benchmarks/networks.py); with `--cache` their files are kept, and torch is only needed
to make them and for Captum. `--json` keeps all figures.
"""

import argparse
import json
import platform
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from interleaved import Contestant, Rates, fastest, print_table, ratio, rounds
from occlusion_contestants import (
    CAPTUM_BATCHES,
    GPU_BATCHES,
    LOOP_BATCHES,
    Loop,
    Setting,
    Viz,
    captums,
    coarser,
    loops,
    opened,
    ready,
)
from occlusion_limits import limit
from openvino_worker import openvinos, usable_cores

CAPTUM_TRIAL = (56, 56)  # side and step: 16 places to find its best batch size with, which any patch has
GPU_TRIAL = (32, 12)  # the same where hundreds go through at once
POSITIONS, GPU_POSITIONS = 64, 256
NETWORKS = ("mobilenet_v2", "resnet18", "resnet50", "vgg16")  # those of networks.py that are classifiers


def main() -> None:
    """Do what was asked for."""
    asked = _arguments().parse_args()
    if asked.device == "cuda" and (asked.memory or asked.openvino):
        raise SystemExit("--memory reads the host's memory, and OpenVINO has no CUDA: give --device cpu")
    with tempfile.TemporaryDirectory() as scratch:
        setting = _setting(asked, Path(scratch))
        if asked.end_to_end:
            found = end_to_end(asked, setting, Path(scratch))
        elif asked.memory or asked.planning:
            from occlusion_costs import memory, planning

            found = memory(setting) if asked.memory else planning(setting, asked.rounds)
        else:
            found = compare(asked, setting)
    if asked.json:
        Path(asked.json).write_text(
            json.dumps({"asked": vars(asked), "machine": _machine(asked.device), **found}, indent=2)
        )


def compare(asked: argparse.Namespace, setting: Setting) -> dict[str, Any]:
    """Choose, check, run the rounds and print the table."""
    contestants, chosen = _contestants(asked, setting)
    rates = rounds(contestants, asked.rounds)
    print_table(rates, "windows", "positions")
    return {"chosen": chosen, "positions_per_second": rates, **_judged(setting, rates)}


def _contestants(asked: argparse.Namespace, setting: Setting) -> tuple[dict[str, Contestant], dict[str, str]]:
    """All who take part, each once through, and what was chosen for it."""
    model = opened(setting)
    windows, plain = Viz(setting, model, True), Viz(setting, model, False)
    windows()
    plain()
    chosen = {"windows": model.patch_plan(setting.patch, windows.layers).reason or "used"}
    print(f"windows: {chosen['windows']}; notes: {'; '.join(model.notes) or 'none'}")
    on_gpu = setting.device == "cuda"
    all_loops = loops(setting, asked.loop_batches or (GPU_BATCHES if on_gpu else LOOP_BATCHES))
    chosen["loop"] = fastest(all_loops)
    loop = all_loops[chosen["loop"]]
    print(_agreement(setting, windows, loop))
    contestants: dict[str, Contestant] = {"windows": windows, "plain": plain, "loop": loop}
    if asked.captum:
        batches = asked.captum_batches or (GPU_BATCHES if on_gpu else CAPTUM_BATCHES)
        chosen["captum"] = fastest(captums(setting, batches, *(GPU_TRIAL if on_gpu else CAPTUM_TRIAL)))
        contestants["captum"] = captums(setting, batches, setting.patch, coarser(setting))[chosen["captum"]]
    if asked.openvino:
        found = openvinos(asked.openvino, setting.path, setting.threads or len(usable_cores()), setting.subset)
        for name, (chosen[name], contestants[name]) in found.items():
            contestants[name]()
    print("\n".join(f"{name}: {text}" for name, text in chosen.items()), flush=True)
    return contestants, chosen


def _agreement(setting: Setting, windows: Viz, loop: Loop) -> str:
    """How far scores by windows are from the loop's, beside how much the patch changes them."""
    patched = setting.patched(0)
    image = ready(patched.images[0])
    ours, theirs = windows.scores(patched.at(setting.some)), loop.scores(image, setting.some)
    change = np.abs(theirs - loop.clean(image)).max()
    return f"scores differ from the loop's by {np.abs(ours - theirs).max():.2g}; the patch changes them by {change:.2g}"


def _judged(setting: Setting, rates: Rates) -> dict[str, Any]:
    """Ratios, and how much of what exactness allows was reached."""
    ratios = {name: ratio(rates["windows"], found) for name, found in rates.items() if name != "windows"}
    most = limit(setting.path, setting.patch, setting.starts)
    # Another provider or precision than the loop's has a speed of its own, which windows have no part in.
    against = "plain" if {"provider", "precision"} & {*setting.options} else "loop"
    share = ratios[against] / most
    print(f"limit of exactness {most:.2f} x; against {against}, windows reach {share:.0%} of it")
    return {"ratios": ratios, "limit": most, "share_of_limit": share, "share_is_against": against}


def end_to_end(asked: argparse.Namespace, setting: Setting, scratch: Path) -> dict[str, Any]:
    """Whole commands."""
    from occlusion_end_to_end import contestants, photos

    files = photos(asked.photos, setting.images, scratch)
    rates = rounds(contestants(setting, files, asked.captum_images if asked.captum else 0, scratch), asked.rounds)
    print_table(rates, "viz", "passes")
    return {"passes_per_second": rates}


def _setting(asked: argparse.Namespace, scratch: Path) -> Setting:
    options = {"provider": asked.provider, "precision": asked.precision, "device": asked.device}
    return Setting(
        path=_file(asked.network, Path(asked.cache or scratch)),
        network=asked.network,
        patch=asked.patch,
        stride=asked.stride,
        threads=asked.threads,
        images=asked.images or (20 if asked.end_to_end else 1),
        subset=asked.positions_per_round or (GPU_POSITIONS if asked.device == "cuda" else POSITIONS),
        batch_size=asked.batch_size,
        options={name: value for name, value in options.items() if value},
    )


def _file(network: str, folder: Path) -> Path:
    """The network's ONNX file, made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{network}.onnx"
    if not path.exists():
        from networks import make

        make(network, folder)
    return path


def _machine(device: str) -> dict[str, Any]:
    versions = {"python": platform.python_version(), "numpy": np.__version__, "onnxruntime": ort.__version__}
    found = {"processor": _processor(), "cores": len(usable_cores()), **versions}
    return found | {"gpu": _gpu()} if device == "cuda" else found


def _gpu() -> str:
    asking = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    return subprocess.run(asking, capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    """The model's name where Linux tells it."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--network", choices=NETWORKS, default="mobilenet_v2")
    add("--patch", type=int, default=32)
    add("--stride", type=int, default=16)
    add("--threads", type=int, help="default: all cores")
    add("--rounds", type=int, default=5)
    add("--images", type=int, help="per call of viz; default: 1, with --end-to-end 20")
    add("--batch-size", type=int, help="viz's; default: its own choice")
    positions = f"of those who do not work through the whole grid; default: {POSITIONS}, on a GPU {GPU_POSITIONS}"
    add("--positions-per-round", type=int, help=positions)
    add("--loop-batches", type=int, nargs="+", help=_default(LOOP_BATCHES))
    add("--captum", action="store_true", help="let it take part")
    add("--captum-batches", type=int, nargs="+", help=_default(CAPTUM_BATCHES))
    add("--captum-images", type=int, default=4, help="of --end-to-end: Captum is timed on this many a round")
    add("--openvino", metavar="PYTHON", help="let it take part, with the interpreter that has it")
    add("--provider", help="viz's onnxruntime provider")
    add("--precision", help="viz's precision")
    add("--device", default="cpu", choices=("cpu", "cuda"), help="everybody's; OpenVINO has no part on cuda")
    add("--cache", metavar="DIR", help="where networks are kept")
    add("--json", metavar="FILE", help="write all figures")
    add("--end-to-end", action="store_true", help="whole commands, from files to a page")
    add("--photos", metavar="DIR", help="of --end-to-end; default: generated pictures of 500 x 375")
    add("--memory", action="store_true", help="peak memory of both ways, instead")
    add("--planning", action="store_true", help="time of planning and writing the graphs, instead")
    return parser


def _default(on_cpu: Iterable[int]) -> str:
    return f"default: {' '.join(map(str, on_cpu))}; on a GPU {' '.join(map(str, GPU_BATCHES))}"


if __name__ == "__main__":
    main()
