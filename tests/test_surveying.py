"""Surveys over folders: the same bytes however the images are split, stopped and continued; nothing counted twice."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.fakes import LinearModel
from tests.surveys import brightness_survey
from viz.core.errors import ExitCode, ImageError, ModelError, NoImages, UsageError
from viz.core.run_options import RunOptions, SurveyOptions
from viz.engine.listener import Listener
from viz.engine.surveys import chunks_of
from viz.runs import run

SIZE = (12, 16)
WEIGHTS = np.random.default_rng(0).normal(size=(3, 3, *SIZE)).astype(np.float32)
KEPT = ("state.npz", "results.jsonl", "images.jsonl", "layers.json")


def model() -> LinearModel:
    return LinearModel(WEIGHTS, names=("ant", "bee", "cat"))


def photos(folder: Path, count: int = 7) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.full((24, 32, 3), [10 * number, 200 - 10 * number, 50], np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def surveyed(technique: Any, source: Path, out: Path, listener: Listener | None = None, **options: Any) -> Any:
    return run(technique, model(), [source], SurveyOptions(out=str(out), **options), listener)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but run.json, which holds timings."""
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "run.json"
    }


def recorded(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return found


def test_every_image_is_looked_at_once_and_the_units_are_recorded(tmp_path: Path) -> None:
    technique = brightness_survey()
    summary = surveyed(technique(), photos(tmp_path / "photos"), tmp_path / "out")
    assert sorted(name for call in technique.calls for name in call) == [f"{n}.png" for n in range(7)]
    assert max(len(call) for call in technique.calls) == 2
    red, green, blue = summary.records
    assert (red["name"], red["numbers"]["sum"]) == ("colours:0", sum(10 * n for n in range(7)))
    assert (red["patches"][0]["image"], red["patches"][0]["value"]) == ("6.png", 60)
    assert (green["patches"][0]["image"], green["patches"][0]["value"]) == ("0.png", 200)
    assert blue["patches"][0]["image"] == "0.png"  # all are alike: the first
    assert (summary.done, summary.exit_code, summary.forwards) == (7, ExitCode.DONE, 7)
    found = recorded(tmp_path / "out")
    assert found["complete"] and found["images"] == {"found": 7, "done": 7, "failed": 0}
    assert found["layers"][0]["name"] == "colours" and found["layers"][0]["units"] == 3


def test_the_same_command_again_looks_at_nothing(tmp_path: Path) -> None:
    technique = brightness_survey()
    first = surveyed(technique(), photos(tmp_path / "photos"), tmp_path / "out")
    before, calls = contents(tmp_path / "out"), len(technique.calls)
    again = surveyed(technique(), tmp_path / "photos", tmp_path / "out")
    assert len(technique.calls) == calls
    assert contents(tmp_path / "out") == before
    assert (again.reused, again.forwards, again.done) == (7, 0, 7)
    assert again.records == first.records


@pytest.mark.parametrize("problem", [KeyboardInterrupt, ModelError])
def test_a_run_that_was_stopped_goes_on_where_it_was_and_gives_the_same_bytes(tmp_path: Path, problem: Any) -> None:
    source = photos(tmp_path / "photos")
    surveyed(brightness_survey()(), source, tmp_path / "whole")
    technique = brightness_survey()
    technique.stops_at, technique.problem = "5.png", problem
    with pytest.raises(problem):
        surveyed(technique(), source, tmp_path / "out")
    assert not recorded(tmp_path / "out")["complete"]
    technique.stops_at = ""
    technique.calls.clear()
    summary = surveyed(technique(), source, tmp_path / "out")
    assert [name for call in technique.calls for name in call] == ["4.png", "5.png", "6.png"]
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert (summary.reused, summary.done) == (4, 7)


def test_images_of_a_chunk_that_a_kill_kept_out_of_the_state_are_not_counted_twice(tmp_path: Path) -> None:
    source = photos(tmp_path / "photos")
    surveyed(brightness_survey()(), source, tmp_path / "whole")
    technique = brightness_survey()
    technique.stops_at = "5.png"
    with pytest.raises(KeyboardInterrupt):
        surveyed(technique(), source, tmp_path / "out")
    lines = tmp_path / "out" / "images.jsonl"
    whole = (tmp_path / "whole" / "images.jsonl").read_bytes().splitlines(keepends=True)
    lines.write_bytes(lines.read_bytes() + whole[4] + whole[5][:10])  # of a chunk that is not in the state
    technique.stops_at = ""
    surveyed(technique(), source, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_changed_folder_is_looked_at_again_as_a_whole(tmp_path: Path) -> None:
    source = photos(tmp_path / "photos")
    surveyed(brightness_survey()(), source, tmp_path / "out")
    Image.fromarray(np.full((24, 32, 3), 255, np.uint8)).save(source / "3.png")
    summary = surveyed(brightness_survey()(), source, tmp_path / "out")
    assert summary.reused == 0
    assert any("looked at again" in note for note in summary.notes)
    assert [record["patches"][0]["image"] for record in summary.records] == ["3.png"] * 3
    surveyed(brightness_survey()(), source, tmp_path / "fresh")
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def test_a_bad_image_is_recorded_and_the_others_go_on(tmp_path: Path) -> None:
    source = photos(tmp_path / "photos")
    (source / "3.png").write_bytes(b"no picture")
    summary = surveyed(brightness_survey()(), source, tmp_path / "out")
    assert [record["name"] for record in summary.failed] == ["3.png"]
    assert (summary.done, summary.exit_code) == (6, ExitCode.SOME_IMAGES_FAILED)
    again = surveyed(brightness_survey()(), source, tmp_path / "out")
    assert [record["name"] for record in again.failed] == ["3.png"] and again.done == 6
    with pytest.raises(ImageError, match=r"3\.png"):
        surveyed(brightness_survey()(), source, tmp_path / "strict", fail_fast=True)


def test_shards_are_whole_chunks_that_together_are_the_whole(tmp_path: Path) -> None:
    source = photos(tmp_path / "photos")
    technique = brightness_survey()
    whole = surveyed(technique(), source, tmp_path / "whole")
    parts = [surveyed(technique(), source, tmp_path / str(k), shard=f"{k}/3") for k in (1, 2, 3)]
    assert [part.done for part in parts] == [3, 2, 2]
    plan, states = {"classes": [], "size": list(SIZE)}, []
    for k in (3, 1, 2):
        with np.load(tmp_path / str(k) / "state.npz") as stored:
            state = {name: stored[name] for name in stored.files if name != "chunks_done"}
            done = stored["chunks_done"].tolist()
        assert done == [n for n in range(4) if n % 3 == k - 1]
        states.append(state)
    merged = states[0]
    for state in states[1:]:
        merged = technique().merge(plan, merged, state)
    with np.load(tmp_path / "whole" / "state.npz") as stored:
        for name, array in merged.items():
            assert array.tobytes() == stored[name].tobytes()
    assert whole.done == 7


def test_true_classes_are_those_of_the_whole_folder_in_every_shard(tmp_path: Path) -> None:
    source = photos(tmp_path / "photos")
    (source / "labels.json").write_text(json.dumps({"0.png": "bee", "1.png": 2, "6.png": "bee"}), encoding="utf-8")
    surveyed(brightness_survey()(), source, tmp_path / "out", shard="1/2")
    assert recorded(tmp_path / "out")["plan"]["classes"] == ["bee", "cat"]
    with np.load(tmp_path / "out" / "state.npz") as stored:
        assert stored["classes"].tolist() == [1, 1]
    first = json.loads((tmp_path / "out" / "images.jsonl").read_text(encoding="utf-8").splitlines()[1])
    assert (first["name"], first["truth"], first["index"]) == ("1.png", "cat", 1)


def test_which_images_share_a_call_follows_from_the_listing_alone(tmp_path: Path) -> None:
    from viz.core.discovery import find_images

    files = find_images([photos(tmp_path / "photos")]).files
    whole = chunks_of(files, 3)
    shards = sorted((c for k in (1, 2) for c in chunks_of(files, 3, (k, 2))), key=lambda chunk: chunk.number)
    assert shards == whole
    assert [[one.index for one in chunk.files] for chunk in whole] == [[0, 1, 2], [3, 4, 5], [6]]


def test_progress_is_told_image_by_image(tmp_path: Path) -> None:
    class Told(Listener):
        def __init__(self) -> None:
            self.total, self.images = 0, 0

        def started(self, files: int) -> None:
            self.total = files

        def image(self, record: Any, fresh: bool) -> None:
            self.images += 1

    told = Told()
    surveyed(brightness_survey()(), photos(tmp_path / "photos"), tmp_path / "out", told)
    assert (told.total, told.images) == (7, 7)


def test_options_of_another_kind_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    source = photos(tmp_path / "photos")
    with pytest.raises(UsageError, match="SurveyOptions"):
        run(brightness_survey()(), model(), [source], RunOptions())
    with pytest.raises(UsageError, match="cluster"):
        surveyed(brightness_survey()(), source, tmp_path / "out", workers=2)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoImages):
        surveyed(brightness_survey()(), tmp_path / "empty", tmp_path / "out")
