"""Numbers on disk: whole lines only, for the image that they were written for."""

import json

import pytest

from viz.core.errors import UsageError
from viz.evaluation.baselines import Centre, Noise
from viz.evaluation.ledger import Ledger, key_of, line

ABOUT = {"identity": "abc", "command": "viz evaluate"}


def test_a_number_is_found_again_by_another_try(tmp_path):
    Ledger(tmp_path, ABOUT).add([line("a.png", "1", "saliency", "road", 0.5, {"more": float("nan")})])
    found = Ledger(tmp_path, ABOUT).find("a.png", "1", "saliency", "road")
    assert found["value"] == 0.5
    assert found["details"] == {"more": None}


def test_a_number_counts_for_the_same_file_only(tmp_path):
    Ledger(tmp_path, ABOUT).add([line("a.png", "1", "saliency", "road", 0.5, {})])
    assert Ledger(tmp_path, ABOUT).find("a.png", "2", "saliency", "road") is None


def test_a_line_cut_off_by_a_kill_is_dropped_and_the_next_starts_afresh(tmp_path):
    ledger = Ledger(tmp_path, ABOUT)
    ledger.add([line("a.png", "1", "saliency", "road", 0.5, {})])
    with ledger.path.open("a") as stream:
        stream.write('{"image": "b.png", "sha')
    again = Ledger(tmp_path, ABOUT)
    again.add([line("c.png", "1", "saliency", "road", 0.7, {})])
    assert [json.loads(text)["image"] for text in ledger.path.read_text().splitlines()] == ["a.png", "c.png"]


def test_a_folder_with_other_results_is_refused(tmp_path):
    Ledger(tmp_path, ABOUT)
    with pytest.raises(UsageError, match="other results"):
        Ledger(tmp_path, {**ABOUT, "identity": "other"})
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    with pytest.raises(UsageError, match="other results"):
        Ledger(tmp_path / "run", ABOUT)


def test_settings_are_part_of_the_key():
    assert key_of(Noise(0)) != key_of(Noise(1))
    assert key_of(Centre()).startswith("centre-")
