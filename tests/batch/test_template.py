"""The plan that `viz config init` writes: it runs as it is, and holds every option."""

import re
from pathlib import Path
from typing import Any

import pytest

from viz.batch import Plan, plan_template, read_plan, template
from viz.batch.reading import RUN_OPTIONS
from viz.core.model_options import ModelOptions
from viz.core.options import Opt, Option, options_of
from viz.core.run_options import MakeOptions, RunOptions
from viz.core.technique import options_type, techniques


def read(folder: Path, text: str) -> Plan:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return read_plan(path)


def sections(text: str) -> dict[str, list[str]]:
    """The template's parts by the table that begins them; there may be several of a kind."""
    parts = re.split(r"^(?:# )?\[+(\w+)\]+$", text, flags=re.MULTILINE)
    found: dict[str, list[str]] = {}
    for name, part in zip(parts[1::2], parts[2::2], strict=True):
        found.setdefault(name, []).append(part)
    return found


def starting_with_occlusion() -> list[type[Any]]:
    """All techniques in the order of the template."""
    return sorted(techniques().values(), key=lambda technique: technique.info.name != "occlusion")


def test_the_template_is_a_right_plan_for_the_built_in_model(tmp_path: Path) -> None:
    plan = read(tmp_path, plan_template("plan.toml"))
    (cell,) = plan.cells()
    assert (cell.name, cell.model.spec, cell.source.images) == ("shapes/occlusion", "zoo:shapes", ("samples/images",))
    assert (cell.model.options, cell.technique.options) == (ModelOptions(), RunOptions())
    assert cell.technique.technique == techniques()["occlusion"]()
    assert plan.out == Path("runs/plan")


def test_every_option_there_is_stands_in_the_template_with_its_help() -> None:
    parts = sections(plan_template("plan.toml"))
    asked = [("run", parts["run"][0], RUN_OPTIONS), ("models", parts["models"][0], options_of(ModelOptions))]
    for part, technique in zip(parts["techniques"], starting_with_occlusion(), strict=True):
        asked.append((technique.info.name, part, options_of(technique)))
        if technique.info.makes in ("required", "optional"):
            further = [option for option in options_of(MakeOptions) if option.name in ("frames", "animate")]
            asked.append((technique.info.name, part, further))
    for table, part, options in asked:
        for option in options:
            line = rf"^# {option.name} =.*{re.escape(option.opt.help)}$"
            assert re.search(line, part, re.MULTILINE), f"{option.name} of [{table}]"


def test_every_default_can_be_uncommented_and_changes_nothing(tmp_path: Path) -> None:
    text = plan_template("plan.toml")
    bare, count = re.subn(r"^# (\w+ = [^ ].*|\[\[techniques\]\])$", r"\1", text, flags=re.MULTILINE)
    assert count >= 14 + len(techniques())
    before, after = read(tmp_path, text), read(tmp_path, bare)
    assert [m.options for m in after.models] == [m.options for m in before.models]
    assert [t.technique for t in after.techniques] == [technique() for technique in starting_with_occlusion()]
    assert before.techniques[0].options == RunOptions()
    for one in after.techniques:
        assert one.options == options_type(one.technique.info.makes, one.technique.info.surveys)()


def test_an_option_without_a_default_shows_its_kind_of_value() -> None:
    text = plan_template("plan.toml")
    assert re.search(r"^# limit = +# \(N\) Only the first N images\.$", text, re.MULTILINE)
    assert re.search(r"^# layout = +# \(nchw\|nhwc\)", text, re.MULTILINE)


def test_a_further_technique_joins_as_a_comment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Sparkle:
        info = techniques()["occlusion"].info.__class__(
            "sparkle", "attribution", "Sprinkle stars.", "none", False, 8, {}
        )

    def options(owner: Any) -> tuple[Option, ...]:
        return (Option("stars", int, 5, Opt("How many.")),) if owner is Sparkle else options_of(owner)

    monkeypatch.setattr(template, "techniques", lambda: {"a": Sparkle, **techniques()})
    monkeypatch.setattr(template, "options_of", options)
    text = plan_template("plan.toml")
    assert '# [[techniques]]\n# technique = "sparkle"\n' in text
    assert re.search(r"^# stars = 5 +# How many\.$", text, re.MULTILINE)
    assert len(read(tmp_path, text).techniques) == 1


def test_a_name_with_a_quote_in_it_still_gives_toml(tmp_path: Path) -> None:
    assert read(tmp_path, plan_template('my "first" plan.toml')).out == Path('runs/my "first" plan')
