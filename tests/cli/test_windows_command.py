"""What `viz occlusion` says of its windows: the plan before a run, a line after it, a fact on the page."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.shell import Done
from tests.cli.shell import viz as command
from tests.fakes import LinearModel
from tests.patch_models import WindowedModel
from viz.cli.forecast import Forecast, Work
from viz.cli.patch_forecast import PatchForecast
from viz.cli.patch_plan_table import percent

# 12 x 16 pixels: starts 0, 4, 8 and 0, 4, 8, 12.
POSITIONS = 12
WORDS = ("occlusion", "-m", "fake", "photos", "--patch", "4", "--stride", "4")
SPEEDUP = 1 / (WindowedModel.share + 1 / POSITIONS)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    for i in range(2):
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(f"photos/{i}.png")
    return tmp_path


@pytest.fixture
def opened(monkeypatch):
    """Makes `--model fake` mean this model."""

    def mean(model):
        monkeypatch.setattr("viz.models.open_model", lambda spec, options: model)

    mean(WindowedModel())
    return mean


def line(done: Done, label: str) -> str:
    return next(row for row in done.out.splitlines() if row.startswith(label)).removeprefix(label).strip()


def test_a_dry_run_says_what_windows_save(opened):
    done = command(*WORDS, "--dry-run")
    assert done.code == 0, done.err
    assert line(done, "forward passes") == "26 (13 an image)"
    assert line(done, "windows") == "40 % of the multiply-accumulates of a whole pass; 2 layers by windows, 1 in full"
    against = "for 12 positions an image, against whole passes"
    assert line(done, "speedup") == f"{SPEEDUP:.1f}x by multiply-accumulates, {against}"
    assert not Path("runs").exists()


def test_a_dry_run_lists_the_layers_that_multiply(opened):
    done = command(*WORDS, "--dry-run")
    rows = [row.split() for row in done.out.splitlines()]
    assert ["conv_1", "Conv", "window", "12x16", "6x8", "25", "%", "4.00", "1.00"] in rows
    assert ["scores", "Gemm", "full", "1x1", "all", "100", "%", "1.00", "1.00"] in rows
    assert ["all", "40", "%", "5.00", "2.00"] in rows
    assert "relu_1" not in done.out
    assert "and 1 layers without multiply-accumulates" in done.out


def test_a_dry_run_says_why_nothing_is_gained_and_lists_no_layers(opened):
    opened(WindowedModel(reason="attention mixes all positions"))
    done = command(*WORDS, "--dry-run")
    expected = "none, every position goes through the whole network: attention mixes all positions"
    assert line(done, "windows") == expected
    assert "conv_1" not in done.out
    assert "speedup" not in done.out
    assert "passes/s in one timed batch" in line(done, "time")


def test_the_time_is_given_by_windows_and_in_whole_passes(opened):
    told = line(command(*WORDS, "--dry-run"), "time")
    assert told.startswith("about ")
    assert "; in whole passes " in told
    assert "positions/s by windows" in told
    said = json.loads(command(*WORDS, "--dry-run", "--format", "json").out)
    assert said["seconds"] > 0
    assert said["seconds_in_whole_passes"] != said["seconds"]


def test_the_time_of_an_image_is_that_of_its_positions_and_of_whole_passes_for_the_rest():
    work = Work(passes=115, batch_size=8, seconds_per_pass=0.5, memory_mb=1.0, gradient=False)
    patches = PatchForecast(None, variants=100, seconds=7.0, seconds_in_whole_passes=30.0)
    forecast = Forecast("images", 3, "runs", work=work, patches=patches)
    assert forecast.seconds == 3 * (15 * 0.5 + 7)
    assert forecast.seconds_in_whole_passes == 3 * (15 * 0.5 + 30)
    assert replace(forecast, patches=None).seconds == 3 * 115 * 0.5
    assert replace(forecast, patches=PatchForecast(None, 100)).seconds == 3 * 115 * 0.5


def test_windows_that_give_other_values_are_not_counted_on(opened):
    opened(WindowedModel(off=0.5))
    told = line(command(*WORDS, "--dry-run"), "time")
    assert "by windows" not in told
    assert "passes/s in one timed batch" in told


def test_json_has_every_layer_of_the_plan(opened):
    for output_format in ("json", "jsonl"):
        said = json.loads(command(*WORDS, "--dry-run", "--format", output_format).out)
        assert said["windows"]["variants"] == POSITIONS
        assert said["windows"]["speedup"] == pytest.approx(SPEEDUP, abs=1e-3)
        assert [layer["name"] for layer in said["windows"]["plan"]["layers"]] == ["conv_1", "relu_1", "scores"]


def test_a_dry_run_refuses_csv(opened):
    done = command(*WORDS, "--dry-run", "--format", "csv")
    assert done.code == 2
    assert "--format json" in done.said


def test_the_plan_is_for_the_target_that_is_asked_for(opened, monkeypatch):
    asked = []
    plan = WindowedModel.patch_plan
    monkeypatch.setattr(
        WindowedModel,
        "patch_plan",
        lambda self, side, layers, cap=None: asked.append(layers) or plan(self, side, layers, cap),
    )
    command(*WORDS, "--dry-run", "--target", "scores:1")
    assert set(asked) == {("scores",)}
    monkeypatch.setattr(WindowedModel, "patch_runner", lambda self, side, layers, cap=None: None)
    command(*WORDS, "--dry-run", "--target", "products:1")
    assert asked[-1] == ("products",)


def test_an_image_that_cannot_be_used_does_not_hide_the_plan(opened):
    Path("photos/0.png").write_bytes(b"no picture")
    assert line(command(*WORDS, "--dry-run"), "windows").startswith("40 %")


def test_no_image_of_which_the_class_is_known_is_no_reason_to_fail(opened):
    done = command(*WORDS, "--dry-run", "--target", "label")
    assert done.code == 0
    assert line(done, "windows") == "not known: none of the first images can be used with this target"


def test_a_technique_that_hides_no_squares_says_nothing_of_windows(opened):
    done = command("rise", "-m", "fake", "photos", "--masks", "4", "--dry-run")
    assert done.code == 0, done.err
    assert "windows" not in done.out
    assert "windows" not in json.loads(command("rise", "-m", "fake", "photos", "--dry-run", "--format", "json").out)


def test_a_run_ends_with_a_line_about_its_windows_and_so_does_its_page(opened):
    done = command(*WORDS, "--out", "run")
    assert done.code == 0, done.err
    assert "incremental occlusion: 40 % of the multiply-accumulates, 4 variants checked, largest" in done.said
    page = Path("run/index.html").read_text()
    assert "<dt>Incremental occlusion</dt>" in page
    assert "40 % of the multiply-accumulates, 4 variants checked" in page
    again = command(*WORDS, "--out", "run")
    assert "incremental occlusion: 40 % of the multiply-accumulates" in again.said


def test_a_run_in_whole_passes_says_why_once(opened):
    opened(WindowedModel(reason="attention mixes all positions"))
    done = command(*WORDS, "--out", "run")
    assert done.said.count("attention mixes all positions") == 1
    assert "incremental occlusion" not in done.said
    page = Path("run/index.html").read_text()
    assert "Incremental occlusion" not in page
    assert "attention mixes all positions" in page


def test_a_model_without_a_graph_says_so(opened):
    opened(LinearModel(np.ones((2, 3, 12, 16), np.float32)))
    said = line(command(*WORDS, "--dry-run"), "windows")
    assert said.endswith("fake shows no graph that windows could be computed on")


@pytest.mark.parametrize(("share", "said"), [(1.0, "100 %"), (0.364, "36 %"), (0.104, "10 %"), (0.0314, "3.1 %")])
def test_shares_read_as_percent(share, said):
    assert percent(share) == said
