"""`viz batch` as a user types it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.shell import viz
from tests.onnx_models import conv_net
from viz.cli import batch as command

PLAN = """\
title = "Which <part> counts?"
out = "out"
[[models]]
model = "a.onnx"
preprocess = "unit"
[[models]]
model = "b.onnx"
preprocess = "unit"
[[techniques]]
technique = "occlusion"
patch = 8
[[techniques]]
technique = "occlusion"
name = "noise"
patch = 8
fill = "noise"
[[sources]]
images = "photos"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: plan.toml, a.onnx, b.onnx, and three pictures in photos/."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.toml").write_text(PLAN)
    for seed, name in enumerate(("a.onnx", "b.onnx")):
        conv_net(tmp_path / name, seed=seed)
    (tmp_path / "photos").mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    return tmp_path


def rows(out: str) -> dict[str, list[str]]:
    """The table's rows by their first word."""
    return {words[0]: words[1:] for words in (line.split() for line in out.splitlines()[1:])}


def test_a_plan_becomes_run_folders_a_page_each_and_one_page_over_all(here: Path) -> None:
    done = viz("batch", "plan.toml")
    assert done.code == 0
    assert {name: row[:3] for name, row in rows(done.out).items()} == {
        name: ["3", "0", "0"] for name in ("a/occlusion", "a/noise", "b/occlusion", "b/noise")
    }
    for name in ("a/occlusion", "a/noise", "b/occlusion", "b/noise"):
        assert (here / "out" / name / "index.html").exists()
    page = (here / "out/index.html").read_text()
    assert "Which &lt;part&gt; counts?" in page
    for text in ("a/noise/0.png", "b/occlusion/2.png"):
        assert text in page
    assert "image files decoded: 3, taken from memory: 9" in done.said
    assert "page: out/index.html" in done.said
    assert json.loads((here / "out/a/noise/run.json").read_text())["command"] == "viz batch plan.toml"


def test_the_same_again_says_that_all_was_there_before(here: Path) -> None:
    viz("batch", "plan.toml")
    done = viz("batch", "plan.toml")
    assert done.code == 0
    assert {tuple(row[:4]) for row in rows(done.out).values()} == {("3", "0", "3", "0")}


def test_a_model_that_is_not_there_is_told_in_table_record_and_page_and_ends_in_3(here: Path) -> None:
    (here / "a.onnx").unlink()
    done = viz("batch", "plan.toml")
    assert done.code == 3
    found = rows(done.out)
    assert found["a/occlusion"][:6] == ["–"] * 5 + ["failed:"]
    assert found["b/occlusion"][0] == "3"
    assert "failed a/occlusion and 1 more: the model file 'a.onnx' does not exist" in done.said
    assert "the model file &#x27;a.onnx&#x27; does not exist" in (here / "out/index.html").read_text()


def test_images_that_cannot_be_read_end_in_4(here: Path) -> None:
    (here / "photos/empty.jpg").touch()
    done = viz("batch", "plan.toml")
    assert done.code == 4
    assert rows(done.out)["b/noise"][:2] == ["3", "1"]


def test_a_wrong_plan_runs_nothing_and_says_the_lines(here: Path) -> None:
    (here / "plan.toml").write_text(PLAN.replace("fill =", "fil =").replace("patch = 8", "patch = 0", 1))
    done = viz("batch", "plan.toml")
    assert done.code == 2
    assert "plan.toml:11: --patch is 0, but must be at least 1" in done.said
    assert "plan.toml:16: no option of occlusion is called 'fil'; did you mean 'fill'" in done.said
    assert not (here / "out").exists()


def test_json_on_stdout_is_the_record_of_the_batch(here: Path) -> None:
    done = viz("batch", "plan.toml", "--only", "b/*", "--format", "json")
    record = json.loads(done.out)
    assert record == json.loads((here / "out/batch.json").read_text())
    assert [(run["model"], run["technique"], run["status"]) for run in record["runs"]] == [
        ("b", "occlusion", "done"),
        ("b", "noise", "done"),
    ]
    assert not (here / "out/a").exists()


def test_a_dry_run_lists_the_runs_and_writes_nothing(here: Path) -> None:
    done = viz("batch", "plan.toml", "--dry-run")
    assert done.code == 0
    assert rows(done.out)["a/noise"] == ["3", "new", "out/a/noise"]
    assert not (here / "out").exists()
    viz("batch", "plan.toml", "--only", "a/noise")
    states = {
        row["run"]: row["state"] for row in json.loads(viz("batch", "plan.toml", "--dry-run", "--format", "json").out)
    }
    assert (states["a/noise"], states["b/noise"]) == ("complete", "new")


def test_after_an_interruption_the_page_shows_what_was_done(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(spec: str, options: object) -> object:
        if spec == "b.onnx":
            raise KeyboardInterrupt
        return load_model(spec, options)

    load_model = command.load_model
    monkeypatch.setattr(command, "load_model", interrupted)
    done = viz("batch", "plan.toml")
    assert done.code == 130
    page = (here / "out/index.html").read_text()
    assert "a/noise/0.png" in page
    assert "b/noise" not in page


def test_what_people_read_says_which_run_of_how_many_goes_on(here: Path) -> None:
    assert "b/occlusion 3 of 4" in viz("batch", "plan.toml").said


def test_patches_and_filters_of_one_model_are_put_on_one_site(here: Path) -> None:
    patches, filters = '[[techniques]]\ntechnique = "patches"\n', '[[techniques]]\ntechnique = "filters"\n'
    head, tail = PLAN.split("[[techniques]]", 1)[0], '[[sources]]\nimages = "photos"\n'
    (here / "plan.toml").write_text(head + patches + tail)
    assert viz("batch", "plan.toml").code == 0
    assert not (here / "out/a/patches/microscope.json").exists()
    (here / "plan.toml").write_text(head + patches + filters + tail)
    done = viz("batch", "plan.toml")
    assert done.code == 0, done.err
    assert {name: row[:3] for name, row in rows(done.out).items()}["a/patches"] == ["3", "0", "3"]
    for name in ("a", "b"):
        beside = json.loads((here / "out" / name / "patches/microscope.json").read_text())
        assert beside and all("links" in layer or "pictures" in layer for layer in beside.values())
        assert (here / "out" / name / "filters/index.html").exists()
