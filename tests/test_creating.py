"""Runs that make images: what is recorded is measured on the saved file; resumed, interrupted, nothing lost."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from tests.fakes import LinearModel, SumModel, painter
from viz.core.errors import ExitCode, ImageError, ModelError, NoImages, UsageError
from viz.core.images import read
from viz.core.making import Picture
from viz.core.run_options import MakeOptions, RunOptions
from viz.core.target import neuron_target
from viz.report import write_report
from viz.runs import Listener, RunSummary, run
from viz.techniques.attribution.occlusion import Occlusion

SIZE = (12, 16)
WEIGHTS = np.random.default_rng(0).normal(size=(3, 3, *SIZE)).astype(np.float32)


def model() -> LinearModel:
    return LinearModel(WEIGHTS, names=("ant", "bee", "cat"), squash="softmax")


def photos(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def made(technique: Any, out: Path, sources: list[Path] | None = None, **options: Any) -> RunSummary:
    listener = options.pop("listener", None)
    return run(technique, model(), sources or [], MakeOptions(out=str(out), **options), listener)


def recorded(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but run.json, which holds timings."""
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "run.json"
    }


def test_the_score_is_that_of_the_saved_file(tmp_path: Path) -> None:
    (record, _) = made(painter()(), tmp_path / "out").records
    saved = read(tmp_path / "out" / record["files"]["picture"]).pixels
    assert saved.shape == (*SIZE, 3)
    expected = np.where(WEIGHTS[0] > 0, 255, 0).transpose(1, 2, 0)
    np.testing.assert_array_equal(saved, expected)
    # A maker's own word for the score (1e9 here) never counts.
    assert record["numbers"]["score"] == pytest.approx(float(WEIGHTS[0][WEIGHTS[0] > 0].sum()), rel=1e-5)
    assert record["numbers"]["steps_done"] == 4


def test_confidence_and_predictions_are_those_of_the_saved_file(tmp_path: Path) -> None:
    for record in made(painter()(strength=0.004, classes=(0, 1, 2)), tmp_path / "out").records:
        pixels = read(tmp_path / "out" / record["files"]["picture"]).pixels.transpose(2, 0, 1) / 255
        scores = (WEIGHTS * pixels).sum(axis=(1, 2, 3), dtype=float)
        shares = np.exp(scores - np.logaddexp.reduce(scores))
        assert record["numbers"]["confidence"] == pytest.approx(shares[record["target"]["class_index"]], rel=1e-4)
        assert [one["class_index"] for one in record["predictions"]] == list(np.argsort(-shares))


def test_exact_bytes_are_saved_as_they_are_and_measured(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*SIZE, 3), np.uint8)
    technique = painter()
    inner = technique._picture
    technique._picture = lambda *given: replace(inner(*given), exact=pixels)
    (record,) = made(technique(classes=(2,)), tmp_path / "out").records
    np.testing.assert_array_equal(read(tmp_path / "out" / record["files"]["picture"]).pixels, pixels)
    score = float((WEIGHTS[2] * (pixels.transpose(2, 0, 1) / 255)).sum())
    assert record["numbers"]["score"] == pytest.approx(score, rel=1e-4)


def test_every_file_of_a_picture_is_there_and_named_in_its_record(tmp_path: Path) -> None:
    summary = made(painter()(), tmp_path / "out", [photos(tmp_path / "in", 2)], frames=3)
    assert [r["name"] for r in summary.records] == ["0.png 0", "0.png 1", "1.png 0", "1.png 1"]
    assert [(r["row"], r["column"]) for r in summary.records[:2]] == [("0.png", "class 0"), ("0.png", "class 1")]
    for record in summary.records:
        assert set(record["files"]) == {"picture", "arrays", "original", "curve", "start"}
        for file in record["files"].values():
            assert (tmp_path / "out" / file).stat().st_size > 0
        frames = sorted((tmp_path / "out" / "frames" / record["key"]).iterdir())
        assert [frame.name for frame in frames] == ["0001.png", "0002.png", "0003.png"]
        saved = read(tmp_path / "out" / record["files"]["picture"]).pixels
        np.testing.assert_array_equal(read(frames[-1]).pixels, saved)
        assert record["sha256"] == read(tmp_path / "in" / record["row"]).sha256
    with np.load(tmp_path / "out" / summary.records[0]["files"]["arrays"]) as arrays:
        assert arrays["image"].shape == (3, *SIZE)
    write_report(summary.folder)


