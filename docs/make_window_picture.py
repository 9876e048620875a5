"""Makes docs/images/incremental-windows.png: `python docs/make_window_picture.py`.

A generated picture with a gray square, and behind it map after map of the built-in model: gray is what is taken from
the clean pass, coloured what is computed again, the darker the more the square changes there. Windows are drawn from
the model's own plan; that nothing changes outside of them is asserted on the way.
"""

from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import viz
from viz.model_zoo.shape_pictures import draw

PICTURE = Path(__file__).parent / "images" / "incremental-windows.png"
SAMPLE, SIDE, TOP, LEFT = 3, 14, 30, 24  # a star, and a square over one of its tips
LAYERS = {
    "stem.relu": "stem",
    "stages.0.relu1": "block 1, first conv",
    "stages.0.relu2": "block 1, with shortcut",
    "stages.1.relu1": "block 2, first conv",
    "stages.1.relu2": "block 2, with shortcut",
    "stages.2.relu1": "block 3, first conv",
    "stages.2.relu2": "block 3, with shortcut",
}
COLUMNS, PANEL, GAP, CAPTION, MARGIN = 4, 288, 44, 92, 20
LIGHT, DARK, EDGE = (253, 231, 200), (197, 74, 0), (0, 60, 120)  # told apart by any eye, and in gray
TITLE, TEXT = ImageFont.load_default(size=25), ImageFont.load_default(size=22)
Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Window:
    """Rows and columns of a map that are computed again, up to but without the last, and what that saves."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    size: tuple[int, int]

    @property
    def part(self) -> tuple[slice, slice]:
        """Its place in a map (h, w)."""
        return slice(*self.rows), slice(*self.columns)

    @property
    def share(self) -> float:
        """Of the map."""
        height, width = (stop - first for first, stop in (self.rows, self.columns))
        return height * width / (self.size[0] * self.size[1])


def main() -> None:
    """Write the picture."""
    model = viz.load("zoo:shapes")
    image = (draw(SAMPLE).pixels.astype(np.float32) / 255).transpose(2, 0, 1)
    hidden = image.copy()
    hidden[:, TOP : TOP + SIDE, LEFT : LEFT + SIDE] = 0.5
    values = model.run(np.stack([image, hidden]), list(LAYERS))
    plan = {layer.name: layer for layer in model.patch_plan(SIDE, ("logits",)).layers}
    panels = [_image_panel(hidden)]
    panels += [_layer_panel(model, plan[name], title, values[name]) for name, title in LAYERS.items()]
    sheet = _sheet(panels)
    sheet.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


def _image_panel(hidden: Floats) -> Image.Image:
    pixels = (hidden.transpose(1, 2, 0) * 255).round().astype(np.uint8)
    window = Window((TOP, TOP + SIDE), (LEFT, LEFT + SIDE), (hidden.shape[1], hidden.shape[2]))
    return _panel(pixels, window, "image", f"{SIDE} x {SIDE} of {_size(window.size)} hidden")


def _layer_panel(model: Any, layer: Any, title: str, values: Floats) -> Image.Image:
    """Clean and hidden values (2, channels, h, w) as one map: gray without the window, coloured within."""
    clean, hidden = values
    change = np.abs(hidden - clean).max(axis=0)
    window = _window(model.receptive_field(layer.name), layer)
    outside = change.copy()
    outside[window.part] = 0
    assert not outside.any(), f"{layer.name}: something changes outside the window"
    pixels = _gray(clean.mean(axis=0))
    pixels[window.part] = _coloured(change[window.part])
    height, width = (stop - first for first, stop in (window.rows, window.columns))
    return _panel(pixels, window, title, f"{height} x {width} of {_size(window.size)}: {100 * window.share:.0f} %")


def _window(field: Any, layer: Any) -> Window:
    """What the square reaches of a layer that the plan computes by windows; else all of it."""
    height, width = layer.size
    if layer.way == "full":
        return Window((0, height), (0, width), layer.size)
    rows, columns = (
        _reached(start, length, *axis)
        for start, length, axis in zip(
            (TOP, LEFT), layer.size, zip(field.size, field.stride, field.offset, strict=True), strict=True
        )
    )
    assert rows[1] - rows[0] <= layer.window[0], f"{layer.name}: a window larger than planned"
    assert columns[1] - columns[0] <= layer.window[1], f"{layer.name}: a window larger than planned"
    return Window(rows, columns, layer.size)


def _reached(start: int, length: int, size: float, stride: float, offset: float) -> tuple[int, int]:
    """Position i sees pixels i * stride + offset and the size - 1 after it: those that see one of the square's."""
    first = ceil((start - offset - size + 1) / stride)
    last = floor((start + SIDE - 1 - offset) / stride)
    return max(0, first), min(length, last + 1)


def _gray(values: Floats) -> Pixels:
    """(h, w) -> (h, w, 3), light, so that the window stands out."""
    low, high = np.percentile(values, (1, 99))
    shade = 252 - 92 * np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    return np.repeat(shade.astype(np.uint8)[..., None], 3, axis=2)


def _coloured(change: Floats) -> Pixels:
    part = np.sqrt(change / max(change.max(), 1e-9))[..., None]
    return np.asarray(np.array(LIGHT) * (1 - part) + np.array(DARK) * part, np.uint8)


def _panel(pixels: Pixels, window: Window, title: str, text: str) -> Image.Image:
    """A map at the size of all panels, its window framed, and what it is below."""
    panel = Image.new("RGB", (PANEL, PANEL + CAPTION), "white")
    panel.paste(Image.fromarray(pixels).resize((PANEL, PANEL), Image.Resampling.NEAREST), (0, 0))
    pen = ImageDraw.Draw(panel)
    scale = PANEL / window.size[0]
    (top, bottom), (left, right) = window.rows, window.columns
    frame = [round(left * scale), round(top * scale), round(right * scale) - 1, round(bottom * scale) - 1]
    pen.rectangle((0, 0, PANEL - 1, PANEL - 1), outline=(150, 150, 150))
    pen.rectangle(frame, outline=EDGE, width=4)
    pen.text((PANEL / 2, PANEL + 26), title, fill="black", font=TITLE, anchor="mm")
    pen.text((PANEL / 2, PANEL + 58), text, fill=(70, 70, 70), font=TEXT, anchor="mm")
    return panel


def _sheet(panels: list[Image.Image]) -> Image.Image:
    rows = -(-len(panels) // COLUMNS)
    width = 2 * MARGIN + COLUMNS * PANEL + (COLUMNS - 1) * GAP
    sheet = Image.new("RGB", (width, MARGIN + rows * (PANEL + CAPTION)), "white")
    for place, panel in enumerate(panels):
        row, column = divmod(place, COLUMNS)
        sheet.paste(panel, (MARGIN + column * (PANEL + GAP), MARGIN + row * (PANEL + CAPTION)))
    return sheet


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


if __name__ == "__main__":
    main()
