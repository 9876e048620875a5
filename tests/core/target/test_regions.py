"""Segmenters: a class at a pixel, in a box and over the mask that the model predicts."""

import numpy as np
import pytest

from tests.fakes import LinearModel, TensorModel
from viz.core.errors import ImageError, UsageError
from viz.core.gradients import input_gradients
from viz.core.readings import Constant
from viz.core.target import check_target, targets_for, targets_or_problems

RNG = np.random.default_rng(5)
SIZE = (8, 12)
COLOURS = ("red", "green", "blue")
IMAGES = RNG.random((3, 3, *SIZE), np.float32)
IMAGES[2] = IMAGES[2] * 0.5  # nowhere blue
IMAGES[2, 2] = 0


def segmenter(names=COLOURS) -> TensorModel:
    """The class at each pixel is its strongest colour channel."""
    return TensorModel({"maps": lambda x: 4 * x}, SIZE, names=names)


def values(model, text, images=IMAGES, **options) -> np.ndarray:
    targets = targets_for(text, model, images, **options)
    return np.array([t.of(model.run(images, t.layers))[i] for i, t in enumerate(targets)])


def test_a_pixel_is_row_and_column_of_the_input():
    np.testing.assert_allclose(values(segmenter(), "green@3,10"), 4 * IMAGES[:, 1, 3, 10])
    assert targets_for("green@3,10", segmenter(), IMAGES)[0].label == "green@3,10"


def test_a_box_is_left_top_right_bottom_and_gives_the_mean():
    np.testing.assert_allclose(values(segmenter(), "1 in 2,1,5,7"), 4 * IMAGES[:, 1, 1:7, 2:5].mean(axis=(1, 2)), 1e-6)
    assert targets_for("1 in 2, 1, 5, 7", segmenter(), IMAGES)[0].label == "green in 2,1,5,7"


def test_a_box_covers_cells_of_a_coarser_grid_in_part():
    coarse = TensorModel({"maps": lambda x: x[:, :, ::4, ::4]}, SIZE, names=COLOURS)  # 2 x 3 cells of 4 pixels
    cells = IMAGES[:, 0, ::4, ::4]
    expected = (4 * cells[:, 0, 0] + 2 * cells[:, 0, 1]) / 6  # all of the first cell, half of the second
    np.testing.assert_allclose(values(coarse, "red in 0,0,6,4"), expected, rtol=1e-6)
    np.testing.assert_allclose(values(coarse, "red@7,11"), cells[:, 1, 2], rtol=1e-6)


def test_cells_may_be_wider_than_they_are_high():
    wide = TensorModel({"maps": lambda x: x[:, :, :, ::3]}, SIZE, names=COLOURS)
    np.testing.assert_allclose(values(wide, "red@5,10"), IMAGES[:, 0, 5, 9], rtol=1e-6)


def test_a_mask_is_where_the_class_wins_in_the_clean_image():
    images = IMAGES[:2]
    for i, target in enumerate(targets_for("blue in mask", segmenter(), images)):
        mask = images[i].argmax(axis=0) == 2
        assert 0 < mask.sum() < mask.size
        np.testing.assert_allclose(target.of({"maps": 4 * images[i : i + 1]}), 4 * images[i, 2][mask].mean(), rtol=1e-5)
        black = np.zeros((1, 3, *SIZE), np.float32)
        black[0, 2] = 4 * mask
        assert target.of({"maps": black})[0] == pytest.approx(4), "the mask must not follow the image"


def test_a_class_that_is_predicted_nowhere_is_a_failure_of_that_image_only():
    found = targets_or_problems("blue in mask", segmenter(), IMAGES)
    assert [isinstance(one, ImageError) for one in found] == [False, False, True]
    assert str(found[2]).startswith("the model predicts 'blue' nowhere in this image; it predicts: red, green")
    with pytest.raises(ImageError, match="predicts 'blue' nowhere"):
        targets_for("blue in mask", segmenter(), IMAGES)


def test_a_failure_in_one_term_is_a_failure_of_the_sum():
    found = targets_or_problems("red in mask - blue in mask", segmenter(), IMAGES)
    assert [isinstance(one, ImageError) for one in found] == [False, False, True]


@pytest.mark.parametrize(
    ("text", "ranking"),
    [
        ("top1@2,2", lambda image: image[:, 2, 2]),
        ("top2 in 1,1,4,4", lambda image: image[:, 1:4, 1:4].mean(axis=(1, 2))),
        ("top1 in mask", lambda image: np.bincount(image.argmax(axis=0).ravel(), minlength=3)),
    ],
)
def test_ranks_are_each_images_own(text, ranking):
    rank = int(text[3]) - 1
    expected = [COLOURS[np.argsort(-ranking(image), kind="stable")[rank]] for image in IMAGES]
    assert [target.label.split("@")[0].split(" in")[0] for target in targets_for(text, segmenter(), IMAGES)] == expected


def test_the_true_class_is_each_images_own():
    labels = [t.label for t in targets_for("label@0,0", segmenter(), IMAGES, truths=["red", "1", "blue"])]
    assert labels == ["red@0,0", "green@0,0", "blue@0,0"]


