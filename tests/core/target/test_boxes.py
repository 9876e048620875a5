"""Detectors: a box chosen on the clean image by class and overlap; its score is then read wherever the image goes."""

import numpy as np
import pytest

from tests.fakes import LinearModel, TensorModel
from viz.core.errors import ImageError, UnknownName, UsageError
from viz.core.gradients import input_gradients
from viz.core.target import check_target, targets_for, targets_or_problems
from viz.core.target.box_format import BoxFormat

RNG = np.random.default_rng(9)
SIZE = (100, 200)
NAMES = ("cat", "dog")
# Left, top, right, bottom in pixels; objectness, cat, dog. The last five are as good as nothing.
BOXES = np.array(
    [[10, 10, 50, 50], [12, 10, 50, 50], [120, 20, 180, 80], [60, 0, 110, 100], [150, 50, 200, 100]]
    + [[60 + 5 * i, 90, 65 + 5 * i, 100] for i in range(5)],
    float,
)
SCORES = np.array(
    [[0.9, 0.1, 0.8], [0.95, 0.1, 0.85], [0.8, 0.9, 0.05], [0.02, 0.5, 0.5], [0.6, 0.3, 0.6]] + 5 * [[0.01, 0.5, 0.5]]
)
SOFTMAXED = np.array(
    [[0.1, 0.1, 0.8], [0.9, 0.05, 0.05], [0.33, 0.65, 0.02], [0.8, 0.1, 0.1], [0.7, 0.1, 0.2]]
    + 5 * [[0.98, 0.01, 0.01]]
)
IMAGES = np.full((2, 3, *SIZE), 0.5, np.float32)
IMAGES[1] = 0.25


def centred(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def brightness(x):
    """(b, 1, 1): 1 for the first image, 1/2 for the second."""
    return 2 * x.mean(axis=(1, 2, 3))[:, None, None]


def constant(array):
    """The array for every image, in the images' own arithmetic."""
    array = np.asarray(array, np.float32)
    return lambda x: brightness(x) * 0 + (array if isinstance(x, np.ndarray) else x.new_tensor(array))


def yolo(names=NAMES, boxes=None) -> TensorModel:
    """(b, n, 5 + classes), scores in proportion to brightness."""
    places, scores = constant(centred(BOXES) if boxes is None else boxes), constant(SCORES)
    return TensorModel({"rows": lambda x: joined(x, places(x), brightness(x) * scores(x))}, SIZE, names=names)


def joined(x, *parts):
    if isinstance(x, np.ndarray):
        return np.concatenate(parts, axis=2)
    import torch

    return torch.cat(parts, dim=2)


def yolo8() -> TensorModel:
    """(b, 4 + classes, n): no objectness."""
    places, scores = constant(centred(BOXES)), constant(SCORES[:, 1:])
    return TensorModel({"columns": lambda x: joined(x, places(x), brightness(x) * scores(x)).swapaxes(1, 2)}, SIZE)


def apart(logits: bool = True, names=("background", *NAMES)) -> TensorModel:
    """Scores (b, n, classes) after a softmax, background first, and corners (b, n, 4) as shares."""
    raw = np.log(SOFTMAXED)
    shares = BOXES / [200, 100, 200, 100]
    functions = {"logits": lambda x: brightness(x) * constant(raw)(x)} if logits else {}
    functions["scores"] = lambda x: softmax(brightness(x) * constant(raw)(x))
    functions["boxes"] = constant(shares)
    return TensorModel(functions, SIZE, outputs=("scores", "boxes"), names=names)


def softmax(x):
    e = 2.718281828459045**x
    return e / e.sum(2)[:, :, None]


def chosen(text, model, **options):
    """The box of the first image's target."""
    return targets_for(text, model, IMAGES[:1], **options)[0].terms[0].reading.box


def values(text, model, images=IMAGES, **options) -> np.ndarray:
    targets = targets_for(text, model, images, **options)
    return np.array([t.of(model.run(images, t.layers))[i] for i, t in enumerate(targets)])


# Which box


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("box dog", 1),  # 0.95 x 0.85
        ("box cat", 2),
        ("box 1", 1),
        ("box top1", 1),
        ("box dog near 120,20,180,80", 4),  # the cat's box overlaps more, and is hardly a dog
        ("box cat near 120,20,180,80", 2),
        ("box dog near 145,45,200,100", 4),
        ("box dog near 10,10,50,50", 1),  # overlaps nearly as much as box 0, and is surer
        ("box top1 near 110,20,180,80", 2),
    ],
)
@pytest.mark.parametrize("make", [yolo, apart])
def test_a_box_is_chosen_by_class_and_overlap(text, box, make):
    if make is apart:
        text = text.replace("box 1", "box 2")  # after background
        box = {1: 0}.get(box, box)  # where box 1 is background
    assert chosen(text, make()) == box


