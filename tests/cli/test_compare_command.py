"""`viz compare` as a user types it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.adapters.onnx_runtime.small_files import quantized_convolution
from tests.cli.shell import Done, viz
from tests.onnx_models import conv_net


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: net.onnx and two pictures in photos/."""
    monkeypatch.chdir(tmp_path)
    conv_net(tmp_path / "net.onnx")
    (tmp_path / "photos").mkdir()
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    return tmp_path


def compare(*words: str, model: str = "net.onnx", techniques: str = "saliency,occlusion") -> Done:
    smaller = ("--set", "occlusion.patch=8") if "occlusion" in techniques else ()
    return viz("compare", "-m", model, "--preprocess", "unit", "-t", techniques, *smaller, *words, "photos")


def rows(out: str) -> dict[str, list[str]]:
    """The table's rows by their first word."""
    return {words[0]: words[1:] for words in (line.split() for line in out.splitlines()[1:])}


def test_one_page_shows_every_technique_for_every_image(here: Path) -> None:
    done = compare("--out", "out")
    assert done.code == 0, done.said
    assert set(rows(done.out)) == {"net/saliency", "net/occlusion"}
    page = (here / "out/index.html").read_text()
    for technique in ("saliency", "occlusion"):
        for number in range(2):
            assert (here / f"out/net/{technique}/{number}.png").is_file()
            assert f"net/{technique}/{number}.png" in page
    assert done.said.endswith("page: out/index.html")


def test_without_out_the_same_comparison_finds_its_folder_and_another_has_its_own(here: Path) -> None:
    first = compare()
    again = compare()
    other = compare(techniques="saliency")
    folders = sorted((here / "runs/net").iterdir())
    assert [done.code for done in (first, again, other)] == [0, 0, 0]
    assert len(folders) == 2 and all(folder.name.startswith("compare-") for folder in folders)
    assert first.said.rsplit("page: ")[1] == again.said.rsplit("page: ")[1] != other.said.rsplit("page: ")[1]


def test_json_is_the_batch_record_and_the_options_are_those_set(here: Path) -> None:
    done = compare("--out", "out", "--format", "json")
    record = json.loads(done.out)
    assert [run["technique"] for run in record["runs"]] == ["saliency", "occlusion"]
    assert all(run["images"] == {"done": 2, "failed": 0, "reused": 0} for run in record["runs"])
    settings = json.loads((here / "out/net/occlusion/run.json").read_text())["settings"]
    assert settings["patch"] == 8


def test_every_technique_explains_the_same_target(here: Path) -> None:
    assert compare("--out", "out", "--target", "2").code == 0
    for technique in ("saliency", "occlusion"):
        lines = (here / f"out/net/{technique}/results.jsonl").read_text().splitlines()
        assert {json.loads(line)["target"]["class_index"] for line in lines} == {2}


def test_a_technique_that_does_not_apply_says_why_and_the_others_go_on(here: Path) -> None:
    quantized_convolution(here / "integers.onnx")
    words = ("--out", "out", "--target", "scores:0", "--set", "occlusion.patch=2", "--set", "occlusion.stride=2")
    done = compare(*words, model="integers.onnx")
    assert done.code == 3
    assert "the path ends at QLinearConv 'conv1'" in done.said
    assert "these need none: viz occlusion" in done.said
    assert (here / "out/integers/occlusion/0.png").is_file()
    assert "QLinearConv" in (here / "out/index.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "occlusion.pach=8"), "no option of occlusion is called 'pach'; did you mean 'patch'"),
        (("--set", "patch=8"), "--set patch=8 is not "),
        (("--set", "rise.masks=8"), "no technique of this comparison is called 'rise'"),
        (("--set", "occlusion.patch=large"), "patch"),
        (("-t", "salience"), "no technique is called 'salience'; did you mean 'saliency'"),
        (("-t", ","), "--techniques names none"),
    ],
)
def test_what_cannot_be_is_said_before_a_model_is_loaded(here: Path, words: tuple[str, ...], said: str) -> None:
    (here / "net.onnx").unlink()
    done = compare(*words)
    assert done.code == 2
    assert said in done.said


def test_no_image_ends_in_5(here: Path) -> None:
    (here / "empty").mkdir()
    assert viz("compare", "--model", "net.onnx", "--preprocess", "unit", "empty").code == 5
