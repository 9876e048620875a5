"""What a layer's responses to an image come to, whatever else is in the batch."""

import numpy as np
import pytest

from viz.techniques.activation._response_maps import ResponseMaps

SIZES = [(1, 1), (7, 7), (14, 14), (32, 32), (33, 31), (64, 128), (91, 91), (112, 112), (190, 180)]
RNG = np.random.default_rng(5)


def maps(values: np.ndarray, size: tuple[int, int], zero: float = 0.0) -> ResponseMaps:
    return ResponseMaps(values, False, size, np.float32(zero))


def responses(count: int, channels: int, size: tuple[int, int]) -> np.ndarray:
    return RNG.standard_normal((count, channels, size[0] * size[1])).astype(np.float32)


@pytest.mark.parametrize("size", SIZES)
def test_means_maxima_and_counts_are_those_of_a_plain_computation(size: tuple[int, int]):
    values = responses(3, 5, size)
    exact = values.astype(np.float64) - 0.25
    found = maps(values, size, 0.25)
    np.testing.assert_allclose(found.means(), exact.mean(axis=2), atol=1e-6)
    np.testing.assert_allclose(found.sums(), exact.sum(axis=2), atol=1e-6 * exact.shape[2])
    np.testing.assert_array_equal(found.above_zero(), (exact > 0).sum(axis=2))
    np.testing.assert_array_equal(found.peaks(), values.max(axis=2) - np.float32(0.25))


@pytest.mark.parametrize("size", SIZES)
def test_sums_do_not_depend_on_the_other_images_and_channels(size: tuple[int, int]):
    """To the last bit, or how a batch is split would show; numpy's einsum does over more than 8192 positions."""
    values = responses(4, 9, size)
    together = maps(values, size).means()
    for image in range(4):
        for channel in range(9):
            alone = maps(values[image : image + 1, channel : channel + 1], size).means()
            assert alone[0, 0] == together[image, channel]


def test_sums_of_many_equal_responses_are_exact_enough():
    values = np.full((1, 2, 300 * 300), 0.1, np.float32)
    np.testing.assert_allclose(maps(values, (300, 300)).means(), np.float64(np.float32(0.1)), rtol=1e-6)


def test_every_position_of_a_large_map_counts():
    values = np.ones((1, 1, 300 * 300), np.float32)  # more than a 16-bit number holds
    assert maps(values, (300, 300)).above_zero().tolist() == [[90000]]


@pytest.mark.parametrize("zero", [0.0, -0.5])
def test_maps_of_some_are_less_what_stands_for_zero_and_the_values_stay_as_they_were(zero: float):
    values = responses(3, 4, (2, 5))
    values[1, 2, :3] = -0.0
    before = values.copy()
    found = maps(values, (2, 5), zero).some(np.array([1, 0]), np.array([2, 3]))
    expected = values[[1, 0], [2, 3]].reshape(2, 2, 5) - np.float32(zero)
    np.testing.assert_array_equal(found, expected)
    assert not np.signbit(found[found == 0]).any()
    assert values.tobytes() == before.tobytes()