def test_run_json_says_what_any_runs_says_and_names_the_pictures_of_the_run(tmp_path: Path) -> None:
    made(painter()(), tmp_path / "out")
    ours = recorded(tmp_path / "out")
    run(Occlusion(patch=4, stride=4), model(), [photos(tmp_path / "in", 1)], RunOptions(out=str(tmp_path / "other")))
    for_merging = {"sources", "identity_without_shard", "images_together", "listing"}  # shards of makers stay apart
    assert set(ours) - {"pictures"} == set(recorded(tmp_path / "other")) - for_merging
    assert ours["complete"]
    assert (ours["target"], ours["score"].split()[0], ours["seed"]) == ("ant, bee", "logit", 0)
    assert ours["pictures"] == {"sheet": "sheet.png", "profile": "profile.png"}
    assert Image.open(tmp_path / "out" / "profile.png").size == (2, 1)
    sheet = Image.open(tmp_path / "out" / "sheet.png")
    assert sheet.size[0] >= 2 * SIZE[1]


def test_one_picture_has_no_sheet(tmp_path: Path) -> None:
    made(painter()(classes=(0,)), tmp_path / "out")
    assert recorded(tmp_path / "out")["pictures"] == {"profile": "profile.png"}


def test_a_picture_called_sheet_keeps_its_file(tmp_path: Path) -> None:
    technique = painter()
    pieces = [technique.pieces(technique(), model(), [])[0]]
    named = [[type(p)(name, p.asked) for p, name in zip(pieces[0], ("sheet", "Profile"), strict=True)]]
    technique.pieces = lambda *given: named
    summary = made(technique(), tmp_path / "out")
    assert summary.records[0]["files"]["picture"] == "sheet.png"
    assert Image.open(tmp_path / "out" / "sheet.png").size == SIZE[::-1]
    assert recorded(tmp_path / "out")["pictures"] == {"sheet": "sheet_.png", "profile": "profile_.png"}


def test_a_second_run_makes_nothing_and_changes_nothing(tmp_path: Path) -> None:
    technique = painter()
    sources = [photos(tmp_path / "in", 2)]
    made(technique(), tmp_path / "out", sources)
    before, calls = contents(tmp_path / "out"), len(technique.calls)
    summary = made(technique(), tmp_path / "out", sources)
    assert (summary.reused, len(technique.calls)) == (4, calls)
    assert contents(tmp_path / "out") == before


def test_a_changed_photo_and_a_lost_file_are_made_again_with_their_groups(tmp_path: Path) -> None:
    technique, sources = painter(), [photos(tmp_path / "in", 3)]
    made(technique(), tmp_path / "out", sources)
    whole = contents(tmp_path / "out")
    (tmp_path / "out" / "2.png 1.npz").unlink()
    technique.calls.clear()
    made(technique(), tmp_path / "out", sources)
    assert technique.calls == [["2.png 0", "2.png 1"]]
    assert contents(tmp_path / "out") == whole
    Image.fromarray(np.full((9, 9, 3), 7, np.uint8)).save(tmp_path / "in" / "0.png")
    technique.calls.clear()
    made(technique(), tmp_path / "out", sources)
    assert technique.calls == [["0.png 0", "0.png 1"]]


def test_a_change_of_another_photo_that_was_looked_at_counts_too(tmp_path: Path) -> None:
    technique, sources = painter(), [photos(tmp_path / "in", 2)]
    technique.look_at = 1
    made(technique(), tmp_path / "out", sources)
    Image.fromarray(np.full((9, 9, 3), 7, np.uint8)).save(tmp_path / "in" / "1.png")
    technique.calls.clear()
    made(technique(), tmp_path / "out", sources)
    assert technique.calls == [["0.png 0", "0.png 1"], ["1.png 0", "1.png 1"]]


def test_a_bad_photo_fails_its_pieces_and_no_others(tmp_path: Path) -> None:
    folder = photos(tmp_path / "in", 2)
    (folder / "0.png").write_bytes(b"no image")
    technique = painter()
    summary = made(technique(), tmp_path / "out", [folder])
    assert [r["status"] for r in summary.records] == ["failed", "failed", "done", "done"]
    assert summary.exit_code == ExitCode.SOME_IMAGES_FAILED
    assert recorded(tmp_path / "out")["images"] == {"found": 4, "done": 2, "failed": 2}
    assert technique.calls == [["1.png 0", "1.png 1"]]
    made(technique(), tmp_path / "out", [folder])
    assert technique.calls == [["1.png 0", "1.png 1"]], "what could not be read still cannot"
    photos(folder, 2)
    assert made(technique(), tmp_path / "out", [folder]).failed == []


def test_what_a_maker_refuses_is_a_failed_piece_that_is_not_tried_again(tmp_path: Path) -> None:
    technique = painter()
    technique.refused = "class 1"
    summary = made(technique(), tmp_path / "out")
    assert [r["status"] for r in summary.records] == ["done", "failed"]
    assert summary.failed[0]["reason"] == "it does not paint that; ask for another"
    made(technique(), tmp_path / "out")
    assert len(technique.calls) == 1