@pytest.mark.parametrize("names", [COLOURS, ()])
def test_channels_may_be_last(names):
    last = TensorModel({"maps": lambda x: 4 * x.swapaxes(1, 2).swapaxes(2, 3)}, SIZE, names=names)
    assert last.layers["maps"].shape == (None, *SIZE, 3)
    for text in ("1@3,10", "1 in 2,1,5,7", "1 in mask"):
        np.testing.assert_allclose(values(last, text), values(segmenter(), text), rtol=1e-5)


def test_a_single_class_is_predicted_where_it_is_likelier_than_not():
    logit = TensorModel({"map": lambda x: x[:, :1] - 0.5}, SIZE)
    share = TensorModel({"map": lambda x: x[:, :1]}, SIZE)
    inside = IMAGES[0, 0] > 0.5
    weights = Constant.of(inside / inside.sum())
    for model in (logit, share):
        assert targets_for("0 in mask", model, IMAGES[:1])[0].terms[0].reading.weights == weights


# Before the softmax


def softmax(x):
    """Over classes, in arithmetic that numpy and torch share."""
    e = 2.718281828459045**x
    return e / e.sum(1)[:, None]


def with_softmax() -> TensorModel:
    return TensorModel({"logits": lambda x: 4 * x, "other": lambda x: 2 * x, "shares": lambda x: softmax(4 * x)}, SIZE)


def test_the_scores_before_the_softmax_are_found_by_their_values():
    target = targets_for("1@3,10", with_softmax(), IMAGES)[0]
    assert (target.layers, target.score) == (("logits",), "logit")
    np.testing.assert_allclose(values(with_softmax(), "1@3,10"), 4 * IMAGES[:, 1, 3, 10], rtol=1e-6)


def test_probabilities_are_read_where_they_are_asked_for():
    expected = softmax(4 * IMAGES)[:, 1, 3, 10]
    assert targets_for("1@3,10", with_softmax(), IMAGES, score="probability")[0].score == "probability"
    np.testing.assert_allclose(values(with_softmax(), "1@3,10", score="probability"), expected, rtol=1e-5)
    np.testing.assert_allclose(values(segmenter(), "1@3,10", score="probability"), expected, rtol=1e-5)


def test_shares_with_nothing_before_them_are_read_as_they_are():
    model = TensorModel({"shares": lambda x: softmax(4 * x)}, SIZE)
    assert targets_for("1@3,10", model, IMAGES)[0].score == "probability"
    with pytest.raises(UsageError, match="output 'shares' gives probabilities, and no tensor before"):
        targets_for("1@3,10", model, IMAGES, score="logit")


# Gradients


@pytest.mark.parametrize("text", ["green@3,10", "green in 2,1,5,7", "red in mask", "red in mask - green@3,10"])
@pytest.mark.parametrize("score", ["logit", "probability"])
def test_gradients_are_those_of_differences(text, score):
    model, images = with_softmax(), IMAGES[:2]
    model.labels = segmenter().labels
    targets = targets_for(text, model, images, score)
    found = input_gradients(model, images, targets)
    np.testing.assert_allclose(found.values, values(model, text, images, score=score), rtol=1e-5)
    direction = RNG.normal(size=images.shape).astype(np.float32)
    step = np.float32(1e-2) * direction
    read = [[t.of(model.run(x, t.layers))[i] for i, t in enumerate(targets)] for x in (images + step, images - step)]
    numeric = (np.array(read[0], float) - read[1]) / 2e-2
    np.testing.assert_allclose((found.pixels * direction).sum(axis=(1, 2, 3)), numeric, rtol=5e-3, atol=1e-3)


# What cannot be


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("green@8,0", r"pixel 8,0 \(row, column\) is not in the model's input, 8 rows by 12 columns"),
        ("green in 0,0,13,4", "the box 0,0,13,4 does not lie in the model's input, 12 wide and 8 high"),
        ("green in 4,0,4,4", "the box 4,0,4,4 does not lie"),
        ("gren in mask", "no class is called 'gren'; did you mean 'green'"),
        ("3 in mask", "class 3 does not exist"),
        ("top4 in mask", "top4 does not exist"),
        ("green in mask of mops", "no layer is called 'mops'; did you mean 'maps'"),
        ("green", r"no output of class scores; the model has 1 output: maps \(b, 3, 8, 12\)"),
    ],
)
def test_what_cannot_be_is_said_without_a_run(text, complaint):
    model = segmenter()
    with pytest.raises(UsageError, match=complaint):
        check_target(text, model)
    assert model.runs == []


def test_the_error_names_targets_that_do_work():
    with pytest.raises(UsageError) as problem:
        targets_for("top1", segmenter(), IMAGES)
    assert "'CLASS in mask'" in problem.value.next_step
    check_target("red in mask", segmenter())


def test_labels_of_another_number_are_refused():
    with pytest.raises(UsageError, match="maps scores 3 classes, and there are 2 labels"):
        targets_for("red in mask", segmenter(names=("red", "green")), IMAGES)


def test_a_classifier_has_no_places():
    model = LinearModel(RNG.normal(size=(4, 3, *SIZE)))
    model.layers["scores"] = type(model.layers["scores"])("scores", "Sum", (None, 4, 1, 1))
    with pytest.raises(UsageError, match="linear scores the whole image, not its parts"):
        targets_for("1 in mask", model, IMAGES)


def test_another_tensor_can_be_named():
    model = TensorModel({"inner": lambda x: -x, "maps": lambda x: x}, SIZE, names=COLOURS)
    np.testing.assert_allclose(values(model, "red@1,2 of inner"), -IMAGES[:, 0, 1, 2])
