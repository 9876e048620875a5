"""Makes the pictures in docs/images from generated samples and the built-in model: `python docs/make_pictures.py`.

occlusion.png shows samples above their maps, techniques.png one row per sample and one column per technique,
maximize.png classes in columns made from nothing with a preset in each row, made.png what samples were made into;
report.png is the report page, for which a Chromium has to be installed.
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import viz
from viz.core.images import Box, Photo, Pixels, fit, read
from viz.core.result import HeatMap
from viz.model_zoo.shape_pictures import draw, write_samples
from viz.render import picture, signed_colours

IMAGES = Path(__file__).parent / "images"
SHOWN = (3, 4, 16, 17, 8, 12)  # star, cross, crescent, arrow, drop, triangle
SIDE_BY_SIDE = (3, 10, 17)  # star, circle, arrow
COLUMNS = ("saliency", "smoothgrad", "guided-backprop", "integrated-gradients", "grad-cam", "rise", "occlusion")
IN_COLOURS = ("guided-backprop",)  # shown as the colour gradient itself, not as heat
SIDE = 192  # drawn at twice the size that the model sees, so that the picture is not coarse
GAP = 8
SMALL_SIDE = 124  # where techniques stand side by side
CAPTION = 22  # pixels for the line of names
CLASSES = ("circle", "star", "heart", "crescent", "drop")
PRESETS = ("lucid", "maco", "yosinski", "simonyan")
MADE_INTO = {
    "invert": {"layer": ("stages.1.relu2",)},
    "dream": {"layer": "stages.1.relu2"},
    "style": {"steps": 80},  # of the other sample
    "fool": {"target": ("least-likely",)},
}
MADE = (3, 5)  # star, heart; each is painted in the style of the other
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Write all pictures."""
    IMAGES.mkdir(exist_ok=True)
    _save(_samples_above_maps(), IMAGES / "occlusion.png")
    _save(_techniques_side_by_side(), IMAGES / "techniques.png")
    _save(_classes_by_presets(), IMAGES / "maximize.png")
    _save(_samples_made_into_others(), IMAGES / "made.png")
    browser = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if browser is None:
        sys.exit("report.png was left as it is: no Chromium was found")
    with tempfile.TemporaryDirectory() as folder:
        _save(_report_page(Path(folder), browser), IMAGES / "report.png")


def _samples_above_maps() -> Image.Image:
    shown, maps = _explained("occlusion", SHOWN, SIDE, stride=4)
    return Image.fromarray(_grid([shown, maps]))


def _techniques_side_by_side() -> Image.Image:
    """Each sample, and what each technique makes of it, below the techniques' names."""
    shown, _ = _explained("saliency", SIDE_BY_SIDE, SMALL_SIDE)
    columns = [shown, *(_explained(name, SIDE_BY_SIDE, SMALL_SIDE)[1] for name in COLUMNS)]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return Image.fromarray(_joined([_captions(("image", *COLUMNS)), _grid(rows)], axis=0))


def _explained(
    technique: str, samples: Sequence[int], side: int, **settings: object
) -> tuple[list[Pixels], list[Pixels]]:
    """The samples, `side` pixels wide, and the technique's pictures of them for their true classes."""
    model = viz.load("zoo:shapes")
    photos = [Photo(draw(index, size=side).pixels, sha256="") for index in samples]
    fitted = [fit(photo, model.preprocess) for photo in photos]
    images = np.stack([one.pixels for one in fitted])
    targets = [viz.class_target(model, index % len(model.labels.names)) for index in samples]
    found = viz.find_technique(technique)(**settings)(model, images, targets)
    maps = [_shown(technique, heat, photo, one.box) for heat, photo, one in zip(found, photos, fitted, strict=True)]
    return [photo.pixels for photo in photos], maps


def _classes_by_presets() -> Image.Image:
    """What excites each class most, at the model's own size; each row by the settings of another paper."""
    return Image.fromarray(_grid([_made("maximize", [], target=CLASSES, preset=preset) for preset in PRESETS]))


