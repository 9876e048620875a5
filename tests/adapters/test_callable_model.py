"""Any function from images to scores is a model for every technique that needs no gradient."""

import numpy as np
import pytest

from tests.adapters.torch_models import pixels
from viz.adapters.callable_model import CallableAdapter
from viz.core.adapter import Scores
from viz.core.errors import ModelError, UnknownName
from viz.core.preprocess import Preprocess
from viz.core.target import class_target, ranked_classes, targets_for

SIZE = (8, 12)


def mean_colours(images):
    return images.mean((2, 3))


def test_scores_are_those_of_the_function():
    images = pixels(4, SIZE)
    model = CallableAdapter(mean_colours, SIZE)
    np.testing.assert_array_equal(model.run(images, ["scores"])["scores"], mean_colours(images))
    assert (model.size, model.outputs, model.source.name) == (SIZE, ("scores",), "mean_colours")
    assert model.scores == Scores(3, "scores", None)


def test_targets_work_on_it():
    images = np.zeros((2, 3, *SIZE), np.float32)
    images[0, 2] = 1
    images[1, 0] = 1
    model = CallableAdapter(mean_colours, SIZE, labels=("red", "green", "blue"))
    assert [target.label for target in targets_for("top1", model, images)] == ["blue", "red"]
    values = model.run(images, ["scores"])
    assert class_target(model, 2).of(values).tolist() == [1, 0]
    assert ranked_classes(model, images)[1].sum(axis=1) == pytest.approx(1)


def test_the_function_gets_an_array_of_its_own():
    def greedy(images):
        images[:] = 0
        return np.ones((len(images), 2))

    images = pixels(2, SIZE)
    before = images.copy()
    CallableAdapter(greedy, SIZE).run(images, ["scores"])
    np.testing.assert_array_equal(images, before)


def test_the_function_gets_images_as_it_wants_them():
    seen = []

    def record(images):
        seen.append(images)
        return np.ones((len(images), 2))

    wanted = Preprocess(SIZE, channels="bgr", layout="nhwc", range=(0.0, 255.0))
    CallableAdapter(record, SIZE, preprocess=wanted).run(pixels(1, SIZE), ["scores"])
    np.testing.assert_allclose(seen[-1], pixels(1, SIZE)[:, ::-1].transpose(0, 2, 3, 1) * 255, rtol=1e-5)


def softmax_of_means(images):
    e = np.exp(mean_colours(images))
    return e / e.sum(axis=1, keepdims=True)


def test_probabilities_are_recognized_or_as_the_user_says():
    found = CallableAdapter(softmax_of_means, SIZE)
    assert found.scores == Scores(3, None, "scores") and "read as probabilities" in found.notes[0]
    assert CallableAdapter(softmax_of_means, SIZE, probabilities=False).scores == Scores(3, "scores", None)
    told = CallableAdapter(mean_colours, SIZE, probabilities=True)
    assert told.scores == Scores(3, None, "scores") and told.notes == []


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda images: images.mean(), r"gave shape \(\) for 2 images"),
        (lambda images: images[:1].mean((2, 3)), r"gave shape \(1, 3\) for 2 images"),
        (lambda images: images.mean((1, 2, 3)), r"gave shape \(2,\) for 2 images"),
        (lambda images: np.zeros((2, 0)), r"gave shape \(2, 0\) for 2 images"),
        (lambda images: np.full((2, 3), np.nan), r"gave nan for class 0, 6 such values"),
        (lambda images: np.array([[0, 1], [0, np.inf]]), r"gave inf for class 1, 1 such values"),
        (lambda images: [["a", "b"]] * 2, "failed for 2 images: ValueError"),
        (lambda images: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_what_came_back_instead_of_scores_is_said(function, problem):
    with pytest.raises(ModelError, match=problem):
        CallableAdapter(function, SIZE)


def test_an_error_that_shows_only_later_is_not_silent():
    model = CallableAdapter(lambda images: images.mean((2, 3)) if len(images) == 2 else images.max((2, 3))[:1], SIZE)
    with pytest.raises(ModelError, match=r"gave shape \(1, 3\) for 3 images"):
        model.run(pixels(3, SIZE), ["scores"])


def test_another_number_of_classes_than_stated_is_refused():
    with pytest.raises(ModelError, match=r"gave shape \(2, 3\).*(?s:.*)shape \(2, 5\)"):
        CallableAdapter(mean_colours, SIZE, classes=5)
    with pytest.raises(ModelError, match="2 labels for 3 classes"):
        CallableAdapter(mean_colours, SIZE, labels=("a", "b"))


def test_its_only_layer_is_the_scores():
    with pytest.raises(UnknownName, match="conv1"):
        CallableAdapter(mean_colours, SIZE).run(pixels(1, SIZE), ["conv1"])
