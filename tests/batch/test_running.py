"""Batches: every run in its folder, files decoded once, what fails does not stop the others."""

import gc
import json
import weakref
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from viz.batch import Outcome, exit_code, read_plan, run_plan
from viz.core.adapter import Adapter
from viz.core.errors import ExitCode
from viz.core.images import Photo, read
from viz.core.model_options import ModelOptions
from viz.engine import shared_photos
from viz.engine.shared_photos import SharedPhotos
from viz.models import open_model

PLAN = """
    title = "Two by two"
    out = "out"
    [[models]]
    model = "a.onnx"
    preprocess = "unit"
    [[models]]
    model = "b.onnx"
    preprocess = "unit"
    [[techniques]]
    technique = "occlusion"
    patch = 8
    [[techniques]]
    technique = "occlusion"
    name = "black"
    patch = 8
    fill = [0, 0, 0]
    [[sources]]
    images = "photos"
"""
CELLS = ["a/occlusion", "a/black", "b/occlusion", "b/black"]


def run_all(text: str = PLAN, **more: Any) -> list[Outcome]:
    Path("plan.toml").write_text(text, encoding="utf-8")
    return list(run_plan(read_plan(Path("plan.toml")), **more))


def recorded() -> dict[str, Any]:
    record: dict[str, Any] = json.loads(Path("out/batch.json").read_text(encoding="utf-8"))
    return record


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file has been decoded."""
    counts: Counter[str] = Counter()

    def counting(path: Path, *more: Any) -> Photo:
        counts[path.name] += 1
        return read(path, *more)

    monkeypatch.setattr(shared_photos, "read", counting)
    return counts


def test_every_model_and_technique_gets_a_whole_run_folder(here: Path) -> None:
    outcomes = run_all()
    assert [outcome.cell.name for outcome in outcomes] == CELLS
    assert [outcome.status for outcome in outcomes] == ["done"] * 4
    assert exit_code(outcomes) == ExitCode.DONE
    for name in CELLS:
        run = json.loads((here / "out" / name / "run.json").read_text())
        assert run["complete"]
        assert run["images"] == {"found": 6, "done": 6, "failed": 0}
        assert len(list((here / "out" / name).glob("*.npz"))) == 6
    assert json.loads((here / "out/a/black/run.json").read_text())["settings"]["fill"] == "0,0,0"


def test_each_file_is_decoded_once_for_all_models_and_techniques(here: Path, decodes: Counter[str]) -> None:
    run_all()
    assert decodes == {f"{n}.png": 1 for n in range(6)}
    assert recorded()["photos"] == {"decoded": 6, "reused": 18}


def test_without_room_for_photos_the_results_are_the_same_bytes(here: Path, decodes: Counter[str]) -> None:
    def results() -> dict[Path, bytes]:
        kinds = (".npz", ".png", ".jpg", ".jsonl")
        return {p.relative_to("out"): p.read_bytes() for p in Path("out").rglob("*") if p.suffix in kinds}

    run_all()
    with_room = results()
    Path("out").rename("before")
    run_all(photos=SharedPhotos(0))
    assert min(decodes.values()) > 4
    assert len(with_room) == 4 * (6 * 3 + 1)
    assert results() == with_room


def test_the_same_plan_again_runs_no_model_and_decodes_nothing(here: Path, decodes: Counter[str]) -> None:
    run_all()
    decodes.clear()
    outcomes = run_all()
    summaries = [outcome.summary for outcome in outcomes if outcome.summary]
    assert [(one.reused, one.forwards) for one in summaries] == [(6, 0)] * 4
    assert not decodes


def test_only_the_run_that_lost_a_result_is_done_again(here: Path) -> None:
    run_all()
    (here / "out/b/occlusion/3.npz").unlink()
    summaries = {outcome.cell.name: outcome.summary for outcome in run_all()}
    assert [name for name, summary in summaries.items() if summary and summary.forwards] == ["b/occlusion"]
    assert (here / "out/b/occlusion/3.npz").exists()


def test_a_model_that_cannot_be_loaded_fails_its_own_runs_only(here: Path) -> None:
    (here / "a.onnx").write_bytes(b"not a model")
    outcomes = run_all()
    assert [outcome.status for outcome in outcomes] == ["failed", "failed", "done", "done"]
    assert "a.onnx" in outcomes[0].problem
    assert exit_code(outcomes) == ExitCode.MODEL
    written = recorded()["runs"]
    assert [run["status"] for run in written] == ["failed", "failed", "done", "done"]
    assert written[0]["problem"] == outcomes[0].problem
    assert not (here / "out/a").exists()


def test_a_technique_that_does_not_fit_the_model_fails_its_own_run_only(here: Path) -> None:
    outcomes = run_all(PLAN.replace("patch = 8\n    fill", "patch = 17\n    fill"))
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "done", "failed"]
    assert "--patch 17 is larger than the model's input" in outcomes[1].problem
    assert exit_code(outcomes) == ExitCode.MODEL


def test_bad_images_alone_end_in_exit_code_4(here: Path) -> None:
    (here / "photos" / "bad.jpg").write_text("nothing")
    outcomes = run_all()
    assert {outcome.status for outcome in outcomes} == {"some images failed"}
    assert exit_code(outcomes) == ExitCode.SOME_IMAGES_FAILED
    assert recorded()["runs"][0]["images"] == {"done": 6, "failed": 1, "reused": 0}


def test_a_changed_plan_does_not_mix_with_the_results_of_the_old_one(here: Path) -> None:
    run_all()
    outcomes = run_all(PLAN.replace("fill = [0, 0, 0]", "fill = [255, 255, 255]"))
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "done", "failed"]
    assert "holds the results of another run" in outcomes[1].problem


def test_a_bug_in_one_run_is_kept_with_its_trace_and_the_others_go_on(here: Path) -> None:
    def load(spec: str, options: ModelOptions) -> Adapter:
        if spec == "a.onnx":
            raise ZeroDivisionError("oh no")
        return open_model(spec, options)

    outcomes = run_all(load=load)
    assert [outcome.status for outcome in outcomes] == ["failed", "failed", "done", "done"]
    assert outcomes[0].problem == "internal error: ZeroDivisionError: oh no"
    assert "in load" in recorded()["runs"][0]["trace"]
    assert exit_code(outcomes) == ExitCode.INTERNAL


def test_an_interruption_ends_the_batch_and_what_was_done_is_recorded(here: Path) -> None:
    def load(spec: str, options: ModelOptions) -> Adapter:
        if spec == "b.onnx":
            raise KeyboardInterrupt
        return open_model(spec, options)

    with pytest.raises(KeyboardInterrupt):
        run_all(load=load)
    assert [run["technique"] for run in recorded()["runs"]] == ["occlusion", "black"]
    assert recorded()["complete"] is False


def test_a_model_is_let_go_before_the_next_one_is_loaded(here: Path) -> None:
    loaded: list[weakref.ref[Adapter]] = []
    alive: list[int] = []

    def load(spec: str, options: ModelOptions) -> Adapter:
        gc.collect()
        alive.append(sum(model() is not None for model in loaded))
        model = open_model(spec, options)
        loaded.append(weakref.ref(model))
        return model

    run_all(load=load)
    assert alive == [0, 0]


def test_several_sources_have_folders_within_each_technique(here: Path) -> None:
    outcomes = run_all(PLAN + '[[sources]]\nname = "one"\nimages = "photos/0.png"\n')
    assert [outcome.cell.name for outcome in outcomes][:4] == [
        "a/occlusion/photos", "a/black/photos", "a/occlusion/one", "a/black/one",
    ]  # fmt: skip
    assert json.loads((here / "out/b/black/one/run.json").read_text())["images"]["done"] == 1