def test_fail_fast_stops_at_the_first_failure(tmp_path: Path) -> None:
    technique = painter()
    technique.refused = "0.png 1"
    with pytest.raises(ImageError, match=r"0\.png 1: it does not paint that"):
        made(technique(), tmp_path / "out", [photos(tmp_path / "in", 2)], fail_fast=True)
    assert len(technique.calls) == 1


def test_an_image_that_is_not_finite_is_a_failure(tmp_path: Path) -> None:
    technique = painter()
    inner = technique._picture

    def broken(*given: Any) -> Any:
        picture = inner(*given)
        picture.arrays["image"][0, 0, 0] = np.nan
        return picture

    technique._picture = broken
    summary = made(technique(classes=(0,)), tmp_path / "out")
    assert "not all finite" in summary.failed[0]["reason"]


def test_ctrl_c_saves_the_best_so_far_and_the_same_call_makes_it_anew(tmp_path: Path) -> None:
    technique, sources = painter(), [photos(tmp_path / "in", 3)]
    technique.interrupted_at = "1.png 0"
    with pytest.raises(KeyboardInterrupt):
        made(technique(), tmp_path / "out", sources)
    lines = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert [line["name"] for line in lines] == ["0.png 0", "0.png 1", "1.png 0", "1.png 1"]
    assert [line.get("unfinished", False) for line in lines] == [False, False, True, True]
    assert lines[2]["warnings"] == ["stopped early: after 1 of 4 steps; the same command makes it anew"]
    assert (tmp_path / "out" / lines[2]["files"]["picture"]).exists()
    assert (recorded(tmp_path / "out")["complete"], (tmp_path / "out" / "sheet.png").exists()) == (False, True)
    technique.interrupted_at = ""
    technique.calls.clear()
    summary = made(technique(), tmp_path / "out", sources)
    assert technique.calls == [["1.png 0", "1.png 1"], ["2.png 0", "2.png 1"]]
    assert [r["numbers"]["steps_done"] for r in summary.records] == [4] * 6
    made(technique(), tmp_path / "whole", sources)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert recorded(tmp_path / "out")["complete"]


def test_an_interrupted_last_group_is_not_a_complete_run(tmp_path: Path) -> None:
    technique = painter()
    technique.interrupted_at = "class 1"
    with pytest.raises(KeyboardInterrupt):
        made(technique(), tmp_path / "out")
    assert not recorded(tmp_path / "out")["complete"]


def test_a_model_that_fails_ends_the_run_and_what_is_finished_stays(tmp_path: Path) -> None:
    technique, sources = painter(), [photos(tmp_path / "in", 2)]
    inner = technique._picture

    def failing(self: Any, model: Any, piece: Any, *more: Any) -> Any:
        if piece.name == "1.png 1":
            raise ModelError("the model fell over")
        return inner(self, model, piece, *more)

    technique._picture = failing
    with pytest.raises(ModelError):
        made(technique(), tmp_path / "out", sources)
    assert recorded(tmp_path / "out")["images"] == {"found": 4, "done": 2, "failed": 0}
    technique._picture = inner
    assert made(technique(), tmp_path / "out", sources).reused == 2


def test_the_listener_hears_pictures_and_steps(tmp_path: Path) -> None:
    class Ears(Listener):
        heard: ClassVar[list[Any]] = []

        def started(self, files: int) -> None:
            self.heard.append(files)

        def steps(self, total: int, what: str) -> None:
            self.heard.append((total, what))

        def step(self, done: int, total: int, what: str, value: float) -> None:
            self.heard.append((done, total, what, value))

        def image(self, record: dict[str, Any], fresh: bool) -> None:
            self.heard.append((record["name"], fresh))

    made(painter()(steps=2), tmp_path / "out", listener=Ears())
    steps = [(2, "score"), (1, 2, "score", 1.0), (2, 2, "score", 2.0)]
    assert Ears.heard == [2, *steps, ("class 0", True), ("class 1", True)]


def test_an_animation_of_one_picture_is_written_where_asked(tmp_path: Path) -> None:
    place = tmp_path / "there" / "Way.GIF"
    summary = made(painter()(classes=(0,)), tmp_path / "out", animate=str(place))
    assert summary.records[0]["files"]["animation"] == "class 0.gif"
    assert place.read_bytes() == (tmp_path / "out" / "class 0.gif").read_bytes()
    assert Image.open(place).format == "GIF"
    assert len(list((tmp_path / "out" / "frames" / "class 0").iterdir())) == 48
    place.unlink()
    made(painter()(classes=(0,)), tmp_path / "out", animate=str(place))
    assert place.exists(), "also where nothing had to be made"


