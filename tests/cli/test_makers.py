"""Commands that make images, from the command line to the files: help, options, records, errors, batch."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import viz.cli
import viz.cli.app
from tests.cli.shell import viz as command
from tests.fakes import painter
from viz.cli.command_defaults import default_map
from viz.cli.progress import RunProgress
from viz.cli.technique import add_techniques
from viz.cli.top import new_app
from viz.core import technique as registry
from viz.model_zoo.shape_pictures import write_samples


@pytest.fixture(params=["optional"])
def maker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The fake maker as a command and by its name, in this test only."""
    found = painter(request.param)
    every = {**registry.techniques(), "painter": found}
    monkeypatch.setattr(registry, "techniques", lambda: every)
    monkeypatch.setattr("viz.cli.technique.techniques", lambda: {"painter": found})
    app = new_app()
    add_techniques(app)
    app.command("other")(lambda: None)  # of a single command, Typer would leave the name out
    monkeypatch.setattr(viz.cli.app, "app", app)
    return found


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_samples(tmp_path / "samples", 2, 0)
    return tmp_path


def test_a_class_is_painted_on_the_built_in_model_and_recognised(maker: Any, here: Path) -> None:
    words = ["painter", "-m", "zoo:shapes", "--classes", "3", "--classes", "8", "--strength", "0.2", "--out", "out"]
    done = command(*words, "--animate", "way.gif", "--frames", "4")
    assert done.code == 0, done.err
    assert "star" in done.out
    assert "2 image(s) made, score: logit" in done.said
    assert "sheet: out/sheet.png" in done.said
    assert (here / "out" / "index.html").exists()
    assert sorted(path.name for path in here.glob("*.gif")) == ["way-class 3.gif", "way-class 8.gif"]
    assert Image.open(here / "out" / "class 3.png").size == (96, 96)
    again = command(*words, "--animate", "way.gif", "--frames", "4")
    assert "2 of them from before" in again.said
    assert len(maker.calls) == 1


@pytest.mark.parametrize("output_format", ["json", "jsonl", "csv"])
def test_records_on_stdout_have_rows_and_columns(maker: Any, here: Path, output_format: str) -> None:
    out = command("painter", "-m", "zoo:shapes", "samples/images", "-o", "out", "--format", output_format).out
    if output_format == "csv":
        records = list(csv.DictReader(io.StringIO(out)))
    else:
        records = json.loads(out) if output_format == "json" else [json.loads(line) for line in out.splitlines()]
    assert [record["column"] for record in records] == ["class 0", "class 1"] * 2
    assert len({record["row"] for record in records}) == 2


def test_the_table_has_no_rows_and_columns_which_the_names_say_already(maker: Any, here: Path) -> None:
    asked = ("painter", "-m", "zoo:shapes", "samples/images", "-o", "out")
    header = command(*asked).out.splitlines()[0].split()
    assert header[0] == "name"
    assert not {"row", "column"} & set(header)
    assert {"row", "column"} <= set(command(*asked, "--format", "csv").out.splitlines()[0].split(","))


def test_a_dry_run_counts_pictures_and_steps_and_writes_nothing(maker: Any, here: Path) -> None:
    out = command("painter", "-m", "zoo:shapes", "samples/images", "--steps", "7", "--limit", "3", "--dry-run").out
    rows = {line[:23].strip() if "passes" in line else line.split()[0]: line.split() for line in out.splitlines()}
    assert rows["pictures"][1] == "3"
    assert rows["steps"][1] == "7"
    assert "42 (14 an image)" in out
    assert "runs/shapes/painter-" in out
    assert maker.calls == []
    assert not (here / "runs").exists()


def test_the_help_has_the_makers_own_words_and_all_options(maker: Any) -> None:
    said = " ".join(command("painter", "--help").out.replace("│", " ").split())
    assert "Paint what a class likes. From gray, or from photos. Source: none." in said
    for flag in ("--classes", "--steps", "--frames", "--animate", "--out", "--limit", "--preprocess", "--dry-run"):
        assert flag in said
    assert "--score" not in said
    assert "[SOURCE...]" in said


@pytest.mark.parametrize("maker", ["required"], indirect=True)
def test_photos_are_required_where_a_maker_needs_some(maker: Any, here: Path) -> None:
    done = command("painter", "-m", "zoo:shapes")
    assert done.code == 2
    assert "SOURCE" in done.said


def test_errors_of_usage_come_before_the_model_is_loaded(maker: Any, here: Path) -> None:
    for words, said in (
        (["--animate", "way.avi"], "way.avi ends in none of"),
        (["nowhere"], "'nowhere' does not exist"),
        (["--shard", "2"], "--shard 2 is not I/N"),
    ):
        done = command("painter", "-m", "not-there.onnx", *words)
        assert (done.code, said in done.said) == (2, True), done.err


def test_ctrl_c_keeps_the_best_so_far_and_leaves_a_page(maker: Any, here: Path) -> None:
    maker.interrupted_at = "class 1"
    done = command("painter", "-m", "zoo:shapes", "--out", "out")
    assert done.code == 130
    assert "what was finished is in out/index.html" in done.said
    assert "the same command continues" in done.said
    assert (here / "out" / "class 1.png").exists()


def test_defaults_come_from_a_file_as_for_any_command(maker: Any, here: Path) -> None:
    from viz.batch.document import Document

    (here / "defaults.toml").write_text('[painter]\nframes = 3\nclasses = [4]\nanimate = "a.gif"\n')
    found = default_map(Document(here / "defaults.toml"), viz.cli.app.app)
    assert found == {"painter": {"frames": 3, "classes": [4], "animate": "a.gif"}}


def test_compare_and_evaluate_say_what_to_use_instead(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = {**registry.techniques(), "painter": painter()}
    monkeypatch.setattr(registry, "techniques", lambda: every)
    for name in ("compare", "evaluate"):
        done = command(name, "-m", "zoo:shapes", "samples/images", "--techniques", "saliency,painter")
        assert done.code == 2
        assert "painter makes images and explains none" in done.said
        assert "`viz painter --model M`" in done.said


def test_progress_says_where_an_optimization_is(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from rich.console import Console

    heard = io.StringIO()
    monkeypatch.setattr("viz.cli.progress.errors", Console(file=heard, width=200))
    monkeypatch.setattr("viz.cli.progress._PLAIN_EVERY", 0.0)
    with RunProgress("pictures") as progress:
        progress.started(3)
        progress.image({}, True)
        progress.steps(500, "objective")
        progress.step(120, 500, "objective", 12.3456)
    assert heard.getvalue().startswith("1/3 pictures, step 120 of 500, ")
    assert heard.getvalue().rstrip().endswith("steps/s, objective 12.35")


def test_on_a_terminal_an_optimization_has_a_bar_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    shown = io.StringIO()
    console = Console(file=shown, width=200, force_terminal=True, color_system=None)
    monkeypatch.setattr("viz.cli.progress.errors", console)
    with RunProgress("pictures") as progress:
        progress.started(3)
        progress.steps(500, "objective")
        progress.step(120, 500, "objective", 12.3456)
        progress._bar.refresh()
    lines = shown.getvalue()
    assert "0/3" in lines
    assert "120/500" in lines
    assert "objective 12.35" in lines
    assert "steps/s" in lines


def test_a_flat_image_is_the_gray_that_it_began_with(maker: Any, here: Path) -> None:
    command("painter", "-m", "zoo:shapes", "--classes", "0", "--strength", "0", "--out", "out")
    np.testing.assert_array_equal(np.asarray(Image.open(here / "out" / "class 0.png")), 128)
