"""`viz microscope` as a user types it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.shell import viz

LAYERS = ("--layer", "stem.relu", "--layer", "stages.0.relu1", "--units", "0-5", "--top", "3")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Eight small pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(8):
        pixels = np.random.default_rng(number).integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(pixels).resize((96, 96), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def site(pictures, tmp_path_factory):
    """A site with all that there is, and what was said while it was written."""
    folder = tmp_path_factory.mktemp("site") / "out"
    made = ("--maximize", "--maximize-top", "1")
    done = viz("microscope", "-m", "zoo:shapes", *LAYERS, *made, "--out", str(folder), str(pictures))
    assert done.code == 0, done.said
    return folder, done


def block(folder: Path, layer: str) -> list[dict]:
    text = (folder / "microscope-data" / layer / "0.js").read_text()
    return json.loads(text[text.index("=") + 1 : text.rindex(";")])["units"]


def test_one_command_brings_patches_filters_links_and_made_images_together(site):
    folder, done = site
    stem, second = block(folder, "stem.relu"), block(folder, "stages.0.relu1")
    assert len(stem) == len(second) == 6 and all(len(one["patches"]) == 3 for one in stem)
    assert all("filter" in one["pictures"] for one in stem)
    assert not any("filter" in one.get("pictures", {}) for one in second)
    assert {one["layer"] for unit in second for one in unit["links"]["fed"]} == {"stem.relu"}
    assert {one["layer"] for unit in stem for one in unit["links"]["feeds"]} == {"stages.0.relu1"}
    made = [one["pictures"]["maximize"][0] for one in stem + second if "maximize" in one.get("pictures", {})]
    assert len(made) == 2
    for one in [*made, *(unit["pictures"]["filter"][0] for unit in stem)]:
        with Image.open(folder / one["file"]) as image:
            assert min(image.size) >= 96
    assert f"page: {folder / 'index.html'}".replace(" ", "") in done.err.replace("\n", "").replace(" ", "")


def test_size_and_time_are_said_before(site):
    said = site[1].said
    assert "36 patches of 128x128 pixels: about 1 MB" in said
    assert "2 images, about" in said


def test_the_same_command_again_computes_nothing_and_gives_the_same_site(site, pictures):
    folder, _ = site
    before = {p: p.read_bytes() for p in folder.rglob("*.js")} | {folder: (folder / "microscope.json").read_bytes()}
    made = ("--maximize", "--maximize-top", "1")
    stamp = (folder / "sprites" / "stem.relu" / "0001.jpg").stat().st_mtime_ns
    assert viz("microscope", "-m", "zoo:shapes", *LAYERS, *made, "--out", str(folder), str(pictures)).code == 0
    after = {p: p.read_bytes() for p in folder.rglob("*.js")} | {folder: (folder / "microscope.json").read_bytes()}
    assert before == after
    assert (folder / "sprites" / "stem.relu" / "0001.jpg").stat().st_mtime_ns == stamp


@pytest.fixture
def patches(pictures, tmp_path):
    """A run of `viz patches`."""
    folder = tmp_path / "patches"
    assert viz("patches", "-m", "zoo:shapes", *LAYERS, "--out", str(folder), str(pictures)).code == 0
    return folder


def test_an_earlier_run_becomes_a_site_and_the_model_adds_links(patches):
    assert viz("microscope", "--from", str(patches)).code == 0
    assert "links" not in block(patches, "stages.0.relu1")[0]
    assert viz("microscope", "--from", str(patches), "-m", "zoo:shapes", "--no-filters").code == 0
    assert "links" in block(patches, "stages.0.relu1")[0]
    assert "pictures" not in block(patches, "stem.relu")[0]


def test_a_dry_run_says_units_size_and_time_and_writes_nothing(pictures, tmp_path):
    out = tmp_path / "out"
    done = viz("microscope", "-m", "zoo:shapes", "--dry-run", "--maximize", *LAYERS, "-o", str(out), str(pictures))
    assert done.code == 0, done.said
    assert "12 of 2 layers, up to 3 patches each" in done.out
    for label in ("size", "time", "maximize", "folder"):
        assert f"\n{label} " in done.out
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--from", "x", "photos"), "photos are given too"),
        (("--from", "x", "--top", "4"), "--top changes nothing"),
        (("--from", "x", "--limit", "4"), "--limit changes nothing"),
        (("--from", "x", "--maximize"), "--maximize needs the model itself"),
        (("--from", "x", "--no-filters"), "--filters needs the model itself"),
        (("--from", "x", "--crop", "center"), "--crop needs the model itself"),
        (("--maximize-top", "4", "-m", "zoo:shapes", "photos"), "none is asked for"),
        (("--maximize", "--maximize-top", "0", "-m", "zoo:shapes", "photos"), "--maximize-top is 0"),
        (("photos",), "there is no model to look into"),
        (("--from", "nowhere"), "cannot be read"),
    ],
)
def test_options_that_would_do_nothing_are_refused(words, problem):
    done = viz("microscope", *words)
    assert done.code == 2 and problem in done.said, done.said


def test_a_model_needs_photos():
    done = viz("microscope", "-m", "zoo:shapes")
    assert done.code == 5 and "no photos" in done.said
