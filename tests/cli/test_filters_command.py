"""`viz filters` as a user types it: no photos, no options that do nothing, and nobody classifies its sheets."""

import json
from pathlib import Path

from tests.cli.shell import viz
from tests.onnx_models import conv_net


def test_a_sheet_is_left_that_nobody_classified(tmp_path: Path) -> None:
    conv_net(tmp_path / "net.onnx")
    done = viz("filters", "--model", str(tmp_path / "net.onnx"), "--preprocess", "unit", "--out", str(tmp_path / "out"))
    assert done.code == 0, done.err
    (record,) = [json.loads(line) for line in (tmp_path / "out/results.jsonl").read_text().splitlines()]
    assert record["predictions"] == [] and record["target"]["label"] == ""
    assert "predicted" not in done.out and "filters" in done.out
    assert (tmp_path / "out" / record["files"]["picture"]).stat().st_size > 0


def test_photos_and_options_of_photos_are_refused(tmp_path: Path) -> None:
    conv_net(tmp_path / "net.onnx")
    model = ("filters", "--model", str(tmp_path / "net.onnx"))
    assert viz(*model, str(tmp_path)).code == 2
    assert viz(*model, "--limit", "3").code == 2
