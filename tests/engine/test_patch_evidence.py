"""What a run keeps of its windows: plan.json, entries of run.json, a line for people; also when it is continued."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from tests.patch_models import WindowedModel
from viz.core.batching import BatchedAdapter
from viz.core.patch_plan import LayerPlan, PatchPlan
from viz.core.patch_use import PatchCheck, PatchUse, together
from viz.core.run_options import RunOptions
from viz.engine.patch_evidence import windows_in_words
from viz.merging import merge
from viz.runs import Listener, run
from viz.techniques.attribution.occlusion import Occlusion
from viz.techniques.attribution.rise import Rise

TECHNIQUE = Occlusion(patch=4, stride=4)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(10):
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(folder / f"{i:03d}.png")
    return folder


def recorded(folder):
    return json.loads((folder / "run.json").read_text())


def explained(model, photos, out, listener=None, **options):
    return run(TECHNIQUE, model, [photos], RunOptions(out=str(out), **options), listener)


def test_the_record_says_what_was_computed_by_windows_and_how_that_was_checked(photos, tmp_path):
    explained(WindowedModel(), photos, tmp_path / "out")
    (use,) = recorded(tmp_path / "out")["evidence"]["windows"]
    assert (use["side"], use["by_windows"], use["reason"], use["cap"]) == (4, True, "", None)
    assert use["share"] == pytest.approx(WindowedModel.share)
    assert use["layers"] == {"window": 2, "full": 1}
    assert use["variants"] == 4
    assert use["largest_difference"] < 1e-4 * use["scale"]


def test_the_plan_lies_beside_the_run_layer_by_layer(photos, tmp_path):
    explained(WindowedModel(), photos, tmp_path / "out")
    (plan,) = json.loads((tmp_path / "out/plan.json").read_text())["plans"]
    layers = [
        LayerPlan(**{**layer, "size": tuple(layer["size"]), "window": tuple(layer["window"])})
        for layer in plan["layers"]
    ]
    assert PatchPlan(plan["side"], plan["reason"], tuple(layers)) == WindowedModel().patch_plan(4, ("scores",))


def test_whole_passes_are_recorded_with_their_reason_and_a_note(photos, tmp_path):
    summary = explained(WindowedModel(reason="it mixes all"), photos, tmp_path / "out")
    (use,) = recorded(tmp_path / "out")["evidence"]["windows"]
    assert (use["by_windows"], use["reason"]) == (False, "it mixes all")
    assert "variants" not in use
    assert any("it mixes all" in note for note in summary.notes)
    assert windows_in_words(recorded(tmp_path / "out")) == []  # the note says it


def test_windows_that_are_off_are_recorded_and_not_used(photos, tmp_path):
    right = explained(WindowedModel(reason="compared with"), photos, tmp_path / "whole").records
    found = explained(WindowedModel(off=0.5), photos, tmp_path / "out").records
    assert [record["numbers"] for record in found] == [record["numbers"] for record in right]
    run_json = recorded(tmp_path / "out")
    (use,) = run_json["evidence"]["windows"]
    assert not use["by_windows"]
    assert use["largest_difference"] == pytest.approx(0.5, rel=1e-3)
    assert windows_in_words(run_json) == ["not used: windows were off by 0.5"]


@pytest.mark.parametrize("after", [3, 10])
def test_a_run_that_was_stopped_has_its_plan_and_a_continued_one_keeps_it(photos, tmp_path, after):
    class Interrupted(Listener):
        seen = 0

        def image(self, record, fresh):
            self.seen += 1
            if self.seen == after:
                raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        explained(WindowedModel(), photos, out, Interrupted())
    written = (out / "plan.json").read_bytes()
    stopped = recorded(out)["evidence"]["windows"]
    assert stopped[0]["by_windows"]
    explained(WindowedModel(), photos, out)
    again = explained(WindowedModel(), photos, out)
    assert again.forwards == 0
    assert (out / "plan.json").read_bytes() == written
    assert recorded(out)["evidence"]["windows"][0]["share"] == stopped[0]["share"]


def test_a_technique_that_hides_no_squares_has_no_plan(photos, tmp_path):
    run(Rise(masks=2, cells=2), WindowedModel(), [photos], RunOptions(out=str(tmp_path / "out")))
    assert recorded(tmp_path / "out")["evidence"] == {}
    assert not (tmp_path / "out/plan.json").exists()


def test_merged_shards_keep_the_plan(photos, tmp_path):
    for which in (1, 2):
        explained(WindowedModel(), photos, tmp_path / f"shard{which}", shard=f"{which}/2")
    merge([tmp_path / "shard1", tmp_path / "shard2"], tmp_path / "all")
    assert (tmp_path / "all/plan.json").read_bytes() == (tmp_path / "shard1/plan.json").read_bytes()
    assert recorded(tmp_path / "all")["evidence"]["windows"][0]["by_windows"]


# --- in words -----------------------------------------------------------------------------------

PLAN = WindowedModel().patch_plan(4, ("scores",))


def words(use):
    return windows_in_words({"evidence": {"windows": [use.summary()]}})


def test_a_line_says_what_is_computed_and_how_far_it_was_off():
    assert words(PatchUse(PLAN, True, PatchCheck(4, 2.14e-6, 12.0))) == [
        "40 % of the multiply-accumulates, 4 variants checked, largest difference 2.1e-06"
    ]


def test_a_line_says_where_it_is_an_approximation():
    (line,) = words(PatchUse(WindowedModel().patch_plan(4, ("scores",), 0.5), True))
    assert "approximate: no window larger than 0.5 of a map's height and width" in line


def test_a_difference_without_limit_can_be_written_and_said():
    use = PatchUse(PLAN, False, PatchCheck(4, float("inf"), 1.0))
    json.dumps(use.summary(), allow_nan=False)
    assert words(use) == ["not used: windows were off by no finite number"]


def test_a_run_of_before_there_were_windows_has_no_line():
    assert windows_in_words({"evidence": {}}) == windows_in_words({}) == []


# --- of several machines ------------------------------------------------------------------------


def test_what_several_machines_checked_of_one_plan_is_taken_together():
    first, second = PatchUse(PLAN, True, PatchCheck(4, 1e-6, 5.0)), PatchUse(PLAN, True, PatchCheck(4, 3e-6, 2.0))
    other = PatchUse(WindowedModel().patch_plan(8, ("scores",)), True, PatchCheck(4, 9e-6, 1.0))
    assert together([first, other, first, second]) == [PatchUse(PLAN, True, PatchCheck(8, 3e-6, 5.0)), other]


def test_a_model_knows_what_its_copies_elsewhere_went_by():
    use = PatchUse(PLAN, True, PatchCheck(4, 1e-6, 5.0))
    model = BatchedAdapter(WindowedModel())
    model.ran_elsewhere(12, [], [use])
    model.ran_elsewhere(12, [], [use])
    assert list(model.patch_uses) == [pickle.loads(pickle.dumps(use))]


def test_a_plan_that_one_machine_did_not_follow_stays_apart():
    used, refused = PatchUse(PLAN, True, PatchCheck(4, 1e-6, 5.0)), PatchUse(PLAN, False, PatchCheck(4, 1.0, 5.0))
    assert together([used, refused]) == [used, refused]
