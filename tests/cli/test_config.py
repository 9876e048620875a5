"""`viz config` and `viz --config`: plans and defaults, written and checked."""

import json
from pathlib import Path

import pytest

from tests.cli.shell import viz
from viz.cli.config import defaults
from viz.model_zoo.shape_pictures import write_samples


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with pictures for the built-in model where the plan of `viz config init` looks."""
    monkeypatch.chdir(tmp_path)
    write_samples("samples", 3)
    return tmp_path


def test_init_then_check_then_nothing_is_wrong(here: Path) -> None:
    written = viz("config", "init")
    assert (written.code, written.out) == (0, "viz-plan.toml\n")
    checked = viz("config", "check", "viz-plan.toml")
    assert checked.code == 0
    assert checked.out == (
        "viz-plan.toml is right: 1 model(s) x 1 technique(s) over 3 image(s), 1 run(s) into runs/viz-plan\n"
    )


def test_init_keeps_a_file_that_is_there_unless_forced(here: Path) -> None:
    (here / "mine.toml").write_text("precious")
    refused = viz("config", "init", "mine.toml")
    assert refused.code == 2
    assert "'mine.toml' is there already" in refused.said
    assert (here / "mine.toml").read_text() == "precious"
    assert viz("config", "init", "mine.toml", "--force").code == 0
    assert "[[models]]" in (here / "mine.toml").read_text()


def test_init_writes_to_stdout_for_a_dash(here: Path) -> None:
    assert viz("config", "init", "-").out.startswith("# A plan for `viz batch`")
    assert not (here / "-").exists()


def test_check_prints_every_problem_with_file_and_line_and_ends_in_2(here: Path) -> None:
    plan = viz("config", "init", "-").out
    plan = plan.replace('"zoo:shapes"  #', '"gone.onnx"  #').replace("# stride =", "strid = 8  #")
    (here / "p.toml").write_text(plan.replace("samples/images", "sample/images"))
    lines = plan.splitlines()
    model, images = (
        next(n for n, line in enumerate(lines, 1) if line.startswith(t)) for t in ("[[models", "[[sources")
    )
    option = next(n for n, line in enumerate(lines, 1) if line.startswith("strid ="))
    checked = viz("config", "check", "p.toml")
    assert checked.code == 2
    assert [line for line in checked.out.splitlines() if line.startswith("p.toml")] == [
        f"p.toml:{model}: the model 'gone.onnx' is not there",
        f"p.toml:{option}: no option of occlusion is called 'strid'; did you mean 'stride' or 'shard'?",
        f"p.toml:{images}: 'sample/images' does not exist",
    ]
    assert "3 problems in p.toml" in checked.said


def test_check_says_where_a_file_stops_being_toml(here: Path) -> None:
    (here / "p.toml").write_text("[run]\nlimit 5\n")
    checked = viz("config", "check", "p.toml")
    assert checked.code == 2
    assert checked.out.startswith("p.toml:2: this is not TOML: Expected '=' after a key")
    assert "column 7" in checked.out


def test_check_of_an_empty_file_says_what_a_plan_needs(here: Path) -> None:
    (here / "p.toml").write_text("")
    assert "p.toml: the plan has no models" in viz("config", "check", "p.toml").out


DEFAULTS = """\
[occlusion]
model = "zoo:shapes"
patch = 24
stride = 24
fill = [0, 0, 0]
show-class = true
format = "jsonl"
input = "t=1"

[zoo.list]
left_out = true

[predict]
top = 2
crop = 0.875
"""


def test_defaults_have_the_parameters_own_names_and_types(here: Path) -> None:
    (here / "d.toml").write_text(DEFAULTS)
    found = defaults(here / "d.toml")
    assert found["occlusion"] == {
        "model": "zoo:shapes",
        "patch": 24,
        "stride": 24,
        "fill": "0,0,0",
        "show_class": True,
        "output_format": "jsonl",
        "input": ["t=1"],
    }
    assert found["zoo"] == {"list": {"left_out": True}}
    assert found["predict"] == {"top": 2, "crop": "0.875"}


def test_defaults_reach_the_command_and_flags_go_before_them(here: Path) -> None:
    (here / "d.toml").write_text(DEFAULTS.replace('input = "t=1"\n', ""))
    done = viz("--config", "d.toml", "occlusion", "samples/images/0001_square.png", "--fill", "mean")
    assert done.code == 0
    assert json.loads(done.out)["name"] == "0001_square.png"
    (run,) = Path("runs/shapes").glob("*/run.json")
    settings = json.loads(run.read_text())["settings"]
    assert (settings["patch"], settings["fill"], settings["show_class"]) == (24, "mean", True)


def test_a_file_of_defaults_is_known_as_one_and_checked(here: Path) -> None:
    (here / "d.toml").write_text(DEFAULTS)
    assert viz("config", "check", "d.toml").out == "d.toml is right: defaults for occlusion, zoo, predict\n"


def test_wrong_defaults_are_said_with_lines_by_check_and_by_every_command(here: Path) -> None:
    (here / "d.toml").write_text(
        """\
stride = 3
[oclusion]
[occlusion]
strid = 24
patch = 24.5
stride = 0
score = "logits"
limit = true
show_class = "yes"
input = [1]
batch-size = 1
batch_size = 2
[zoo.lst]
[predict]
top = "two"
format = "tabel"
"""
    )
    checked = viz("config", "check", "d.toml")
    assert checked.code == 2
    said = [line for line in checked.out.splitlines() if line.startswith("d.toml")]
    expected = [
        (1, "no command is called 'stride'"),
        (2, "no command is called 'oclusion'; did you mean 'occlusion'?"),
        (4, "no option of occlusion is called 'strid'; did you mean 'stride'"),
        (5, "--patch is 24.5, which is not a whole number"),
        (6, "--stride is 0, but must be at least 1"),
        (7, "no choice of --score is called 'logits'; did you mean 'logit'?"),
        (8, "--limit is True, which is not a whole number"),
        (9, "--show-class is 'yes', which is not true or false"),
        (10, "--input is (1,), which is not a list of texts"),
        (12, "batch_size is given twice"),
        (13, "no command is called 'zoo lst'; did you mean 'list'?"),
        (15, "--top is 'two', which is not a whole number"),
        (16, "no choice of --format is called 'tabel'; did you mean 'table'?"),
    ]
    assert len(said) == len(expected)
    for line, (number, part) in zip(said, expected, strict=True):
        assert line.startswith(f"d.toml:{number}: {part}")
    refused = viz("--config", "d.toml", "zoo", "list")
    assert refused.code == 2
    assert "d.toml:16: no choice of --format is called 'tabel'" in refused.said