def test_the_greatest_overlap_decides_between_boxes_that_differ():
    places = np.concatenate([[[0, 0, 40, 40], [20, 0, 60, 40]], BOXES[2:]])
    model = yolo(boxes=centred(places))
    assert chosen("box dog near 0,0,38,40", model) == 0
    assert chosen("box dog near 22,0,60,40", model) == 1


def test_the_label_says_which_box_it_is():
    assert targets_for("box cat", yolo(), IMAGES)[0].label == "cat box 120,20,180,80"
    assert targets_for("box cat", apart(), IMAGES)[0].label == "cat box 120,20,180,80"


def test_background_is_no_answer_to_what_is_there():
    assert targets_for("box top1", apart(names=()), IMAGES)[0].label == "class 2 box 10,10,50,50"


def test_an_image_without_an_overlapping_box_is_a_failure_of_that_image():
    found = targets_or_problems("box dog near 0,90,5,100", yolo(), IMAGES)
    assert all(isinstance(one, ImageError) for one in found)
    assert "its best box of 'dog' is 12,10,50,50" in str(found[0])


def test_each_image_has_its_own_true_class():
    targets = targets_for("box label", yolo(), IMAGES, truths=["cat", "dog"])
    assert [target.label.split()[0] for target in targets] == ["cat", "dog"]


# What is read


def test_the_number_is_objectness_times_class_score_of_the_same_box():
    target = targets_for("box dog", yolo(), IMAGES)[0]
    np.testing.assert_allclose(target.of(yolo().run(IMAGES, ["rows"])), [0.95 * 0.85, 0.95 * 0.85 / 4], rtol=1e-5)
    assert target.score == "probability"


def test_without_objectness_it_is_the_class_score():
    np.testing.assert_allclose(values("box 1", yolo8()), [0.85, 0.425], rtol=1e-5)
    assert chosen("box 0 near 110,20,180,80", yolo8()) == 2


def test_scores_apart_from_their_boxes_are_read_before_the_softmax():
    target = targets_for("box dog", apart(), IMAGES)[0]
    assert (target.layers, target.score) == (("logits",), "logit")
    np.testing.assert_allclose(values("box dog", apart()), np.log(0.8) * np.array([1, 0.5]), rtol=1e-5)


def test_scores_apart_are_read_as_probabilities_where_asked_for():
    for model in (apart(), apart(logits=False)):
        found = values("box dog", model, IMAGES[:1], score="probability")
        np.testing.assert_allclose(found, [0.8], rtol=1e-5)
    assert targets_for("box dog", apart(logits=False), IMAGES)[0].score == "probability"


@pytest.mark.parametrize("text", ["box dog", "box cat near 110,20,180,80", "box dog - box cat"])
@pytest.mark.parametrize("make", [yolo, apart])
def test_gradients_are_those_of_differences(text, make):
    model = make()
    targets = targets_for(text, model, IMAGES)
    found = input_gradients(model, IMAGES, targets)
    np.testing.assert_allclose(found.values, values(text, model), rtol=1e-5)
    step = np.float32(1e-2)
    read = [[t.of(model.run(x, t.layers))[i] for i, t in enumerate(targets)] for x in (IMAGES + step, IMAGES - step)]
    numeric = (np.array(read[0], float) - read[1]) / 2e-2
    np.testing.assert_allclose(found.pixels.sum(axis=(1, 2, 3)), numeric, rtol=1e-3)


# What the numbers of a box mean


