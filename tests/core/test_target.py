"""Targets: what the user types becomes one number per image, worked out here by hand."""

import numpy as np
import pytest

from tests.fakes import LinearModel, SumModel, WithoutScores
from viz.core.adapter import Scores
from viz.core.errors import UnknownName, UsageError
from viz.core.readings import ClassScore, Neuron
from viz.core.target import class_target, neuron_target, ranked_classes, targets_for

RNG = np.random.default_rng(12)
WEIGHTS = RNG.normal(size=(4, 3, 5, 6)).astype(np.float32)
IMAGES = RNG.random((3, 3, 5, 6), np.float32)
NAMES = ("tabby, tabby cat", "lynx", "puma", "ounce")
SCORES = np.array([[(w * i).sum() for w in WEIGHTS.astype(float)] for i in IMAGES.astype(float)])
PRODUCTS = np.array([[(w * i).sum(axis=0) for w in WEIGHTS] for i in IMAGES])


@pytest.fixture
def model() -> LinearModel:
    return LinearModel(WEIGHTS, names=NAMES, squash="softmax")


def softmax(scores: np.ndarray) -> np.ndarray:
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def values(model: LinearModel, text: str, **options) -> np.ndarray:
    """The target's value for every image, each by its own target."""
    targets = targets_for(text, model, IMAGES, **options)
    assert len(targets) == len(IMAGES)
    return np.array([t.of(model.run(IMAGES, t.layers))[i] for i, t in enumerate(targets)])


# The tests' own models


def test_the_linear_model_is_a_weighted_sum(model: LinearModel):
    found = model.run(IMAGES, ["scores", "products", "pixels", "probabilities"])
    np.testing.assert_allclose(found["scores"], SCORES, rtol=1e-5)
    np.testing.assert_allclose(found["products"], PRODUCTS, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["probabilities"], softmax(SCORES), rtol=1e-5)
    np.testing.assert_array_equal(found["pixels"], IMAGES)
    assert model.batches == [3]


def test_the_sum_model_sums():
    images = np.full((2, 3, 4, 4), 0.5, np.float32)
    np.testing.assert_allclose(SumModel((4, 4)).run(images, ["scores"])["scores"], [[24], [24]])


# Classes


@pytest.mark.parametrize("text", ["2", "puma", "Puma "])
def test_a_class_is_its_score_before_the_softmax(model: LinearModel, text: str):
    np.testing.assert_allclose(values(model, text), SCORES[:, 2], rtol=1e-5)
    target = targets_for(text, model, IMAGES)[0]
    assert (target.label, target.class_index, target.score) == ("puma", 2, "logit")


def test_a_probability_is_asked_for(model: LinearModel):
    np.testing.assert_allclose(values(model, "lynx", score="probability"), softmax(SCORES)[:, 1], rtol=1e-5)
    assert class_target(model, 1, "probability").score == "probability"


def test_plain_scores_become_probabilities_by_softmax():
    plain = LinearModel(WEIGHTS, names=NAMES)
    np.testing.assert_allclose(values(plain, "lynx", score="probability"), softmax(SCORES)[:, 1], rtol=1e-5)


@pytest.mark.parametrize(("squash", "expected"), [("sigmoid", 1 / (1 + np.exp(-SCORES))), ("exp", np.exp(SCORES))])
def test_the_models_own_squash_is_used(squash: str, expected: np.ndarray):
    model = LinearModel(WEIGHTS, names=NAMES, squash=squash)
    np.testing.assert_allclose(values(model, "3", score="probability"), expected[:, 3], rtol=1e-5)


def test_a_model_that_shows_only_probabilities_is_read_there(model: LinearModel):
    model.scores = Scores(4, None, "probabilities", "softmax")
    np.testing.assert_allclose(values(model, "lynx"), softmax(SCORES)[:, 1], rtol=1e-5)
    assert class_target(model, 1).score == "probability"
    with pytest.raises(UsageError, match="no score before its softmax"):
        class_target(model, 1, "logit")


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_top_ranks_each_image_for_itself(model: LinearModel, rank: int):
    expected = np.sort(SCORES, axis=1)[:, -rank]
    assert len(set(np.argmax(SCORES, axis=1))) > 1, "the images must differ for this test to mean anything"
    np.testing.assert_allclose(values(model, f"top{rank}"), expected, rtol=1e-5)


@pytest.mark.parametrize("text", ["top0", "top5"])
def test_a_rank_that_does_not_exist_is_refused(model: LinearModel, text: str):
    with pytest.raises(UsageError, match=f"{text} does not exist"):
        targets_for(text, model, IMAGES)


def test_a_known_ranking_spares_the_forward_pass(model: LinearModel):
    targets = targets_for("top1", model, IMAGES, order=np.array([[3, 0, 1, 2]] * 3))
    assert [target.class_index for target in targets] == [3, 3, 3]
    assert model.batches == []


def test_ranking_tells_classes_apart_that_float32_probabilities_tie():
    scores = np.array([[0.0, 1.0, 200.0]])
    weights = np.zeros((3, 3, 1, 1), np.float32)
    model = LinearModel(weights, bias=scores[0], squash="softmax")
    order, probabilities = ranked_classes(model, np.zeros((1, 3, 1, 1), np.float32))
    assert order.tolist() == [[2, 1, 0]]
    assert probabilities.tolist() == [[0, 0, 1]]


def test_the_true_class_is_each_images_own(model: LinearModel):
    found = values(model, "label", truths=["2", "lynx", "tabby cat"])
    np.testing.assert_allclose(found, SCORES[[0, 1, 2], [2, 1, 0]], rtol=1e-5)


