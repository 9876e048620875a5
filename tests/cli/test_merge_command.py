"""`viz merge` from the shell: shards of one command joined, and what does not fit explained."""

import json

import pytest

from tests.cli.shell import viz
from viz.model_zoo.shape_pictures import write_samples


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """A folder with a run in two shards, `1` and `2`, and as a whole."""
    folder = tmp_path_factory.mktemp("shards")
    write_samples(folder / "samples", 10)
    command = ["occlusion", "-m", "zoo:shapes", str(folder / "samples" / "images"), "--patch", "32", "--stride", "32"]
    for name, share in (("1", ["--shard", "1/2"]), ("2", ["--shard", "2/2"]), ("whole", [])):
        assert viz(*command, "--out", str(folder / name), *share).code == 0
    return folder


def test_shards_become_the_whole_with_a_page(shards, tmp_path):
    done = viz("merge", str(shards / "1"), str(shards / "2"), "--out", str(tmp_path / "out"))
    assert (done.code, done.out) == (0, "")
    assert "10 of 10 image(s) of 2 shard(s), 0 failed" in done.said
    assert (tmp_path / "out" / "index.html").exists()
    assert (tmp_path / "out" / "results.jsonl").read_bytes() == (shards / "whole" / "results.jsonl").read_bytes()
    assert json.loads((tmp_path / "out" / "run.json").read_text())["command"].startswith("viz merge ")


def test_a_missing_shard_is_a_usage_error_and_partial_says_so(shards, tmp_path):
    words = ["merge", str(shards / "1"), "--out", str(tmp_path / "out")]
    done = viz(*words)
    assert done.code == 2
    assert "shard(s) 2/2 are missing" in done.said
    assert not (tmp_path / "out").exists()
    done = viz(*words, "--partial")
    assert done.code == 0
    assert "8 of 10 image(s) of 1 shard(s)" in done.said
    assert "missing shard 2/2" in done.said


def test_a_whole_run_is_no_shard(shards, tmp_path):
    done = viz("merge", str(shards / "1"), str(shards / "whole"), "--out", str(tmp_path / "out"))
    assert done.code == 2
    assert "holds a whole run" in done.said
