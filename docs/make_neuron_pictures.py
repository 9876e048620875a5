"""Makes the pictures of neurons in docs/images: `python docs/make_neuron_pictures.py [MODEL PHOTOS…]`.

patches.jpg shows units of the built-in model on 5,000 generated pictures, filters.png its first filters,
microscope.jpg the page of a unit, for which a Chromium has to be installed. With SqueezeNet 1.1 and photos also
imagenet-units.jpg: what `viz maximize` makes for five of its units, and below it those of their best patches that are
of photos in the public domain, or CC0; no others are drawn.
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import viz
from viz.model_zoo.shape_pictures import write_samples

IMAGES = Path(__file__).parent / "images"
SHAPE_UNITS = {
    "stem.relu:24": "red",
    "stem.relu:20": "cyan",
    "stages.0.relu1:16": "magenta | green",
    "stages.2.relu1:46": "circles",
    "stages.2.relu1:37": "stars",
    "stages.2.relu1:22": "crosses",
    "stages.2.relu1:79": "crescents",
    "stages.2.relu1:27": "triangles",
    "stages.2.relu1:18": "hearts",
    "stages.2.relu1:77": "arrows",
}
PHOTO_UNITS = {
    "squeezenet0_relu18_fwd:134": "people's faces",
    "squeezenet0_relu18_fwd:173": "animals' faces",
    "squeezenet0_relu18_fwd:163": "round rims",
    "squeezenet0_relu21_fwd:229": "lettering, labels",
    "squeezenet0_relu18_fwd:1": "twigs, posts",
}
FREE = ("astronaut", "camera", "chelsea", "coffee", "grace_hopper", "rocket")  # CC0, or in the public domain
SHOWN_ON_PAGE = "stages.2.relu1:79"
TILE, GAP, CAPTION, COLUMNS = 56, 2, 140, 10
MADE_SIDE, FREE_SIDE, FREE_COUNT = 168, 55, 3
STEPS = 256
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
FONT = ImageFont.load_default(size=12)


def main(arguments: Sequence[str]) -> None:
    """Write all pictures that can be made with what is given."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = _shapes_run(folder)
        _rows(run, SHAPE_UNITS).save(IMAGES / "patches.jpg", quality=85)
        shutil.copyfile(_filters(folder / "filters"), IMAGES / "filters.png")
        _page(viz.write_report(run.folder)).save(IMAGES / "microscope.jpg", quality=85)
        if arguments:
            _made_and_free(folder, *arguments).save(IMAGES / "imagenet-units.jpg", quality=85)


def _shapes_run(folder: Path) -> Any:
    """`viz patches` of the units' layers, over 5,000 generated pictures."""
    write_samples(folder / "samples", count=5000)
    layers = tuple(dict.fromkeys(_layer(unit) for unit in SHAPE_UNITS))
    options = viz.SurveyOptions(out=str(folder / "patches"))
    return viz.run(viz.find_technique("patches")(layer=layers), viz.load("zoo:shapes"), [_images(folder)], options)


def _rows(run: Any, units: dict[str, str]) -> Image.Image:
    """A row of patches for each unit, best first, with its name and what it responds to."""
    rows = [_row(run.folder, record, units[record["name"]]) for record in _records(run, units)]
    return _stacked(rows)


def _row(folder: Path, record: dict[str, Any], meaning: str) -> Image.Image:
    strip = Image.new("RGB", (CAPTION + COLUMNS * (TILE + GAP), TILE + GAP), "white")
    text = f"{record['name']}\n{meaning}\nselectivity {record['numbers']['selectivity']:.2f}"
    ImageDraw.Draw(strip).multiline_text((2, TILE / 2), text, fill="black", font=FONT, anchor="lm", spacing=2)
    for column, tile in enumerate(_tiles(folder, record, record["patches"][:COLUMNS])):
        strip.paste(tile.resize((TILE, TILE)), (CAPTION + column * (TILE + GAP), 0))
    return strip


def _filters(folder: Path) -> Path:
    options = viz.LookOptions(out=str(folder))
    made = viz.run(viz.find_technique("filters")(), viz.load("zoo:shapes"), [], options)
    return folder / str(made.records[0]["files"]["picture"])


