"""Shards joined: the same bytes as one run, and nothing joined that does not belong together."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.fakes import LinearModel
from tests.surveys import brightness_survey
from viz.core.adapter import Adapter
from viz.core.errors import ExitCode, UsageError
from viz.core.result import HeatMap
from viz.core.run_options import RunOptions, SurveyOptions
from viz.core.technique import TechniqueInfo, declared
from viz.merging import merge
from viz.runs import run
from viz.techniques.attribution.occlusion import Occlusion

WEIGHTS = np.random.default_rng(0).normal(size=(3, 3, 12, 16)).astype(np.float32)
TECHNIQUE = Occlusion(patch=4, stride=4)


@declared
class Doubtful:
    """Nothing, with a warning."""

    def __call__(self, model: Adapter, images: Any, targets: Sequence[Any]) -> list[HeatMap]:
        """As every technique."""
        return [HeatMap({"heat": image[0]}, warnings=("do not believe this",)) for image in images]


Doubtful.info = TechniqueInfo("doubtful", "yours", "Nothing.", "none", False, 8, {})


def photos(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for number in range(count):
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(folder / f"{number}.png")
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Every file's hash, but for run.json, which holds timings."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.name != "run.json"]
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def explained(source: Path, out: Path, technique: Any = TECHNIQUE, seed: int = 0, **options: Any) -> Path:
    model = LinearModel(np.roll(WEIGHTS, seed), names="abc")
    run(technique, model, [source], RunOptions(out=str(out), **options))
    return out


def surveyed(source: Path, out: Path, technique: Any, **options: Any) -> Path:
    run(technique(), LinearModel(WEIGHTS, names="abc"), [source], SurveyOptions(out=str(out), **options))
    return out


def shards(source: Path, folder: Path, count: int, **options: Any) -> list[Path]:
    return [explained(source, folder / f"{k}", shard=f"{k}/{count}", **options) for k in range(1, count + 1)]


def recorded(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(("images", "count"), [(27, 3), (8, 2), (19, 2), (3, 4)])
def test_merged_shards_are_the_single_run_byte_for_byte(tmp_path, images, count):
    source = photos(tmp_path / "in", images)  # eight share a call: the last chunk, and shards, may be empty
    (source / "1.png").write_bytes(b"no picture")
    whole = explained(source, tmp_path / "whole")
    parts = shards(source, tmp_path / "parts", count)
    summary = merge(parts[::-1], tmp_path / "merged")
    assert contents(tmp_path / "merged") == contents(whole)
    assert summary.exit_code == ExitCode.SOME_IMAGES_FAILED
    one, joined = recorded(whole), recorded(tmp_path / "merged")
    for name in set(one) - {"timings", "command", "options", "versions"}:
        assert joined[name] == one[name], name
    assert joined["options"] == {**one["options"], "out": None}
    assert joined["shards"]["missing"] == joined["shards"]["unfinished"] == []


def test_warnings_that_count_images_are_counted_over_all_of_them(tmp_path):
    source = photos(tmp_path / "in", 20)
    whole = explained(source, tmp_path / "whole", Doubtful())
    merge(shards(source, tmp_path / "parts", 2, technique=Doubtful()), tmp_path / "merged")
    assert recorded(whole)["warnings"] == ["20 image(s): do not believe this"]
    assert recorded(tmp_path / "merged")["warnings"] == recorded(whole)["warnings"]


def test_the_command_without_shards_takes_the_merged_folder_for_its_own(tmp_path):
    source = photos(tmp_path / "in", 20)
    merge(shards(source, tmp_path / "parts", 2), tmp_path / "merged")
    before = contents(tmp_path / "merged")
    summary = run(TECHNIQUE, LinearModel(WEIGHTS, names="abc"), [source], RunOptions(out=str(tmp_path / "merged")))
    assert (summary.reused, summary.forwards) == (20, 0)
    assert contents(tmp_path / "merged") == before


def test_missing_shards_are_named_and_merged_without_only_on_demand(tmp_path):
    source = photos(tmp_path / "in", 27)
    parts = shards(source, tmp_path / "parts", 3)
    with pytest.raises(UsageError, match=r"shard\(s\) 2/3 are missing") as raised:
        merge([parts[0], parts[2]], tmp_path / "merged")
    assert "--partial" in raised.value.next_step
    assert not (tmp_path / "merged").exists()
    summary = merge([parts[0], parts[2]], tmp_path / "merged", partial=True)
    assert summary.missing == (2,)
    found = recorded(tmp_path / "merged")
    assert not found["complete"]
    assert found["images"] == {"found": 27, "done": 19, "failed": 0}
    explained(source, tmp_path / "merged")  # the whole command goes on from there
    assert contents(tmp_path / "merged") == contents(explained(source, tmp_path / "whole"))


def test_a_shard_that_was_stopped_is_named(tmp_path):
    source = photos(tmp_path / "in", 32)
    parts = shards(source, tmp_path / "parts", 2)
    lines = (parts[1] / "results.jsonl").read_bytes().splitlines(keepends=True)
    (parts[1] / "results.jsonl").write_bytes(b"".join(lines[:8]) + b'{"name": "cut o')
    (parts[1] / "run.json").write_text(json.dumps({**recorded(parts[1]), "complete": False}))
    with pytest.raises(UsageError, match=r"shard\(s\) 2/2 have not come to their end"):
        merge(parts, tmp_path / "merged")
    summary = merge(parts, tmp_path / "merged", partial=True)
    assert summary.unfinished == (2,)
    names = [json.loads(line)["name"] for line in (tmp_path / "merged/results.jsonl").read_text().splitlines()]
    assert names == [f"{n}.png" for n in range(24)]
    explained(source, tmp_path / "merged")
    assert contents(tmp_path / "merged") == contents(explained(source, tmp_path / "whole"))


def test_folders_of_other_runs_are_refused_saying_what_differs(tmp_path):
    source = photos(tmp_path / "in", 9)
    one = explained(source, tmp_path / "one", shard="1/2")
    others = {
        "number of shards": explained(source, tmp_path / "a", shard="2/3"),
        "settings": explained(source, tmp_path / "b", Occlusion(patch=4, stride=2), shard="2/2"),
        "target": explained(source, tmp_path / "c", shard="2/2", target="1"),
        "options": explained(source, tmp_path / "d", shard="2/2", background="0,0,0"),
        "sources": explained(photos(tmp_path / "in2", 9), tmp_path / "e", shard="2/2"),
    }
    for what, other in others.items():
        with pytest.raises(UsageError, match=f"no shards of one run: their {what} differ"):
            merge([one, other], tmp_path / "merged")


def test_images_that_were_added_between_two_shards_are_noticed(tmp_path):
    source = photos(tmp_path / "in", 9)
    one = explained(source, tmp_path / "one", shard="1/2")
    other = explained(photos(source, 10), tmp_path / "other", shard="2/2")
    with pytest.raises(UsageError, match="their images differ"):
        merge([one, other], tmp_path / "merged")


def test_what_is_no_shard_is_refused(tmp_path):
    source = photos(tmp_path / "in", 9)
    one = explained(source, tmp_path / "one", shard="1/2")
    again = explained(source, tmp_path / "again", shard="1/2")
    with pytest.raises(UsageError, match="are both shard 1/2"):
        merge([one, again], tmp_path / "merged")
    with pytest.raises(UsageError, match="holds a whole run"):
        merge([one, explained(source, tmp_path / "whole")], tmp_path / "merged")
    with pytest.raises(UsageError, match="is no run folder"):
        merge([one, source], tmp_path / "merged")
    with pytest.raises(UsageError, match="is one of the shards"):
        merge([one], one, partial=True)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_merged_surveys_are_the_single_one_byte_for_byte(tmp_path, count):
    source, technique = photos(tmp_path / "in", 7), brightness_survey()
    (source / "2.png").write_bytes(b"no picture")
    (source / "labels.json").write_text(json.dumps({f"{n}.png": "abc"[n % 3] for n in range(7)}))
    whole = surveyed(source, tmp_path / "whole", technique)
    parts = [surveyed(source, tmp_path / f"{k}", technique, shard=f"{k}/{count}") for k in range(1, count + 1)]
    summary = merge(parts[::-1], tmp_path / "merged", technique=technique)
    assert contents(tmp_path / "merged") == contents(whole)
    assert summary.exit_code == ExitCode.SOME_IMAGES_FAILED
    one, joined = recorded(whole), recorded(tmp_path / "merged")
    for name in set(one) - {"timings", "command", "options", "versions"}:
        assert joined[name] == one[name], name


def test_a_part_of_a_survey_is_merged_on_demand_and_the_whole_command_goes_on_from_there(tmp_path):
    source, technique = photos(tmp_path / "in", 7), brightness_survey()
    whole = surveyed(source, tmp_path / "whole", technique)
    parts = [surveyed(source, tmp_path / f"{k}", technique, shard=f"{k}/3") for k in (1, 3)]
    with pytest.raises(UsageError, match=r"shard\(s\) 2/3 are missing"):
        merge(parts, tmp_path / "merged", technique=technique)
    summary = merge(parts, tmp_path / "merged", partial=True, technique=technique)
    assert summary.run["images"] == {"found": 7, "done": 5, "failed": 0}
    assert not recorded(tmp_path / "merged")["complete"]
    technique.calls.clear()
    surveyed(source, tmp_path / "merged", technique)
    assert [name for call in technique.calls for name in call] == ["2.png", "3.png"]
    assert contents(tmp_path / "merged") == contents(whole)


def test_a_survey_is_merged_where_its_images_are(tmp_path):
    source, technique = photos(tmp_path / "in", 4), brightness_survey()
    parts = [surveyed(source, tmp_path / f"{k}", technique, shard=f"{k}/2") for k in (1, 2)]
    photos(source, 5)
    with pytest.raises(UsageError, match=r"hold other images than when the shards were made \(5, then 4\)"):
        merge(parts, tmp_path / "merged", technique=technique)
    source.rename(tmp_path / "gone")
    with pytest.raises(UsageError, match="cannot be listed"):
        merge(parts, tmp_path / "merged", technique=technique)
