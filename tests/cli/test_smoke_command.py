"""`viz smoke` as CI runs it, on the built-in model."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np
import pytest

from tests.cli.shell import viz
from viz.core.technique import techniques
from viz.techniques.attribution.occlusion import Occlusion


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Occlusion gives maps without a number in them."""
    works = Occlusion.__call__

    def fails(*values: Any) -> Any:
        found = works(*values)
        for one in found:
            one.heat[:] = np.nan
        return found

    monkeypatch.setattr(Occlusion, "__call__", fails)


def test_the_built_in_model_passes_with_every_technique_in_a_table() -> None:
    done = viz("smoke")
    assert done.code == 0
    # A long reason goes on in the next line, under its own column.
    words = [line.split() for line in done.out.splitlines()[1:] if not line.startswith(" ")]
    assert {row[0] for row in words} == {"model", *techniques()}
    assert "failed" not in done.out
    passed = [row for row in words if "passed" in row]
    assert f"{len(passed)} checks passed, 1 skipped" in done.said  # deconvnet, without max pooling


def test_a_broken_technique_ends_in_1_and_the_table_says_why(broken: None) -> None:
    done = viz("smoke")
    assert done.code == 1
    assert "9216 of 9216 values of heat are not finite" in " ".join(done.out.split())
    assert "checks failed: occlusion" in done.said


def test_junit_goes_into_a_file_and_the_table_to_stdout(broken: None, tmp_path: Path) -> None:
    done = viz("smoke", "--format", "junit", "--out", str(tmp_path / "new" / "smoke.xml"))
    assert done.code == 1
    assert done.out.startswith("technique")
    root = Xml.parse(tmp_path / "new" / "smoke.xml").getroot()
    failed = [case.get("classname") for case in root.iter("testcase") if case.find("failure") is not None]
    assert set(failed) == {"viz.smoke.occlusion"}
    assert root.get("failures") == str(len(failed))


def test_json_goes_to_stdout_alone() -> None:
    done = viz("smoke", "--format", "json", "--only", "occlusion")
    checks = json.loads(done.out)
    assert {one["outcome"] for one in checks} == {"passed"}
    assert {one["subject"] for one in checks} == {"model", "occlusion"}


def test_a_model_that_cannot_be_loaded_ends_in_3() -> None:
    done = viz("smoke", "--model", "gone.onnx")
    assert done.code == 3
    assert "gone.onnx" in done.said
