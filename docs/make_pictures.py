"""Makes the pictures in docs/images from generated samples and the built-in model: `python docs/make_pictures.py`.

occlusion.png shows samples above their maps; report.png is the report page, for which a Chromium has to be installed.
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

import viz
from viz.core.images import Photo, Pixels, fit
from viz.model_zoo.shape_pictures import draw, write_samples
from viz.render import picture

IMAGES = Path(__file__).parent / "images"
SHOWN = (3, 4, 16, 17, 8, 12)  # star, cross, crescent, arrow, drop, triangle
SIDE = 192  # drawn at twice the size that the model sees, so that the picture is not coarse
GAP = 8
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Write both pictures."""
    IMAGES.mkdir(exist_ok=True)
    _save(_samples_above_maps(), IMAGES / "occlusion.png")
    browser = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if browser is None:
        sys.exit("report.png was left as it is: no Chromium was found")
    with tempfile.TemporaryDirectory() as folder:
        _save(_report_page(Path(folder), browser), IMAGES / "report.png")


def _samples_above_maps() -> Image.Image:
    model = viz.load("zoo:shapes")
    photos = [Photo(draw(index, size=SIDE).pixels, sha256="") for index in SHOWN]
    fitted = [fit(photo, model.preprocess) for photo in photos]
    images = np.stack([one.pixels for one in fitted])
    targets = [viz.class_target(model, index % len(model.labels.names)) for index in SHOWN]
    found = viz.find_technique("occlusion")(stride=4)(model, images, targets)
    maps = [picture(heat, photo, one.box) for heat, photo, one in zip(found, photos, fitted, strict=True)]
    return Image.fromarray(_grid([[photo.pixels for photo in photos], maps]))


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
