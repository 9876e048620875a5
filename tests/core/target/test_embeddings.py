"""Likeness: the angle between the model's embeddings of two images."""

import numpy as np
import pytest
from PIL import Image

from tests.fakes import LinearModel, TensorModel
from viz.core.adapter import Layer, Scores
from viz.core.errors import UnknownName, UsageError
from viz.core.gradients import input_gradients
from viz.core.target import check_target, references, targets_for
from viz.core.target.embeddings import before_classifier

RNG = np.random.default_rng(2)
SIZE = (6, 6)
IMAGES = RNG.random((2, 3, *SIZE), np.float32)


@pytest.fixture
def orange(tmp_path):
    """A picture of one colour, (1, 0.6, 0)."""
    path = tmp_path / "an orange one.png"
    Image.new("RGB", (20, 10), (255, 153, 0)).save(path)
    return path


def encoder() -> TensorModel:
    """The output is the mean colour; `maps` the image itself."""
    return TensorModel({"maps": lambda x: 3 * x, "vector": lambda x: x.mean(axis=(2, 3))[:, None]}, SIZE)


def cosine(a, b):
    return (a @ b) / np.linalg.norm(a) / np.linalg.norm(b)


@pytest.mark.parametrize(
    ("text", "layer"), [("like {}", "vector"), ("maps like {}", "maps"), ('maps like "{}"', "maps")]
)
def test_likeness_to_another_picture(orange, text, layer):
    target = targets_for(text.format(orange), encoder(), IMAGES)[0]
    expected = [cosine(image.mean(axis=(1, 2)), np.array([1, 0.6, 0])) for image in IMAGES]
    np.testing.assert_allclose(target.of(encoder().run(IMAGES, target.layers)), expected, rtol=1e-5)
    assert (target.layers, target.label, target.score) == ((layer,), f"{layer} like an orange one.png", "cosine")


def test_a_picture_is_most_like_itself(orange):
    image = np.broadcast_to(np.array([1, 0.6, 0], np.float32)[:, None, None], (3, *SIZE))[None]
    target = targets_for(f"like {orange}", encoder(), IMAGES)[0]
    assert target.of(encoder().run(np.ascontiguousarray(image), target.layers))[0] == pytest.approx(1)


def test_the_gradient_is_that_of_differences(orange):
    targets = targets_for(f"maps like {orange}", encoder(), IMAGES)
    found = input_gradients(encoder(), IMAGES, targets)
    direction = RNG.normal(size=IMAGES.shape).astype(np.float32)
    up, down = (targets[0].of(encoder().run(IMAGES + s * direction, ["maps"])) for s in np.float32([1e-2, -1e-2]))
    numeric = (up.astype(float) - down) / 2e-2
    np.testing.assert_allclose((found.pixels * direction).sum(axis=(1, 2, 3)), numeric, rtol=1e-2, atol=1e-4)


def test_a_picture_that_is_not_there_is_said_without_a_run():
    model = encoder()
    with pytest.raises(UsageError, match=r"the picture to be like, nowhere\.jpg: cannot be read: No such file"):
        check_target("like nowhere.jpg", model)
    assert model.runs == []


def test_an_unknown_layer_is_said_without_a_run(orange):
    model = encoder()
    with pytest.raises(UnknownName, match="no layer is called 'map'; did you mean 'maps'"):
        check_target(f"map like {orange}", model)
    assert model.runs == []


def test_nothing_is_like_an_embedding_of_zeros(tmp_path):
    Image.new("RGB", (6, 6), (0, 0, 0)).save(tmp_path / "black.png")
    with pytest.raises(UsageError, match=r"vector is all zeros for black\.png"):
        targets_for(f"like {tmp_path / 'black.png'}", encoder(), IMAGES)


def test_what_a_picture_shows_decides_and_not_where_it_lies(orange, tmp_path):
    copy = tmp_path / "copy.png"
    copy.write_bytes(orange.read_bytes())
    [of_orange] = references(f"like {orange}", encoder())
    assert references(f'maps:0 - maps like "{copy}"', encoder()) == [of_orange]
    Image.new("RGB", (6, 6)).save(copy)
    assert references(f"like {copy}", encoder()) != [of_orange]
    assert references("maps:0", encoder()) == []


# The layer before the classifier


def classifier(*layers: Layer) -> LinearModel:
    model = LinearModel(RNG.normal(size=(10, 3, *SIZE)))
    model.layers = {layer.name: layer for layer in layers}
    model.scores = Scores(10, "scores", None)
    return model


HEAD = Layer("scores", "Gemm", (None, 10), parameters=64 * 10 + 10)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([Layer("pool", "Mean", (None, 64, 1, 1)), Layer("flat", "Flatten", (None, 64)), HEAD], "flat"),
        ([Layer("tokens", "Gather", (None, 5, 64)), HEAD], "tokens"),
        ([Layer("flat", "Flatten", (None, 64)), Layer("aside", "Add", (None, 9)), HEAD], "flat"),
        ([Layer("flat", "Flatten", (None, 60)), HEAD], None),  # the head's weights take 64
        ([Layer("scores", "Gemm", (None, 10))], None),
    ],
)
def test_the_embedding_of_a_classifier_is_what_its_last_weights_take_in(layers, expected):
    assert before_classifier(classifier(*layers)) == expected


def test_weights_and_bias_may_be_two_operations():
    flat = Layer("flat", "Flatten", (None, 64))
    product = Layer("product", "MatMul", (None, 10), parameters=640)
    assert before_classifier(classifier(flat, product, Layer("scores", "Add", (None, 10), parameters=10))) == "flat"


def test_convolutions_may_classify():
    """SqueezeNet: the last weights are a convolution's, and the scores its means."""
    features = Layer("features", "Concat", (None, 64, 6, 6))
    head = Layer("conv", "Conv", (None, 10, 6, 6), parameters=650)
    assert before_classifier(classifier(features, head, Layer("scores", "Mean", (None, 10)))) == "features"


def test_a_classifier_whose_embedding_is_not_found_asks_for_the_layer(orange):
    with pytest.raises(UsageError, match="which layer of linear is before its classifier was not found") as problem:
        check_target(f"like {orange}", classifier(Layer("scores", "Gemm", (None, 10))))
    assert "'LAYER like FILE'" in problem.value.next_step
