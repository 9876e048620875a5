"""Tiles: they are the picture's own values, their gradients add up to the picture's, and leave no seams."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from viz.techniques.synthesis._tiles import Tiles

sides = st.integers(1, 40)
sizes = st.tuples(st.integers(1, 90), st.integers(1, 90))


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def picture(size, seed: int = 0) -> torch.Tensor:
    return torch.rand((1, 3, *size), generator=chance(seed)).requires_grad_()


def gradient(tiles: Tiles, seed: int, of=torch.sum) -> np.ndarray:
    """Of a number read from all tiles, with respect to the picture, (H, W) of its first channel."""
    leaf = picture(tiles.size)
    of(tiles(leaf, chance(seed))).backward()
    return leaf.grad[0, 0].numpy()


@settings(deadline=None, max_examples=60)
@given(size=sizes, tile=st.tuples(sides, sides), jitter=st.none() | st.integers(0, 50), seed=st.integers(0, 9))
def test_there_are_as_many_tiles_as_it_says_and_all_hold_the_pictures_values(size, tile, jitter, seed):
    tiles = Tiles(size, tile, jitter)
    numbered = torch.arange(size[0] * size[1], dtype=torch.float64).view(1, 1, *size).expand(1, 3, -1, -1)
    found = tiles(numbered, chance(seed))
    assert found.shape == (tiles.count, 3, *tile)
    rows, columns = found[:, 0] // size[1], found[:, 0] % size[1]
    inside = ((rows[:, 1:] - rows[:, :-1]).abs() <= 1).all() and (
        (columns[..., 1:] - columns[..., :-1]).abs() <= 1
    ).all()
    assert inside, "neighbours in a tile are neighbours in the picture, or mirrored"
    assert (rows == rows[..., :1]).all() and (columns == columns[:, :1]).all()


@settings(deadline=None, max_examples=60)
@given(size=sizes, tile=st.tuples(sides, sides), jitter=st.none() | st.integers(0, 50), seed=st.integers(0, 9))
def test_every_pixel_counts_once_wherever_the_grid_lies(size, tile, jitter, seed):
    found = gradient(Tiles(size, tile, jitter), seed)
    seen = np.ones(size, bool)
    for axis in (0, 1):
        if size[axis] <= tile[axis]:  # a single tile may have moved off some of it
            seen &= (found != 0).any(axis=1 - axis, keepdims=True)
    np.testing.assert_allclose(found[seen], 1, atol=1e-5)
    assert (found[~seen] == 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_neighbours_fade_into_each_other_and_a_mirrored_pixel_gets_the_mean_of_what_shows_it(seed):
    """A slow twin, for gradients that are another number at every place of every tile."""
    tiles = Tiles((37, 50), (16, 24))
    numbered = torch.arange(37 * 50, dtype=torch.float64).view(1, 1, 37, 50).expand(1, 3, -1, -1)
    shown = tiles(numbered, chance(seed))[:, 0].long().numpy()
    slopes = np.random.default_rng(seed).random((tiles.count, 16, 24)).astype(np.float32)
    found = gradient(tiles, seed, lambda seen: (seen[:, 0] * torch.from_numpy(slopes)).sum())
    ramps = [np.minimum(np.minimum(np.arange(n) + 0.5, n - np.arange(n) - 0.5) / (n // 8), 1) for n in (16, 24)]
    total, weights = np.zeros(37 * 50), np.zeros(37 * 50)
    for tile, slope in zip(shown, slopes, strict=True):
        for y, row in enumerate(tile):
            for x, place in enumerate(row):
                weights[place] += ramps[0][y] * ramps[1][x]
                total[place] += ramps[0][y] * ramps[1][x] * slope[y, x]
    np.testing.assert_allclose(found, (total / weights).reshape(37, 50), atol=1e-5)


@pytest.mark.parametrize("size", [(16, 20), (9, 20), (16, 7)])
def test_a_picture_no_larger_than_a_tile_is_one_tile_and_no_pixel_is_mostly_out_of_sight(size):
    tiles = Tiles(size, (16, 20))
    assert tiles.count == 1
    mean = np.mean([gradient(tiles, seed) for seed in range(200)], axis=0)
    assert mean.min() > 0.25
    assert mean[size[0] // 2, size[1] // 2] == pytest.approx(1)


def test_one_tile_that_does_not_move_is_the_picture_itself():
    tiles = Tiles((16, 20), (16, 20), jitter=0)
    leaf = picture((16, 20))
    assert torch.equal(tiles(leaf, chance()), leaf)
    assert (gradient(tiles, 3) == 1).all()


def test_a_smaller_picture_lies_in_the_middle_of_its_tile_and_is_mirrored_around():
    leaf = picture((4, 6))
    found = Tiles((4, 6), (8, 10), jitter=0)(leaf, chance())
    assert torch.equal(found[:, :, 2:6, 2:8], leaf)
    assert torch.equal(found[:, :, 1, 2:8], leaf[:, :, 0])
    assert torch.equal(found[:, :, 2:6, 9], leaf[:, :, :, 4])


@pytest.mark.parametrize("size", [(60, 70), (16, 16)])
def test_the_grid_moves_by_chance_and_the_same_chance_moves_it_alike(size):
    tiles, leaf = Tiles(size, (16, 16)), picture(size)
    found = {tiles(leaf, chance(seed)).detach().numpy().tobytes() for seed in range(12)}
    assert len(found) > 6
    assert torch.equal(tiles(leaf, chance(3)), tiles(leaf, chance(3)))
    still = Tiles(size, (16, 16), jitter=0)
    assert torch.equal(still(leaf, chance(1)), still(leaf, chance(2)))


@pytest.mark.parametrize("jitter", [1, 4])
def test_the_grid_moves_no_farther_than_it_may(jitter):
    places = torch.arange(60.0).view(1, 1, 60, 1).expand(1, 3, 60, 70)
    tiles = Tiles((60, 70), (16, 16), jitter)
    second_row = tiles.counts[1]
    corners = [int(tiles(places, chance(seed))[second_row, 0, 0, 0]) for seed in range(40)]
    assert max(corners) - min(corners) == jitter


def test_there_are_no_seams():
    """What tiles see ends at their edges; a gradient that follows from that must not jump there."""
    kernel = torch.ones(3, 3, 5, 5) / 75

    def energy(seen: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(seen, kernel, padding=2).square().sum() / 2

    leaf = torch.full((1, 3, 96, 96), 0.5, requires_grad=True)
    energy(Tiles((96, 96), (32, 32), jitter=0)(leaf, chance())).backward()
    found = leaf.grad[0, 0, 33:63, 33:63].numpy()  # far from the picture's own edges, across tiles' edges
    steps = np.abs(np.diff(found, axis=0)).max() / found.mean()
    assert steps < 0.12
    hard = torch.full((1, 3, 96, 96), 0.5, requires_grad=True)
    energy(hard.unfold(2, 32, 32).unfold(3, 32, 32).permute(0, 2, 3, 1, 4, 5).reshape(9, 3, 32, 32)).backward()
    cut = hard.grad[0, 0, 33:94, 33:94].numpy()
    assert np.abs(np.diff(cut, axis=0)).max() / cut.mean() < steps or np.ptp(cut) > np.ptp(found)


def test_the_gradient_is_that_of_finite_differences_away_from_the_fading():
    tiles = Tiles((12, 10), (12, 10), jitter=0)
    leaf = torch.rand((1, 3, 12, 10), dtype=torch.float64, generator=chance(), requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: tiles(x, chance(4)).pow(3).sum(), leaf)