def test_animations_of_several_pictures_are_written_side_by_side(tmp_path: Path) -> None:
    made(painter()(), tmp_path / "out", animate=str(tmp_path / "way.webp"), frames=3)
    assert sorted(p.name for p in tmp_path.glob("*.webp")) == ["way-class 0.webp", "way-class 1.webp"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"animate": "way.avi"}, "--animate way.avi ends in none of .gif, .webp, .mp4"),
        ({"animate": "way.gif", "frames": 0}, "--frames 0 keeps none"),
        ({"shard": "3/2"}, "--shard 3/2"),
        ({"batch_size": "many"}, "--batch-size many"),
        ({"background": "red"}, "--background red"),
        ({"frames": -1}, "--frames is -1"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_runs(
    tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    technique = painter()
    with pytest.raises(UsageError, match=said.replace(".", r"\.")):
        made(technique(), tmp_path / "out", **options)
    assert technique.calls == []
    assert not (tmp_path / "out").exists()


def test_a_maker_that_needs_photos_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(NoImages, match="painter needs photos") as problem:
        made(painter("required")(), tmp_path / "out")
    assert "viz painter --model M PHOTO" in problem.value.next_step


def test_options_of_the_other_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="its options are MakeOptions"):
        run(painter()(), model(), [], RunOptions(out=str(tmp_path)))
    with pytest.raises(UsageError, match="its options are RunOptions"):
        run(Occlusion(), model(), [photos(tmp_path / "in", 1)], MakeOptions(out=str(tmp_path)))


def test_two_pieces_of_one_name_and_no_piece_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'class 1'"):
        made(painter()(classes=(1, 1)), tmp_path / "out")
    with pytest.raises(UsageError, match="nothing to make"):
        made(painter()(classes=()), tmp_path / "out")


def test_limit_and_shard_leave_pieces_out_and_keep_the_names_of_the_others(tmp_path: Path) -> None:
    technique, sources = painter(), [photos(tmp_path / "in", 3)]
    limited = made(technique(), tmp_path / "limited", sources, limit=3)
    assert [r["name"] for r in limited.records] == ["0.png 0", "0.png 1", "1.png 0"]
    second = made(technique(), tmp_path / "second", sources, shard="2/2")
    assert [r["name"] for r in second.records] == ["1.png 0", "1.png 1"]


def test_the_folder_is_named_by_what_changes_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def folder(technique: Any, **options: Any) -> Path:
        return run(technique, model(), [], MakeOptions(**options)).folder

    Path("style.txt").write_text("one")
    first = folder(painter()())
    assert first.parts[:2] == ("runs", "linear")
    same = [folder(painter()()), folder(painter()(), batch_size="1"), folder(painter()(), frames=8)]
    assert same == [first] * 3
    liked = folder(painter()(like="style.txt"))
    Path("style.txt").write_text("two")
    others = [folder(painter()(like="style.txt")), folder(painter()(steps=3)), folder(painter()(), frames=2)]
    animated = folder(painter()(), animate="a.gif")
    assert len({first, liked, animated, *others}) == 6
    assert folder(painter()(), animate="b.gif") == animated


def test_another_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    made(painter()(), tmp_path / "out")
    with pytest.raises(UsageError, match="another run"):
        made(painter()(steps=2), tmp_path / "out")


def test_a_model_without_classes_has_scores_and_no_predictions(tmp_path: Path) -> None:
    technique, without = painter(), SumModel(SIZE)
    without.scores = None
    technique._picture = lambda self, model, piece, *more: _gray(model, neuron_target(model, "pixels", 0))
    summary = run(technique(classes=(0,)), without, [], MakeOptions(out=str(tmp_path / "out")))
    (record,) = summary.records
    assert (record["predictions"], set(record["numbers"])) == ([], {"score"})
    assert record["numbers"]["score"] == pytest.approx(128 / 255)
    assert recorded(tmp_path / "out")["score"] == "activation"


def test_a_picture_that_nothing_is_measured_by_has_no_score(tmp_path: Path) -> None:
    technique = painter()
    technique._picture = lambda self, model, *more: _gray(model, None)
    (record,) = made(technique(classes=(0,)), tmp_path / "out").records
    assert record["target"] == {"label": "", "class_index": None, "score": ""}
    assert record["numbers"] == {}
    assert len(record["predictions"]) == 3
    write_report(tmp_path / "out")


def _gray(model: Any, target: Any) -> Any:
    return Picture({"image": np.full((3, *model.size), 0.5, np.float32)}, target=target)