def _page(page_file: Path) -> Image.Image:
    """A unit's page as a reader sees it."""
    from playwright.sync_api import sync_playwright

    browser = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if browser is None:
        sys.exit("microscope.jpg was left as it is: no Chromium was found")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1120, "height": 840})
        page.goto(f"{page_file.resolve().as_uri()}#unit={SHOWN_ON_PAGE}")
        page.wait_for_load_state("networkidle")
        page.get_by_text("Classes that excite it most").wait_for()
        page.wait_for_timeout(1000)  # sprites are backgrounds, whose loading no event tells
        page.screenshot(path=page_file.parent / "page.png")
        chromium.close()
    with Image.open(page_file.parent / "page.png") as shot:
        return shot.convert("RGB")


def _made_and_free(folder: Path, spec: str, *photos: str) -> Image.Image:
    """A column for each unit: the image made for it, above patches of free photos with their ranks."""
    model = viz.load(spec, viz.ModelOptions(preprocess="imagenet"))
    options = viz.SurveyOptions(out=str(folder / "photos"))
    layers = tuple(dict.fromkeys(_layer(unit) for unit in PHOTO_UNITS))
    run = viz.run(viz.find_technique("patches")(layer=layers), model, photos, options)
    columns = [_column(folder, model, run, record) for record in _records(run, PHOTO_UNITS)]
    return Image.fromarray(np.concatenate([np.asarray(column) for column in columns], axis=1))


def _column(folder: Path, model: Any, run: Any, record: dict[str, Any]) -> Image.Image:
    name = record["name"]
    drawn = Image.new("RGB", (MADE_SIDE + 6, MADE_SIDE + 36 + FREE_SIDE + 16), "white")
    drawn.paste(_maximized(folder / record["key"], model, name).resize((MADE_SIDE, MADE_SIDE)), (3, 0))
    pen = ImageDraw.Draw(drawn)
    text = f"{name}\n{PHOTO_UNITS[name]}"
    pen.multiline_text((drawn.width / 2, MADE_SIDE + 18), text, fill="black", font=FONT, anchor="mm", align="center")
    free = [(rank, patch) for rank, patch in enumerate(record["patches"], 1) if _is_free(patch["image"])][:FREE_COUNT]
    tiles = _tiles(run.folder, record, [patch for _, patch in free])
    for place, ((rank, _), tile) in enumerate(zip(free, tiles, strict=True)):
        left = 3 + place * (FREE_SIDE + 1)
        drawn.paste(tile.resize((FREE_SIDE, FREE_SIDE)), (left, MADE_SIDE + 36))
        pen.text((left + FREE_SIDE / 2, drawn.height - 8), f"no. {rank}", fill="black", font=FONT, anchor="mm")
    return drawn


def _maximized(folder: Path, model: Any, unit: str) -> Image.Image:
    options = viz.MakeOptions(out=str(folder), frames=0)
    maker = viz.find_technique("maximize")(layer=(_layer(unit),), channel=unit.rpartition(":")[2], steps=STEPS)
    made = viz.run(maker, model, [], options)
    return Image.open(folder / made.records[0]["files"]["picture"]).convert("RGB")


def _tiles(folder: Path, record: dict[str, Any], patches: Sequence[dict[str, Any]]) -> list[Image.Image]:
    """Patches of a unit, cut out of its sprite."""
    with Image.open(folder / record["files"]["sprite"]) as sheet:
        sprite = sheet.convert("RGB")
    side = sprite.width // max(patch["tile"][0] + 1 for patch in record["patches"])
    return [sprite.crop(_square(patch["tile"], side)) for patch in patches]


def _square(tile: Sequence[int], side: int) -> tuple[int, int, int, int]:
    column, row = tile
    return column * side, row * side, (column + 1) * side, (row + 1) * side


def _records(run: Any, units: dict[str, str]) -> list[dict[str, Any]]:
    found = {record["name"]: record for record in run.records if record["name"] in units}
    return [found[unit] for unit in units]


def _stacked(rows: Sequence[Image.Image]) -> Image.Image:
    return Image.fromarray(np.concatenate([np.asarray(row) for row in rows]))


def _layer(unit: str) -> str:
    return unit.rpartition(":")[0]


def _images(folder: Path) -> Path:
    return folder / "samples" / "images"


def _is_free(image: str) -> bool:
    return Path(image).stem.endswith(FREE)


if __name__ == "__main__":
    main(sys.argv[1:])
