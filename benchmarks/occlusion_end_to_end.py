"""The whole command of `viz occlusion` against a hand-written onnxruntime loop and against Captum.

Part of `benchmarks/occlusion.py --end-to-end`. All see the same network, images, patch, stride and positions. `viz` is
the whole command: listing, decoding, resizing, clean passes, windows, drawing, arrays, records and the page. The loop
decodes and resizes too, and draws nothing. Captum gets ready tensors and neither decodes nor draws.
"""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from interleaved import Contestant
from occlusion_contestants import (
    CAPTUM_BATCHES,
    GPU_BATCHES,
    LOOP_BATCHES,
    SIZE,
    Loop,
    Setting,
    captum_on,
    loops,
    ready,
)
from PIL import Image

from viz import ModelOptions, RunOptions, load, run
from viz.report import write_report
from viz.techniques.attribution.occlusion import Occlusion


def contestants(setting: Setting, files: Sequence[Path], captum_files: int, scratch: Path) -> dict[str, Contestant]:
    """The command, the loop at all batch sizes, and Captum with small and large batches on some of the files."""
    found: dict[str, Contestant] = {"viz": partial(with_viz, setting, files, scratch)}
    on_gpu = setting.device == "cuda"
    all_loops = loops(setting, GPU_BATCHES) if on_gpu else {f"{batch}": Loop(setting, batch) for batch in LOOP_BATCHES}
    for name, loop in all_loops.items():
        found[f"loop-{name}"] = partial(hand_written, setting, loop, files)
    if captum_files:
        images = [decoded(file) for file in files[:captum_files]]
        for batch in GPU_BATCHES if on_gpu else CAPTUM_BATCHES:
            found[f"captum-{batch}"] = captum_on(setting, images, batch)
    return found


def with_viz(setting: Setting, files: Sequence[Path], scratch: Path) -> int:
    """The whole command on an empty folder."""
    out = Path(tempfile.mkdtemp(dir=scratch))
    model = load(setting.path, ModelOptions(preprocess="imagenet", **setting.options))
    summary = run(Occlusion(patch=setting.patch, stride=setting.stride), model, files, RunOptions(out=str(out)))
    assert not summary.failed
    write_report(summary.folder)
    return len(files) * (len(setting.starts) ** 2 + 1)


def hand_written(setting: Setting, loop: Loop, files: Sequence[Path]) -> int:
    """What one would write in a notebook: per image, batches of copies with a gray patch, mean drop per pixel."""
    places = setting.places[: len(setting.starts) ** 2]
    for file in files:
        image = decoded(file)
        clean = loop.clean(image)
        target = int(clean.argmax())
        drops = clean[target] - loop.scores(image, places)[:, target]
        heat, count = np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE))
        for drop, (_, top, left) in zip(drops, places, strict=True):
            square = (slice(top, top + setting.patch), slice(left, left + setting.patch))
            heat[square] += drop
            count[square] += 1
        heat /= count
    return len(files) * (len(places) + 1)


def decoded(path: Path) -> np.ndarray:
    """A photo as the networks here want it: short side 256, middle 224, ImageNet mean and std."""
    image = Image.open(path).convert("RGB")
    scale = 256 / min(image.size)
    image = image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.BILINEAR)
    left, top = (image.width - SIZE) // 2, (image.height - SIZE) // 2
    pixels = np.asarray(image.crop((left, top, left + SIZE, top + SIZE)), np.float32).transpose(2, 0, 1) / 255
    return ready(pixels)


def photos(folder: str | None, count: int, scratch: Path) -> list[Path]:
    """Photos of the user's, or generated pictures saved as JPEG of an ordinary size."""
    if folder:
        found = sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
        return found[:count]
    from viz.model_zoo.shape_pictures import draw

    files = []
    for index in range(count):
        picture = Image.fromarray(draw(index).pixels).resize((500, 375), Image.Resampling.BICUBIC)
        files.append(scratch / f"{index:03d}.jpg")
        picture.save(files[-1], quality=90)
    return files