@pytest.mark.parametrize(
    ("order", "rewrite"),
    [
        ("xyxy", lambda b: b),
        ("yxyx", lambda b: b[:, [1, 0, 3, 2]]),
        ("xywh", lambda b: np.concatenate([b[:, :2], b[:, 2:] - b[:, :2]], axis=1)),
        ("cxcywh", centred),
    ],
)
@pytest.mark.parametrize("units", ["pixels", "shares"])
def test_every_format_of_boxes_is_read_back(order, rewrite, units):
    scale = {"pixels": np.ones(4), "shares": 1 / np.array([200, 100, 200, 100])}[units]
    written = rewrite(BOXES * scale).astype(np.float32)
    np.testing.assert_allclose(BoxFormat(order, units).corners(written, SIZE), BOXES, rtol=1e-5)
    if order in ("xyxy", "cxcywh"):  # these two are told apart, as are their units
        np.testing.assert_allclose(BoxFormat().corners(written, SIZE), BOXES, rtol=1e-5)
        assert chosen(f"box cat near 120,20,180,80 as {order},{units}", yolo(boxes=written)) == 2


def test_a_format_in_words():
    assert BoxFormat.parse("yxyx,shares,no-objectness") == BoxFormat("yxyx", "shares", False)
    with pytest.raises(UnknownName, match="no format of boxes is called 'xyyx'; did you mean 'xyxy'"):
        check_target("box dog as xyyx", yolo())


def test_numbers_that_are_no_boxes_are_refused():
    with pytest.raises(UsageError, match="10 of 10 boxes end before they begin"):
        targets_for("box dog", yolo(boxes=-centred(BOXES)), IMAGES)


def test_objectness_can_be_given():
    """Without labels, rows are taken to have objectness; the user may know better."""
    model = yolo(names=())
    assert targets_for("box 1", model, IMAGES)[0].terms[0].reading.channels == (4, 6)
    assert targets_for("box 1 as no-objectness", model, IMAGES)[0].terms[0].reading.channels == (5,)


# What cannot be


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("box dig", "no class is called 'dig'; did you mean 'dog'"),
        ("box 2", "class 2 does not exist"),
        ("box top2", "boxes of lower rank mostly show the same again"),
        ("box dog near 0,0,300,50", "the box 0,0,300,50 does not lie in the model's input, 200 wide and 100 high"),
        ("box dog of row", "no layer is called 'row'; did you mean 'rows'"),
        ("dog in mask", r"no output of class scores for every place.*1 output: rows \(b, 10, 7\)"),
        ("dog", "no output of class scores"),
    ],
)
def test_what_cannot_be_is_said_without_a_run(text, complaint):
    model = yolo()
    with pytest.raises(UsageError, match=complaint):
        check_target(text, model)
    assert model.runs == []


def test_labels_of_another_number_are_refused():
    with pytest.raises(UsageError, match=r"four numbers of the box, one of objectness and 2 class.* are 7 labels"):
        targets_for("box a", yolo(names=tuple("abcdefg")), IMAGES)
    with pytest.raises(UsageError, match="scores gives 3 class scores for each box, and there are 2 labels"):
        targets_for("box cat", apart(names=NAMES), IMAGES)


def test_labels_tell_whether_there_is_objectness():
    target = targets_for("box a", yolo(names=("a", "b", "c")), IMAGES)[0]  # 7 numbers: 4 + 3
    assert target.terms[0].reading.channels == (4,)


def test_a_classifier_has_no_boxes():
    with pytest.raises(UsageError, match=r"linear gives no boxes; the model has 1 output: scores \(b, 4\)"):
        targets_for("box 1", LinearModel(RNG.normal(size=(4, 3, *SIZE))), IMAGES)


def test_boxes_that_were_selected_already_cannot_be_followed():
    rows = np.concatenate([BOXES, SCORES[:, :1], [[i % 3] for i in range(10)]], axis=1)
    with pytest.raises(UsageError, match="which of them is which changes with the image"):
        targets_for("box 0", TensorModel({"selected": constant(rows)}, SIZE), IMAGES)


def test_logits_with_objectness_cannot_be_multiplied():
    rows = np.concatenate([centred(BOXES), 9 * SCORES - 4], axis=1)
    with pytest.raises(UsageError, match="only probabilities can be multiplied"):
        targets_for("box 1", TensorModel({"rows": constant(rows)}, SIZE), IMAGES)


def test_a_score_that_the_model_does_not_give_is_refused():
    with pytest.raises(UsageError, match="rows gives each box's probability, and nothing else"):
        targets_for("box dog", yolo(), IMAGES, score="logit")