def _samples_made_into_others() -> Image.Image:
    """Each sample, and what each command makes of it; last, ten times what was changed to fool."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{index}.png" for index in MADE]
        for file, index in zip(files, MADE, strict=True):
            Image.fromarray(draw(index, size=SMALL_SIDE).pixels).save(file)
        rows = [_row_made(file, other) for file, other in zip(files, reversed(files), strict=True)]
    return Image.fromarray(_joined([_captions(("image", *MADE_INTO, "its change x 10")), _grid(rows)], axis=0))


def _row_made(file: Path, other: Path) -> list[Pixels]:
    row = [read(file).pixels]
    for technique, settings in MADE_INTO.items():
        given = {**settings, "style": (str(other),)} if technique == "style" else settings
        row.append(_made(technique, [file], **given)[-1])
    change = 127.5 + 10 * (row[-1].astype(np.float32) - row[0])
    row.append(np.clip(change, 0, 255).astype(np.uint8))
    return [np.asarray(Image.fromarray(cell).resize((SMALL_SIDE, SMALL_SIDE))) for cell in row]


def _made(technique: str, photos: Sequence[Path], **settings: object) -> list[Pixels]:
    """The images that a technique makes with the built-in model, as their files have them."""
    with tempfile.TemporaryDirectory() as folder:
        options = viz.MakeOptions(out=folder, frames=0)
        found = viz.run(viz.find_technique(technique)(**settings), viz.load("zoo:shapes"), photos, options)
        return [read(found.folder / record["files"]["picture"]).pixels for record in found.records]


def _shown(technique: str, heat: HeatMap, photo: Photo, box: Box) -> Pixels:
    if technique in IN_COLOURS:
        return np.asarray(Image.fromarray(signed_colours(heat.arrays["gradient"])).resize(photo.size[::-1]))
    return picture(heat, photo, box)


def _captions(names: Sequence[str]) -> Pixels:
    """One line of names, each centred over a column."""
    strip = Image.new("RGB", (len(names) * (SMALL_SIDE + GAP) - GAP, CAPTION), "white")
    font = ImageFont.load_default(size=12)
    for number, name in enumerate(names):
        middle = number * (SMALL_SIDE + GAP) + SMALL_SIDE / 2
        ImageDraw.Draw(strip).text((middle, CAPTION / 2), name, fill="black", font=font, anchor="mm")
    return np.asarray(strip)


def _grid(rows: Sequence[Sequence[Pixels]]) -> Pixels:
    """Pictures of one size in rows, with white gaps between them."""
    down = [_joined(row, axis=1) for row in rows]
    return _joined(down, axis=0)


def _joined(pictures: Sequence[Pixels], axis: int) -> Pixels:
    shape = list(pictures[0].shape)
    shape[axis] = GAP
    gap = np.full(shape, 255, np.uint8)
    parts = [part for one in pictures for part in (gap, one)][1:]
    return np.concatenate(parts, axis=axis)


def _report_page(folder: Path, browser: str) -> Image.Image:
    """The page of a run over twelve samples, as a reader sees it."""
    from playwright.sync_api import sync_playwright

    write_samples(folder / "samples", count=12)
    options = viz.RunOptions(out=str(folder / "run"))
    summary = viz.run(
        viz.find_technique("occlusion")(), viz.load("zoo:shapes"), [folder / "samples" / "images"], options
    )
    page_file = viz.write_report(summary.folder)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1120, "height": 800})
        page.goto(page_file.resolve().as_uri())
        page.wait_for_function("[...document.images].length > 0 && [...document.images].every(image => image.complete)")
        page.screenshot(path=folder / "page.png")
        chromium.close()
    with Image.open(folder / "page.png") as shot:
        return shot.convert("RGB")


def _save(image: Image.Image, path: Path) -> None:
    """As a PNG of 256 colours, dithered: small, and without visible steps in the heat."""
    palette = image.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=3)
    image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


if __name__ == "__main__":
    main()
