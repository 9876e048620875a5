"""Runs whose target is chosen in each image: images without one fail alone, and references are part of the run."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.fakes import TensorModel
from viz.core.errors import ExitCode, UsageError
from viz.core.run_options import RunOptions
from viz.runs import run, run_path
from viz.techniques.attribution.occlusion import Occlusion

TECHNIQUE = Occlusion(patch=4, stride=4)
SIZE = (12, 16)


def segmenter() -> TensorModel:
    return TensorModel({"maps": lambda x: 4 * x}, SIZE, names=("red", "green", "blue"))


@pytest.fixture
def photos(tmp_path):
    """Five photos; the second and the fourth are blue nowhere."""
    folder = tmp_path / "in"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(5):
        pixels = rng.integers(0, 200, (*SIZE, 3), np.uint8)
        pixels[3:9, 4:12, 2] = 255
        if i in (1, 3):
            pixels[:, :, 2] = 0
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


def test_images_without_the_class_fail_alone(photos, tmp_path):
    options = RunOptions(out=str(tmp_path / "out"), target="blue in mask")
    summary = run(TECHNIQUE, segmenter(), [photos], options)
    assert summary.exit_code == ExitCode.SOME_IMAGES_FAILED
    assert [record["name"] for record in summary.failed] == ["1.png", "3.png"]
    assert "predicts 'blue' nowhere in this image" in summary.failed[0]["reason"]
    assert [record["target"]["label"] for record in summary.records if record not in summary.failed] == 3 * [
        "blue in mask"
    ]
    run_json = json.loads((tmp_path / "out/run.json").read_text())
    assert (run_json["score"], run_json["images"]) == ("logit", {"found": 5, "done": 3, "failed": 2})
    again = run(TECHNIQUE, segmenter(), [photos], options)
    assert (again.reused, again.forwards) == (3, 2), "failed images are tried again, with one pass each"


def test_an_image_gets_the_same_heat_beside_one_that_fails_and_alone(photos, tmp_path):
    run(TECHNIQUE, segmenter(), [photos], RunOptions(out=str(tmp_path / "all"), target="blue in mask"))
    run(TECHNIQUE, segmenter(), [photos / "2.png"], RunOptions(out=str(tmp_path / "one"), target="blue in mask"))
    beside, alone = (np.load(tmp_path / folder / "2.npz")["heat"] for folder in ("all", "one"))
    np.testing.assert_array_equal(beside, alone)
    assert beside[3:9, 4:12].mean() > 3 * np.abs(beside[9:]).mean(), "heat lies where the mask is"


def test_a_target_that_no_image_can_have_stops_the_run_before_it_starts(photos, tmp_path):
    with pytest.raises(UsageError, match="no class is called 'bleu'"):
        run(TECHNIQUE, segmenter(), [photos], RunOptions(out=str(tmp_path / "out"), target="bleu in mask"))
    assert not (tmp_path / "out").exists()


def test_the_picture_to_be_like_is_part_of_what_a_run_is(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = RunOptions(target="maps like other.png")
    Image.new("RGB", (4, 4), (255, 0, 0)).save("other.png")
    first = run_path(TECHNIQUE, segmenter(), [photos], options)
    assert run_path(TECHNIQUE, segmenter(), [photos], options) == first
    Image.new("RGB", (4, 4), (0, 255, 0)).save("other.png")
    assert run_path(TECHNIQUE, segmenter(), [photos], options) != first
