"""Adaptive occlusion: the full map from a part of its positions, whole whenever it stops."""

import numpy as np
import pytest

from tests.fakes import LinearModel, SumModel, TensorModel
from viz.adapters.callable_model import CallableAdapter
from viz.core.batching import BatchedAdapter
from viz.core.errors import ImageError, UsageError
from viz.core.target import class_target, targets_for
from viz.render import further_pictures
from viz.techniques.attribution import _adaptive_occlusion
from viz.techniques.attribution.occlusion import Occlusion

SIZE = (60, 60)


def explain(model, images, **options):
    return Occlusion(**{"patch": 8, "stride": 2, **options})(model, images, targets_for("0", model, images))


def blob(middle=(43, 16), width=3, size=SIZE):
    """One class, that looks at one small blob."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    near = (np.abs(rows - middle[0]) <= width) & (np.abs(columns - middle[1]) <= width)
    return LinearModel(np.broadcast_to(near, (1, 3, *size)).astype(np.float32))


def pictures(count, size=SIZE):
    return np.random.default_rng(1).random((count, 3, *size), np.float32)


def noise(seed=0):
    return LinearModel(np.random.default_rng(seed).normal(size=(3, 3, *SIZE)).astype(np.float32))


def test_the_map_of_a_sum_is_the_full_one():
    def add_up(images):
        return images.sum(axis=(1, 2, 3), dtype=np.float64)[:, None]

    model, white = CallableAdapter(add_up, size=SIZE, probabilities=False), np.ones((1, 3, *SIZE), np.float32)
    [full], [found] = explain(model, white), explain(model, white, adaptive=True)
    np.testing.assert_array_equal(found.heat, full.heat)
    assert found.numbers["positions_computed"] < found.numbers["positions"] / 3


def test_a_small_blob_is_found_with_few_positions():
    model, white = blob(), np.ones((1, 3, *SIZE), np.float32)
    [full], [found] = explain(model, white), explain(model, white, adaptive=True, positions=0.2)
    assert found.numbers["positions_computed"] <= 0.2 * 27 * 27
    assert (found.numbers["peak_y"], found.numbers["peak_x"]) == (full.numbers["peak_y"], full.numbers["peak_x"])
    assert found.numbers["drop"] == pytest.approx(full.numbers["drop"], rel=1e-6)


def test_all_positions_give_the_full_map_to_the_byte():
    model, images = noise(), pictures(3)
    full, found = explain(model, images), explain(model, images, adaptive=True, positions=1.0)
    for one, other in zip(full, found, strict=True):
        assert one.heat.tobytes() == other.heat.tobytes()
        assert one.arrays["drops"].tobytes() == other.arrays["drops"].tobytes()
        assert other.arrays["computed"].all() and other.numbers["rank_correlation_estimate"] == 1


def test_without_time_the_map_is_whole_and_coarse():
    model, images = noise(), pictures(2)
    for full, found in zip(explain(model, images), explain(model, images, adaptive=True, max_time=0), strict=True):
        computed = found.arrays["computed"]
        assert computed[0, 0] and computed[-1, -1] and computed.mean() < 0.15
        np.testing.assert_array_equal(found.arrays["drops"][computed], full.arrays["drops"][computed])
        assert np.isfinite(found.heat).all()
        assert np.corrcoef(found.heat.ravel(), full.heat.ravel())[0, 1] > 0.5


def test_time_that_runs_out_ends_the_search_after_that_round(monkeypatch):
    """A clock that goes one second on whenever it is read: seven seconds for two images are over after some rounds."""
    now = iter(range(1000))
    monkeypatch.setattr(_adaptive_occlusion.time, "monotonic", lambda: float(next(now)))
    model, images = noise(), pictures(2)
    computed = [
        [one.numbers["positions_computed"] for one in explain(model, images, adaptive=True, max_time=seconds)]
        for seconds in (0, 1, 1.5, 100)
    ]
    assert computed == sorted(computed) and computed[0] < computed[1] < computed[2] < computed[3]


def test_the_same_call_gives_the_same_bytes_and_rounds_run_across_images():
    model, images = noise(), pictures(4)
    batched = BatchedAdapter(model, 16)
    first, again = (explain(batched, images, adaptive=True) for _ in range(2))
    alone = [explain(model, images[i : i + 1], adaptive=True)[0] for i in range(4)]
    for one, two, three in zip(first, again, alone, strict=True):
        assert one.heat.tobytes() == two.heat.tobytes()
        np.testing.assert_array_equal(one.arrays["computed"], three.arrays["computed"])
        np.testing.assert_allclose(one.heat, three.heat, atol=1e-5)


def test_passes_are_no_fewer_than_there_are():
    model = noise()
    for options in ({"positions": 0.3}, {"positions": 1.0}, {"positions": 0.01}, {"patch": 60, "stride": 60}):
        model.batches.clear()
        explain(model, pictures(1), adaptive=True, **options)
        passes = Occlusion(**{"patch": 8, "stride": 2, "adaptive": True, **options}).passes(SIZE)
        assert passes - 6 <= sum(model.batches) <= passes


def test_the_class_under_the_patch_is_that_of_the_nearest_position_computed():
    """Class 0 reads the left half, class 1 the right: hide some of the left and class 1 wins."""
    weights = np.zeros((2, 3, *SIZE), np.float32)
    weights[0, :, :, :30], weights[1, :, :, 30:] = 1.01, 1.0
    model, white = LinearModel(weights), np.ones((1, 3, *SIZE), np.float32)
    options = {"show_class": True, "fill": "black"}
    [full], [found] = explain(model, white, **options), explain(model, white, adaptive=True, **options)
    assert set(np.unique(found.arrays["predicted_class"])) == {0, 1}
    assert (found.arrays["predicted_class"] == full.arrays["predicted_class"]).mean() > 0.9


def test_a_class_is_never_one_between_two_others():
    """Three classes in columns: 0, then 2. What lies between is one of them."""
    nearest = _adaptive_occlusion._of_the_nearest
    values, computed = np.array([[0, 9, 9, 9, 2]]), np.array([[True, False, False, False, True]])
    assert nearest(values, computed).tolist()[0] in ([0, 0, 0, 2, 2], [0, 0, 2, 2, 2])


def test_deletion_and_insertion_judge_the_map_that_there_is():
    model, white = blob(), np.ones((1, 3, *SIZE), np.float32)
    [found] = explain(model, white, adaptive=True, evaluate=True)
    assert found.numbers["deletion_auc"] < found.numbers["score"] / 4
    assert found.arrays["computed"].any()


def test_a_picture_shows_what_was_computed():
    [found] = explain(noise(), pictures(1), adaptive=True)
    picture = further_pictures(found, noise().labels)["computed"]
    computed = found.arrays["computed"]
    assert (picture[::8, ::8, 0][: computed.shape[0], : computed.shape[1]] == 255).tolist() == computed.tolist()


def test_a_map_that_cannot_be_trusted_says_so():
    """With patches side by side and weights that are noise, a position says nothing of its neighbours."""
    [found] = explain(noise(), pictures(1), patch=2, stride=2, adaptive=True)
    assert found.numbers["rank_correlation_estimate"] < 0.8
    assert "rank correlation" in found.warnings[-1]
    [sum_map] = explain(SumModel(SIZE), np.ones((1, 3, *SIZE), np.float32), adaptive=True)
    assert not [warning for warning in sum_map.warnings if "rank correlation" in warning]


def test_an_image_whose_scores_are_no_numbers_fails_and_the_others_go_on():
    def broken_where_black(images):
        sums = images.sum(axis=(2, 3)).mean(axis=1, keepdims=True)
        return np.where(images[:, :, 20:40, 20:40].min(axis=(1, 2, 3))[:, None] <= 0, np.nan, sums).astype(np.float32)

    model = TensorModel({"sums": broken_where_black}, SIZE)
    images = np.stack([np.ones((3, *SIZE), np.float32), np.ones((3, *SIZE), np.float32)])
    images[1, :, 30, 30] = 0
    targets = targets_for("sums:0", model, images)
    passes: list[int] = []
    technique = Occlusion(patch=8, stride=2, adaptive=True)
    good, bad = technique(BatchedAdapter(model, counted=passes.append), images, targets)
    assert sum(passes) < 1.6 * technique.passes(SIZE), "the broken one has its first round only"
    assert isinstance(bad, ImageError) and "not a finite number" in bad.problem
    assert np.isfinite(good.heat).all()


def test_parts_that_were_never_hidden_are_warned_of():
    """A quarter of a grid with steps of half a patch leaves gaps; of one with steps of a quarter, it does not."""
    [gaps] = explain(blob(), pictures(1), patch=8, stride=4, adaptive=True)
    assert "never hidden" in gaps.warnings[0]
    assert not [warning for warning in gaps.warnings if "changes nothing" in warning], "that is not known"
    [none] = explain(blob(), pictures(1), patch=16, stride=4, adaptive=True)
    assert not [warning for warning in none.warnings if "never hidden" in warning]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"positions": 0.5}, r"--positions 0.5 needs --adaptive"),
        ({"max_time": 3.0}, r"--max-time 3 needs --adaptive"),
        ({"adaptive": True, "positions": 0.0}, r"--positions is 0"),
        ({"adaptive": True, "positions": 1.5}, r"--positions is 1.5"),
        ({"adaptive": True, "max_time": -1.0}, r"--max-time is -1"),
    ],
)
def test_options_that_make_no_sense_are_named(options, message):
    with pytest.raises(UsageError, match=message):
        Occlusion(**options)


@pytest.mark.parametrize("size", [(8, 60), (60, 8), (9, 8), (8, 8)])
def test_narrow_images_have_maps_too(size):
    model = LinearModel(np.ones((1, 3, *size), np.float32))
    image = np.ones((1, 3, *size), np.float32)
    found = Occlusion(patch=8, stride=1, adaptive=True)(model, image, [class_target(model, 0)])[0]
    np.testing.assert_allclose(found.heat, 3 * 64 * 0.5, rtol=1e-5)