@pytest.mark.parametrize("truths", [None, ["2", None, "1"]])
def test_a_true_class_that_nobody_knows_is_an_error(model: LinearModel, truths: list[str | None] | None):
    with pytest.raises(UsageError, match="none is known for this image"):
        targets_for("label", model, IMAGES, truths=truths)


@pytest.mark.parametrize("text", ["pumma", "tiger shark", "9"])
def test_an_unknown_class_is_refused(model: LinearModel, text: str):
    with pytest.raises(UsageError):
        targets_for(text, model, IMAGES)


@pytest.mark.parametrize("index", [-1, 4])
def test_a_class_index_that_does_not_exist_is_refused(model: LinearModel, index: int):
    with pytest.raises(UsageError, match=f"class {index} does not exist"):
        class_target(model, index)


def test_a_model_without_class_scores_says_so_and_offers_neurons():
    model = WithoutScores(WEIGHTS)
    with pytest.raises(UsageError, match="no output of class scores") as problem:
        targets_for("top1", model, IMAGES)
    assert "viz layers --model encoder.onnx" in problem.value.next_step
    np.testing.assert_allclose(values(model, "products:1"), PRODUCTS[:, 1].mean(axis=(1, 2)), rtol=1e-4, atol=1e-6)


# Neurons


def test_a_channel_is_its_mean_over_positions(model: LinearModel):
    np.testing.assert_allclose(values(model, "products:2"), PRODUCTS[:, 2].mean(axis=(1, 2)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("layer", ["products", "Mul_0", "features.0"])
def test_a_neuron_is_one_position_by_any_name_of_its_layer(model: LinearModel, layer: str):
    np.testing.assert_allclose(values(model, f"{layer}:2@4,5"), PRODUCTS[:, 2, 4, 5], rtol=1e-5)
    assert targets_for(f"{layer}:2@4,5", model, IMAGES)[0].label == "products:2@4,5"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("products:4", "products has no channel 4"),
        ("products:0@5,0", "products has no position 5,0"),
        ("products:0@0,6", "products has no position 0,6"),
        ("scores:1@0,0", "scores has no position 0,0"),
        ("scores:4", "scores has no channel 4"),
    ],
)
def test_a_neuron_that_does_not_exist_is_refused_before_running(model: LinearModel, text: str, complaint: str):
    with pytest.raises(UsageError, match=complaint):
        targets_for(text, model, IMAGES)


def test_an_unknown_layer_gets_the_nearest_names(model: LinearModel):
    with pytest.raises(UnknownName, match="no layer is called 'product'; did you mean 'products'"):
        neuron_target(model, "product", 0)


@pytest.mark.parametrize(
    ("shape", "at", "expected"),
    [
        ((2, 3), None, [1, 4]),
        ((2, 3, 2, 2), None, [5.5, 17.5]),
        ((2, 3, 2, 2), (1, 0), [6, 18]),
        ((2, 4, 3), None, [5.5, 17.5]),  # tokens: (b, n, c)
        ((2, 4, 3), (0, 2), [7, 19]),
    ],
)
def test_a_neuron_reads_vectors_maps_and_tokens(shape: tuple[int, ...], at: tuple[int, int] | None, expected):
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    assert Neuron("x", 1, at).read({"x": values}).tolist() == expected


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1), (2, 3, 1, 1)])
def test_class_scores_are_read_alike_however_many_ones_follow(shape: tuple[int, ...]):
    values = np.arange(6, dtype=np.float32).reshape(shape)
    assert ClassScore("x", 1).read({"x": values}).tolist() == [1, 4]


@pytest.mark.parametrize(("channel", "at"), [(3, None), (0, (5, 0))])
def test_a_layer_of_unknown_shape_is_checked_when_it_is_read(channel: int, at: tuple[int, int] | None):
    with pytest.raises(UsageError, match=r"x is \(3, 2, 2\) per image and has no :"):
        Neuron("x", channel, at).read({"x": np.zeros((2, 3, 2, 2), np.float32)})


# Sums


def test_targets_add_subtract_and_scale(model: LinearModel):
    tabby, lynx = class_target(model, 0), class_target(model, 1)
    for target, expected in [
        (tabby - lynx, SCORES[:, 0] - SCORES[:, 1]),
        (tabby + lynx + tabby, 2 * SCORES[:, 0] + SCORES[:, 1]),
        (0.5 * (tabby - 3 * lynx), 0.5 * SCORES[:, 0] - 1.5 * SCORES[:, 1]),
    ]:
        found = target.of(model.run(IMAGES, target.layers))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_differences_can_be_typed(model: LinearModel):
    np.testing.assert_allclose(values(model, "tabby - lynx + 2"), SCORES[:, 0] - SCORES[:, 1] + SCORES[:, 2], rtol=1e-4)
    ranked = np.sort(SCORES, axis=1)
    np.testing.assert_allclose(values(model, "top1 - top2"), ranked[:, -1] - ranked[:, -2], rtol=1e-4)
    assert targets_for("tabby - lynx", model, IMAGES)[0].label == "tabby, tabby cat - lynx"


def test_a_difference_of_a_class_and_a_neuron_needs_both_layers(model: LinearModel):
    target = targets_for("lynx - products:0@1,1", model, IMAGES)[0]
    assert target.layers == ("scores", "products")
    found = target.of(model.run(IMAGES, target.layers))
    np.testing.assert_allclose(found, SCORES[:, 1] - PRODUCTS[:, 0, 1, 1], rtol=1e-4)


def test_a_layer_that_several_terms_read_is_asked_for_once(model: LinearModel):
    assert (class_target(model, 0) - class_target(model, 1)).layers == ("scores",)
