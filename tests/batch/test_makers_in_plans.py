"""Plans with techniques that make images: their own options and folders, and sources only where they need some."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import viz
from tests.fakes import painter
from viz.batch import InvalidFile, Plan, plan_template, read_plan, run_plan, template
from viz.batch.document import Document
from viz.batch.on_disk import check_plan
from viz.core.run_options import MakeOptions, RunOptions
from viz.core.technique import techniques
from viz.report import CombinedColumn, write_combined

HEAD = """
    out = "out"
    [[models]]
    model = "a.onnx"
    preprocess = "unit"
"""
PAINTER = """
    [[techniques]]
    technique = "painter"
    steps = 2
    frames = 3
    animate = "way.gif"
    classes = [1]
"""
SOURCES = """
    [[sources]]
    images = "photos"
"""


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets plans name the fake maker."""
    return registered(monkeypatch, painter())


def registered(monkeypatch: pytest.MonkeyPatch, found: Any) -> Any:
    every = {**techniques(), "painter": found}
    monkeypatch.setattr("viz.core.technique.techniques", lambda: every)
    monkeypatch.setattr(template, "techniques", lambda: every)
    return found


def plan(text: str) -> Plan:
    Path("plan.toml").write_text(text, encoding="utf-8")
    return read_plan(Path("plan.toml"))


def test_a_maker_takes_its_own_options_and_those_of_makers(here: Path, maker: Any) -> None:
    (one,) = plan(HEAD + PAINTER + SOURCES).techniques
    assert (one.technique.steps, one.technique.classes) == (2, (1,))
    assert one.options == MakeOptions(frames=3, animate="way.gif")


def test_what_a_maker_does_not_know_of_run_is_left_out_for_it(here: Path, maker: Any) -> None:
    run = '[run]\ntarget = "1"\nscore = "logit"\nlimit = 4\n'
    explainer = '[[techniques]]\ntechnique = "occlusion"\n'
    first, second = plan(HEAD + run + PAINTER + explainer + SOURCES).techniques
    assert first.options == MakeOptions(frames=3, animate="way.gif", limit=4)
    assert second.options == RunOptions(target="1", score="logit", limit=4)


def test_every_maker_of_a_plan_runs_into_its_folder_with_its_animation(here: Path, maker: Any) -> None:
    explainer = '[[techniques]]\ntechnique = "occlusion"\npatch = 8\n'
    found = plan(HEAD + PAINTER + explainer + SOURCES)
    outcomes = list(run_plan(found))
    assert [outcome.status for outcome in outcomes] == ["done", "done"]
    folder = here / "out" / "a" / "painter"
    assert json.loads((folder / "run.json").read_text())["images"] == {"found": 6, "done": 6, "failed": 0}
    assert sorted(path.name for path in folder.glob("way-*.gif")) == [f"way-{n}.png 1.gif" for n in range(6)]
    columns = [CombinedColumn(o.cell.model.name, o.cell.technique.name, o.cell.folder) for o in outcomes]
    assert write_combined(found.out, columns, found.title).exists()


def test_a_plan_of_makers_that_need_no_photos_needs_no_sources(here: Path, maker: Any) -> None:
    found = plan(HEAD + PAINTER)
    (outcome,) = run_plan(found)
    assert outcome.cell.name == "a/painter"
    assert outcome.summary is not None
    assert [record["name"] for record in outcome.summary.records] == ["class 1"]
    assert check_plan(Document(Path("plan.toml")))[1] == 0
    assert viz("batch", "plan.toml", "--dry-run").code == 0


def test_a_maker_that_needs_photos_needs_sources(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registered(monkeypatch, painter("required"))
    with pytest.raises(InvalidFile, match="no sources"):
        plan(HEAD + PAINTER)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('score = "logit"', "'score'"),
        ('out = "x"', "'out'"),
        ('animate = "way.avi"', "way.avi ends in none of"),
        ("frames = -1", "at least 0"),
        ('shard = "3"', "--shard 3"),
    ],
)
def test_what_a_maker_cannot_use_is_told_with_its_line(here: Path, maker: Any, line: str, said: str) -> None:
    table = f'    [[techniques]]\n    technique = "painter"\n    {line}\n'
    with pytest.raises(InvalidFile) as invalid:
        plan(HEAD + table + SOURCES)
    (problem,) = invalid.value.problems
    assert said in problem.text
    assert problem.line is not None and problem.line >= 6


def test_the_template_has_a_makers_options_and_reads_them(here: Path, maker: Any) -> None:
    text = plan_template("plan.toml")
    part = text.partition('# technique = "painter"\n')[2].partition("[[")[0]
    for name in ("classes", "steps", "strength", "frames", "animate"):
        assert f"\n# {name} = " in part
    assert "limit" not in part, "what all share stands in [run]"
    bare = text.replace('# [[techniques]]\n# technique = "painter"', '[[techniques]]\ntechnique = "painter"')
    assert [type(one.options) for one in plan(bare).techniques] == [RunOptions, MakeOptions]
