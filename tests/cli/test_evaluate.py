"""`viz evaluate` as a user types it."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.shell import viz
from viz.model_zoo.shape_pictures import write_samples


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with generated pictures in samples/."""
    monkeypatch.chdir(tmp_path)
    write_samples("samples", 4)
    return tmp_path


CHEAP = ("evaluate", "--model", "zoo:shapes", "samples/images", "-t", "grad-cam", "--metrics", "pointing-game,energy")


def test_a_table_with_the_baselines_and_a_page_and_files(here: Path) -> None:
    done = viz(*CHEAP)
    assert done.code == 0
    rows = {line.split()[0]: line for line in done.out.splitlines()}
    assert list(rows) == ["technique", "grad-cam", "centre", "edges", "noise"]
    assert "pointing-game ↑" in rows["technique"]
    assert "at most 2 passes of the model an image" in done.said
    assert "4 image(s) explained, 4 of them with a known region" in done.said
    folder = next(here.glob("runs/shapes/evaluate-*"))
    assert {path.name for path in folder.iterdir()} == {
        "evaluation.json",
        "evaluation.csv",
        "results.jsonl",
        "index.html",
    }


def test_json_and_csv_go_to_stdout() -> None:
    record = json.loads(viz(*CHEAP, "--format", "json").out)
    assert record["command"].startswith("viz evaluate --model zoo:shapes")
    rows = list(csv.DictReader(io.StringIO(viz(*CHEAP, "--format", "csv").out)))
    assert rows[0]["technique"] == "grad-cam"
    assert float(rows[0]["mean"]) == pytest.approx(record["table"][0]["mean"], rel=1e-4)


def test_options_of_techniques_and_metrics_are_set_by_name() -> None:
    given = ("--set", "pointing-game.tolerance=0", "--set", "grad-cam.layer=stages.2.relu1")
    record = json.loads(viz(*CHEAP, *given, "--format", "json").out)
    assert record["metrics"][0]["settings"] == {"tolerance": 0.0}
    assert record["techniques"][0]["settings"]["layer"] == "stages.2.relu1"


def test_a_doubt_is_said() -> None:
    done = viz("evaluate", "--model", "zoo:shapes", "samples/images", "-t", "saliency", "--metrics", "insertion")
    assert "saliency is" in done.said and "the edge detector in insertion" in done.said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--metrics", "roads"], "no metric is called 'roads'; did you mean 'road'"),
        (["-t", "grad-cat"], "no technique is called 'grad-cat'"),
        (["--set", "energy.percent=3"], "no option of energy is called 'percent'"),
        (["--set", "energy"], "is not NAME.OPTION=VALUE"),
        (["--set", "occlusion.patch=8"], "no technique or metric of this evaluation is called 'occlusion'"),
    ],
)
def test_what_cannot_be_is_said_before_a_model_is_loaded(words: list[str], said: str) -> None:
    done = viz(*CHEAP, *words)
    assert done.code == 2
    assert said in done.said
    assert "model" not in done.err.splitlines()[0]


def test_all_means_every_metric() -> None:
    words = ("--metrics", "all", "--limit", "1", "--set", "stability.samples=1", "--set", "randomization.stages=1")
    done = viz(*CHEAP[:-2], *words, "--set", "randomization-ssim.stages=1", "--format", "json")
    names = [one["name"] for one in json.loads(done.out)["metrics"]]
    assert {"road", "sensitivity-n", "deletion", "insertion", "stability", "randomization"} < set(names)
