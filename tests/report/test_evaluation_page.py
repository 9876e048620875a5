"""The page of an evaluation: figures, doubts, nothing that a name could break."""

import json
from pathlib import Path

import pytest

from viz.core.errors import UsageError
from viz.report import write_evaluation

PREPROCESS = {"size": [8, 8], "crop": "none", "origin": {"size": "model"}, "text": "8x8"}


def record(**changes: object) -> dict[str, object]:
    found: dict[str, object] = {
        "complete": True,
        "command": "viz evaluate --model <m>",
        "model": {"name": "net", "runtime": "onnxruntime", "device": "cpu"},
        "preprocess": PREPROCESS,
        "options": {"seed": 0},
        "images": {"used": 3, "with_region": 2, "wrong": 1, "failed": 1},
        "left_out": [{"name": "<b>.png", "status": "failed", "reason": "empty"}],
        "techniques": [
            {"name": "saliency", "family": "attribution", "source": "S", "settings": {"signed": False}},
            {"name": "edges", "family": "baseline", "source": "E", "settings": {}},
        ],
        "metrics": [
            {"name": "road", "summary": "R", "source": "P", "higher_is_better": True, "settings": {"seed": 0}},
            {"name": "deletion", "summary": "D", "source": "Q", "higher_is_better": False, "settings": {}},
        ],
        "table": [
            {"technique": "saliency", "metric": "road", "mean": 0.25, "low": 0.125, "high": 0.5, "images": 3},
            {"technique": "saliency", "metric": "deletion", "mean": None, "low": None, "high": None, "images": 0},
            {"technique": "edges", "metric": "road", "mean": 0.75, "low": 0.5, "high": 1.0, "images": 3},
            {"technique": "edges", "metric": "deletion", "mean": 0.5, "low": 0.25, "high": 1.0, "images": 3},
        ],
        "doubts": [{"technique": "saliency", "metric": "road", "text": "saliency is worse than <edges>"}],
        "problems": [],
        "warnings": [],
        "notes": [],
    }
    return found | changes


def page_of(folder: Path, **changes: object) -> str:
    (folder / "evaluation.json").write_text(json.dumps(record(**changes)))
    return write_evaluation(folder).read_text(encoding="utf-8")


def test_every_figure_stands_with_its_interval_and_a_missing_one_as_a_dash(tmp_path: Path) -> None:
    html = page_of(tmp_path)
    assert ">0.250<" in html and "0.125 to 0.500" in html
    assert "<td>&#8211;</td>" in html
    assert "road &#8593;" in html and "deletion &#8595;" in html


def test_a_doubted_figure_is_marked_and_no_other(tmp_path: Path) -> None:
    html = page_of(tmp_path)
    assert '<span class="bad">0.250</span>' in html
    assert html.count('class="bad"') == 1
    assert "saliency is worse than &lt;edges&gt;" in html


def test_names_and_commands_are_escaped(tmp_path: Path) -> None:
    html = page_of(tmp_path)
    assert "&lt;b&gt;.png" in html
    assert "viz evaluate --model &lt;m&gt;" in html


def test_images_are_counted(tmp_path: Path) -> None:
    html = page_of(tmp_path)
    assert "3 explained, 2 of them with a known region; 1 left out that the model is wrong about" in html


def test_an_unfinished_evaluation_and_a_missing_one_are_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        write_evaluation(tmp_path)
    with pytest.raises(UsageError, match="not finished"):
        page_of(tmp_path, complete=False)
