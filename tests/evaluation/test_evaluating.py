"""A whole evaluation on the built-in model and generated pictures."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.fakes import LinearModel
from viz.core.errors import NoImages, NotSupported, UsageError
from viz.core.result import HeatMap
from viz.core.technique import TechniqueInfo
from viz.evaluation import EvaluationOptions, evaluate
from viz.evaluation.ledger import key_of
from viz.model_zoo.shape_pictures import write_samples
from viz.models import open_model
from viz.techniques.attribution.grad_cam import GradCam
from viz.techniques.attribution.saliency import Saliency
from viz.techniques.metrics.deletion import Deletion
from viz.techniques.metrics.energy import Energy
from viz.techniques.metrics.pointing_game import PointingGame
from viz.techniques.metrics.randomization import Randomization


@pytest.fixture(scope="module")
def model():
    return open_model("zoo:shapes")


@pytest.fixture
def samples(tmp_path):
    write_samples(tmp_path / "samples", 10)
    return tmp_path / "samples" / "images"


def options(tmp_path, **more):
    return EvaluationOptions(out=str(tmp_path / "out"), **more)


class Refusing:
    """A technique that applies to no model, or to no image, or counts its calls."""

    def __init__(self, problem=None):
        self.problem, self.calls = problem, 0
        self.info = TechniqueInfo("refusing", "attribution", "", "", False, 8, {})

    __dataclass_fields__ = {}  # noqa: RUF012  # no settings

    def __call__(self, model, images, targets):
        self.calls += 1
        if self.problem:
            raise self.problem
        return [HeatMap({"heat": np.zeros(images.shape[2:], np.float32)}) for _ in images]


def test_every_technique_and_the_baselines_have_a_figure_in_every_metric(tmp_path, model, samples):
    metrics = [PointingGame(), Energy(), Deletion(), Randomization(stages=1)]
    found = evaluate([Saliency(), GradCam()], metrics, model, [samples], options(tmp_path))
    assert [one.info.name for one in found.techniques] == ["saliency", "grad-cam", "centre", "edges", "noise"]
    assert set(found.figures) == {(t.info.name, m.info.name) for t in found.techniques for m in metrics}
    assert (found.used, found.with_region, found.exit_code) == (10, 10, 0)
    assert all(f.low <= f.mean <= f.high and f.images == 10 for f in found.figures.values())
    assert found.figures["edges", "randomization"].mean == 1
    assert found.figures["saliency", "randomization"].mean < 0.5
    assert found.figures["grad-cam", "pointing-game"].mean >= 0.9


def test_files_hold_what_the_outcome_holds(tmp_path, model, samples):
    found = evaluate([GradCam()], [Energy()], model, [samples], options(tmp_path), command="viz evaluate …")
    record = json.loads((found.folder / "evaluation.json").read_text(encoding="utf-8"))
    assert record["complete"] and record["command"] == "viz evaluate …"
    row = next(row for row in record["table"] if row["technique"] == "grad-cam")
    assert row["mean"] == found.figures["grad-cam", "energy"].mean
    lines = (found.folder / "evaluation.csv").read_text().splitlines()
    assert lines[0] == "technique,metric,better,mean,low,high,images"
    assert lines[1].startswith("grad-cam,energy,higher,0.")
    assert len(lines) == 1 + 4


def test_the_same_again_computes_nothing_and_says_the_same(tmp_path, model, samples):
    technique = Refusing()
    first = evaluate([technique], [Deletion()], model, [samples], options(tmp_path))
    calls = technique.calls
    again = evaluate([technique], [Deletion()], model, [samples], options(tmp_path))
    assert technique.calls == calls > 0
    assert again.figures == first.figures


def test_what_is_missing_after_a_kill_is_computed_and_no_more(tmp_path, model, samples):
    technique = Refusing()
    first = evaluate([technique], [Deletion()], model, [samples], options(tmp_path))
    results = first.folder / "results.jsonl"
    lines = results.read_text().splitlines(keepends=True)
    kept = [text for text in lines if json.loads(text)["image"] != "0009_bolt.png"]
    results.write_text("".join(kept))
    technique.calls = 0
    assert evaluate([technique], [Deletion()], model, [samples], options(tmp_path)).figures == first.figures
    assert technique.calls == 1  # of two batches


def test_a_further_metric_extends_the_same_folder(tmp_path, model, samples):
    evaluate([GradCam()], [Energy()], model, [samples], options(tmp_path))
    before = (tmp_path / "out" / "results.jsonl").read_text()
    evaluate([GradCam()], [Energy(), PointingGame()], model, [samples], options(tmp_path))
    assert (tmp_path / "out" / "results.jsonl").read_text().startswith(before)


def test_another_seed_is_another_evaluation(tmp_path, model, samples):
    evaluate([GradCam()], [Energy()], model, [samples], options(tmp_path))
    with pytest.raises(UsageError, match="other results"):
        evaluate([GradCam()], [Energy()], model, [samples], options(tmp_path, seed=1))


def test_images_that_the_model_is_wrong_about_are_left_out_unless_asked_for(tmp_path, model, samples):
    labels = samples.parent / "labels.json"
    table = json.loads(labels.read_text())
    table["0000_circle.png"]["label"] = "square"
    labels.write_text(json.dumps(table))
    found = evaluate([GradCam()], [Energy()], model, [samples], options(tmp_path))
    assert [(one.name, one.status, one.reason) for one in found.left_out] == [
        ("0000_circle.png", "wrong", "taken for circle")
    ]
    assert (found.used, found.exit_code) == (9, 0)
    more = EvaluationOptions(out=str(tmp_path / "more"), include_wrong=True)
    assert evaluate([GradCam()], [Energy()], model, [samples], more).used == 10


def test_bad_images_are_recorded_and_the_others_go_on(tmp_path, model, samples):
    (samples / "broken.png").write_bytes(b"no image")
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(samples.parent / "masks" / "0001_square.png")
    found = evaluate([GradCam()], [Energy()], model, [samples], options(tmp_path))
    assert sorted(one.name for one in found.failed) == ["0001_square.png", "broken.png"]
    assert (found.used, found.exit_code) == (9, 4)


def test_a_technique_that_does_not_apply_is_said_once_and_the_others_go_on(tmp_path, model, samples):
    refusing = Refusing(NotSupported("no gradient"))
    found = evaluate([refusing, GradCam()], [Energy()], model, [samples], options(tmp_path))
    assert found.problems == ("refusing: no gradient",)
    assert refusing.calls == 1
    assert ("grad-cam", "energy") in found.figures
    assert ("refusing", "energy") not in found.figures


def test_a_metric_that_does_not_apply_to_the_model_is_said_and_the_others_go_on(tmp_path):
    model = LinearModel(np.random.default_rng(0).random((2, 3, 8, 8)))
    Image.fromarray(np.full((8, 8, 3), 200, np.uint8)).save(tmp_path / "a.png")
    found = evaluate([Saliency()], [Randomization(), Deletion()], model, [tmp_path / "a.png"], options(tmp_path))
    assert any("randomization of saliency" in problem for problem in found.problems)
    assert ("saliency", "deletion") in found.figures


def test_without_regions_the_metrics_that_need_them_say_so(tmp_path, model):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)).save(tmp_path / "a.png")
    found = evaluate([GradCam()], [Energy(), Deletion()], model, [tmp_path / "a.png"], options(tmp_path))
    assert any(problem.startswith("energy: no image has a known region") for problem in found.problems)
    assert ("grad-cam", "energy") not in found.figures


def test_no_image_that_counts_is_an_error_that_says_what_to_do(tmp_path, model, samples):
    table = {f"{i:04d}_circle.png": "square" for i in range(1)}
    (samples / "labels.json").write_text(json.dumps(table))
    with pytest.raises(NoImages, match="taken for circle"):
        evaluate([GradCam()], [Energy()], model, [samples / "0000_circle.png"], options(tmp_path))


def test_a_model_without_class_scores_needs_a_target(tmp_path, samples):
    model = LinearModel(np.ones((1, 3, 8, 8)))
    model.scores = None
    with pytest.raises(UsageError, match="no class scores"):
        evaluate([Saliency()], [Deletion()], model, [samples], options(tmp_path))


def test_settings_make_another_column_of_numbers():
    assert key_of(PointingGame(tolerance=0)) != key_of(PointingGame())
