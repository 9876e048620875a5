"""Filters on the image as small pictures of their own, from a run of `viz filters`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import NotSupported
from viz.core.image_names import unique_keys_of_names
from viz.core.images import Pixels, png_bytes
from viz.core.result import FloatArray
from viz.core.run_options import LookOptions
from viz.core.technique import find
from viz.engine.listener import Listener
from viz.render.fitting import enlarged
from viz.runs import run, run_path

FOLDER = "filters"
_SIDE = 128  # pixels, about

Pictures = dict[str, dict[int, dict[str, str]]]


def draw_filters(
    model: Adapter, layers: Mapping[str, Sequence[int]], folder: Path, listener: Listener, command: str
) -> Pictures:
    """A picture for each of these channels whose weights lie on the image: {"file", "text"}, by layer and channel.

    The run of `viz filters` goes to a folder of its own in `folder`, the pictures to filters; files are named from
    `folder`. Layers that see no image itself, and have no filter that is a picture, are left out.
    """
    on_image = {name: kernel for name in layers if (kernel := _kernel_on_image(model, name))}
    if not on_image:
        return {}
    asked = find("filters")(layer=tuple(dict.fromkeys(on_image.values())))
    options = LookOptions(out=str(folder / run_path(asked, model, (), LookOptions()).name))
    summary: Any = run(asked, model, (), options, listener, command)
    arrays = {record["name"]: summary.folder / record["files"]["arrays"] for record in summary.records}
    keys = dict(zip(on_image, unique_keys_of_names(list(on_image)), strict=True))
    return {name: _pictures(arrays[kernel], keys[name], layers[name], folder) for name, kernel in on_image.items()}


def _kernel_on_image(model: Adapter, name: str) -> str:
    """The kernel's own layer where a layer's weights lie on the image, else ""."""
    try:
        kernel = model.kernel(name)
    except NotSupported:
        return ""
    return kernel.layer if kernel.on_image else ""


def _pictures(arrays: Path, key: str, channels: Sequence[int], folder: Path) -> dict[int, dict[str, str]]:
    with np.load(arrays) as stored:
        filters, norms = stored["filters"], stored["norms"]
    largest = float(np.abs(filters).max()) or 1.0
    below = Path(FOLDER) / key
    (folder / below).mkdir(parents=True, exist_ok=True)
    found = {}
    for channel in channels:
        file = below / f"{channel}.png"
        (folder / file).write_bytes(png_bytes(_drawn(filters[channel], largest)))
        text = f"w / ||w|| in the colours of the image, gray is 0; ||w|| = {norms[channel]:.4g}"
        found[channel] = {"file": file.as_posix(), "text": text}
    return found


def _drawn(weights: FloatArray, largest: float) -> Pixels:
    """(3, rows, columns) in the image's own colours, `largest` and its negative the ends of the scale."""
    levels = np.rint((0.5 + 0.5 * weights / largest) * 255).astype(np.uint8).transpose(1, 2, 0)
    return enlarged(levels, max(1, round(_SIDE / max(levels.shape[:2]))))
