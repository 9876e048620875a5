"""Readings: worked out by hand, the same in numpy and torch, and with the gradient that differences show."""

import numpy as np
import pytest
import torch

from viz.core.errors import UsageError
from viz.core.readings import (
    BoxScore,
    ClassScore,
    Constant,
    LayerNorm,
    Neuron,
    Reading,
    RegionScore,
    Similarity,
    embedding,
)

RNG = np.random.default_rng(3)
HALVES = Constant.of(np.array([[0.5, 0.5], [0, 0]]))
UNIT = Constant.of(np.array([0.6, 0, 0.8]))

EVERY: list[tuple[Reading, tuple[int, ...]]] = [
    (ClassScore("x", 1), (2, 4)),
    (ClassScore("x", 1, "softmax"), (2, 4)),
    (ClassScore("x", 0, "sigmoid"), (2, 4, 1, 1)),
    (ClassScore("x", 2, "exp"), (2, 4)),
    (Neuron("x", 2), (2, 3)),
    (Neuron("x", 2), (2, 3, 4, 5)),
    (Neuron("x", 2, (3, 1)), (2, 3, 4, 5)),
    (Neuron("x", 2, (0, 3)), (2, 4, 3)),
    (LayerNorm("x"), (2, 3, 4, 5)),
    (RegionScore("x", 2, HALVES), (2, 3, 2, 2)),
    (RegionScore("x", 2, HALVES, channels_last=True), (2, 2, 2, 3)),
    (RegionScore("x", 2, HALVES, squash="softmax"), (2, 3, 2, 2)),
    (RegionScore("x", 0, HALVES, channels_last=True, squash="sigmoid"), (2, 2, 2, 1)),
    (BoxScore("x", 3, (4, 6)), (2, 5, 7)),
    (BoxScore("x", 3, (4,), boxes_last=True), (2, 7, 5)),
    (BoxScore("x", 3, (1,), squash="softmax"), (2, 5, 3)),
    (Similarity("x", UNIT), (2, 3)),
    (Similarity("x", UNIT), (2, 3, 4, 5)),
    (Similarity("x", UNIT), (2, 6, 3)),
]


def read(reading: Reading, values: np.ndarray) -> np.ndarray:
    return reading.read({"x": values})


@pytest.mark.parametrize(("reading", "shape"), EVERY, ids=lambda part: str(part))
def test_numpy_and_torch_read_the_same(reading: Reading, shape: tuple[int, ...]):
    values = RNG.normal(size=shape).astype(np.float32)
    found = reading.read({"x": torch.from_numpy(values)})
    assert reading.layers == ("x",)
    assert found.shape == (2,)
    np.testing.assert_allclose(found.numpy(), read(reading, values), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("reading", "shape"), EVERY, ids=lambda part: str(part))
def test_the_gradient_is_what_central_differences_of_the_numpy_reading_show(reading: Reading, shape: tuple[int, ...]):
    values = RNG.normal(size=shape)
    leaf = torch.from_numpy(values.copy()).requires_grad_()
    (found,) = torch.autograd.grad(reading.read({"x": leaf}).sum(), leaf)
    assert float(found.abs().max()) > 0
    for _ in range(4):
        direction = RNG.normal(size=shape)
        step = 5e-3 * direction
        numeric = (read(reading, values + step).sum() - read(reading, values - step).sum()) / 1e-2
        assert float((found.numpy() * direction).sum()) == pytest.approx(numeric, rel=1e-2, abs=3e-4)


def test_each_image_is_read_for_itself():
    """The gradient of one image's number is zero for the others."""
    for reading, shape in EVERY:
        leaf = torch.from_numpy(RNG.normal(size=shape)).requires_grad_()
        (found,) = torch.autograd.grad(reading.read({"x": leaf})[0], leaf)
        assert float(found[1].abs().max()) == 0, reading


def test_a_norm_is_the_length_of_all_values_of_an_image():
    values = np.array([[[[3.0]], [[4.0]]], [[[0.0]], [[-2.0]]]])
    assert read(LayerNorm("x"), values).tolist() == [5, 2]


def test_the_gradient_of_a_norm_is_the_direction_of_the_values_and_0_where_all_are_0():
    leaf = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    (found,) = torch.autograd.grad(LayerNorm("x").read({"x": leaf}).sum(), leaf)
    np.testing.assert_allclose(found.numpy(), [[0.6, 0.8], [0, 0]], rtol=1e-6)


@pytest.mark.parametrize("channels_last", [False, True])
def test_a_region_weighs_the_cells_of_one_class(channels_last: bool):
    maps = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2)
    values = maps.transpose(0, 2, 3, 1) if channels_last else maps
    weights = Constant.of(np.array([[0.25, 0], [0, 0.75]]))
    expected = 0.25 * maps[:, 1, 0, 0] + 0.75 * maps[:, 1, 1, 1]
    assert read(RegionScore("x", 1, weights, channels_last), values).tolist() == expected.tolist()


def test_a_region_tells_rows_from_columns():
    values = np.zeros((1, 2, 4, 1), np.float32)  # (b, h, w, classes)
    values[0, 0, 3, 0] = 7
    weights = np.zeros((2, 4))
    weights[0, 3] = 1
    assert read(RegionScore("x", 0, Constant.of(weights), channels_last=True), values).tolist() == [7]


def test_a_region_of_another_grid_is_refused():
    with pytest.raises(UsageError, match=r"x is \(3, 3\) here; the region is of \(2, 2\)"):
        read(RegionScore("x", 0, HALVES), np.zeros((1, 1, 3, 3)))


@pytest.mark.parametrize("boxes_last", [False, True])
def test_a_box_multiplies_its_channels(boxes_last: bool):
    table = np.array([[[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]])
    values = table.swapaxes(1, 2) if boxes_last else table
    assert read(BoxScore("x", 1, (0, 2), boxes_last), values)[0] == pytest.approx(0.4 * 0.6)


def test_a_box_that_the_model_no_longer_gives_is_refused():
    with pytest.raises(UsageError, match="x has 2 boxes for this image and no box 2"):
        read(BoxScore("x", 2, (0,)), np.zeros((1, 2, 5)))


def test_likeness_is_the_cosine_whatever_the_lengths():
    values = np.array([[6.0, 0, 8], [-0.3, 0, -0.4], [0, 1, 0], [1, 0, 0]])
    np.testing.assert_allclose(read(Similarity("x", UNIT), values), [1, -1, 0, 0.6], atol=1e-7)


def test_an_embedding_of_zeros_is_like_nothing():
    assert read(Similarity("x", UNIT), np.zeros((1, 3))).tolist() == [0]


@pytest.mark.parametrize(("shape", "positions"), [((2, 3), ()), ((2, 3, 4, 5), (2, 3)), ((2, 7, 3), (1,))])
def test_an_embedding_is_the_mean_over_positions(shape: tuple[int, ...], positions: tuple[int, ...]):
    values = RNG.normal(size=shape)
    np.testing.assert_allclose(embedding(values), values.mean(axis=positions))


def test_constants_are_equal_by_content():
    array = RNG.normal(size=(2, 2)).astype(np.float32)
    assert Constant.of(array) == Constant.of(array.copy())
    assert hash(Constant.of(array)) == hash(Constant.of(array.copy()))
    assert Constant.of(array) != Constant.of(array + 1)
    assert Constant.of(array) != Constant.of(array.reshape(4))
