"""Blurring a picture between steps, and setting what is small in it to gray."""

import numpy as np
import pytest
import torch

from tests.techniques.synthesis.gradient_checks import assert_gradient_is_right, noise
from viz.core.errors import UsageError
from viz.techniques.synthesis._pruning import blur, clip_small_contribution, clip_small_norm


def changed(before, after):
    """Which pixels differ, (b, h, w)."""
    return (before != after).any(1)


@pytest.mark.parametrize("size", [(6, 9), (1, 4)])
@pytest.mark.parametrize("radius", [0.3, 1.0, 7.5])
def test_a_flat_picture_stays_flat_under_a_blur_wider_than_itself(radius, size):
    flat = torch.full((2, 3, *size), 0.7, dtype=torch.float64)
    assert torch.allclose(blur(flat, radius), flat, rtol=0, atol=1e-14)


def test_a_dot_becomes_a_gaussian():
    dot = torch.zeros(1, 1, 41, 41, dtype=torch.float64)
    dot[..., 20, 20] = 1
    away = np.arange(41) - 20
    row = np.exp(-(away**2) / (2 * 3.0**2))
    expected = np.outer(row, row) / row.sum() ** 2
    assert np.allclose(blur(dot, 3.0)[0, 0].numpy(), expected, rtol=0, atol=2e-6)


def test_a_blur_keeps_the_mean_and_does_not_mix_channels_or_pictures():
    pictures = noise(2, 3, 8, 11)
    pictures[1, 2] = 0.25
    blurred = blur(pictures, 2.0)
    assert torch.allclose(blurred.mean((2, 3)), pictures.mean((2, 3)), rtol=0, atol=1e-14)
    assert torch.allclose(blurred[1, 2], pictures[1, 2], rtol=0, atol=1e-14)


def test_a_blur_is_mirrored_at_the_edges_like_a_plain_loop():
    row = noise(9)
    weights = [np.exp(-(k**2) / 2) for k in range(-4, 5)]
    expected = []
    for place in range(9):
        mirrored = [(-1 - i if i < 0 else 17 - i if i > 8 else i) for i in range(place - 4, place + 5)]
        expected.append(sum(w * row[i].item() for w, i in zip(weights, mirrored, strict=True)) / sum(weights))
    assert np.allclose(blur(row.expand(1, 1, 3, 9), 1.0)[0, 0, 1].numpy(), expected, rtol=0, atol=1e-14)


def test_no_blur_gives_the_pictures_themselves():
    pictures = noise(1, 3, 4, 4)
    assert blur(pictures, 0) is pictures


def test_the_gradient_of_a_blur_is_that_of_finite_differences():
    assert_gradient_is_right(lambda pictures: blur(pictures, 0.8), noise(1, 2, 4, 3))


def test_the_quarter_of_the_pixels_nearest_to_gray_becomes_gray():
    picture = 0.5 + torch.arange(16.0).view(1, 1, 4, 4).expand(1, 3, 4, 4) / 40
    clipped = clip_small_norm(picture, 0.25)
    assert torch.equal(clipped[:, :, 0], torch.full((1, 3, 4), 0.5))
    assert torch.equal(clipped[:, :, 1:], picture[:, :, 1:])


def test_the_norm_is_that_of_all_channels_above_and_below_gray():
    picture = torch.full((1, 3, 1, 2), 0.5)
    picture[0, :, 0, 0] = torch.tensor([0.8, 0.2, 0.5])  # a mean of gray, yet far from it
    picture[0, :, 0, 1] = torch.tensor([0.6, 0.6, 0.6])
    assert changed(picture, clip_small_norm(picture, 0.5)).tolist() == [[[False, True]]]


def test_pixels_whose_colour_and_gradient_cancel_out_contribute_least():
    picture = torch.full((1, 3, 1, 3), 0.5)
    picture[0, :, 0] = torch.tensor([[0.9, 0.9, 0.6], [0.1, 0.9, 0.6], [0.5, 0.9, 0.6]])
    gradient = torch.ones(1, 3, 1, 3)  # contributions 0, 1.2, 0.3
    assert changed(picture, clip_small_contribution(picture, gradient, 0.4)).tolist() == [[[True, False, False]]]
    assert changed(picture, clip_small_contribution(picture, -gradient, 0.7)).tolist() == [[[True, False, True]]]


def test_a_contribution_is_what_the_objective_loses_where_the_model_is_linear():
    picture, weights = noise(1, 3, 4, 4), noise(1, 3, 4, 4, seed=1) - 0.5
    score = (picture * weights).sum()
    losses = []
    for i in range(16):
        without = picture.clone()
        without.view(1, 3, 16)[..., i] = 0.5
        losses.append(abs(score - (without * weights).sum()).item())
    least = np.argsort(losses)[:4]
    clipped = changed(picture, clip_small_contribution(picture, weights, 0.25)).flatten()
    assert sorted(least) == clipped.nonzero()[:, 0].tolist()


def test_each_picture_has_its_own_smallest_pixels():
    pictures = torch.stack([noise(3, 5, 4), 0.5 + 1e-3 * (noise(3, 5, 4, seed=1) - 0.5)])
    assert changed(pictures, clip_small_norm(pictures, 0.3)).sum((1, 2)).tolist() == [6, 6]


def test_gray_may_be_another_colour():
    colour = (0.2, 0.4, 0.6)
    picture = torch.tensor(colour).view(1, 3, 1, 1) + 0.1 * torch.arange(1.0, 5).view(1, 1, 2, 2)
    for clipped in (
        clip_small_norm(picture, 0.5, colour),
        clip_small_contribution(picture, torch.ones_like(picture), 0.5, colour),
    ):
        assert torch.equal(clipped[0, :, 0], torch.tensor(colour)[:, None].expand(3, 2))
        assert torch.equal(clipped[:, :, 1], picture[:, :, 1])


def test_pixels_that_are_equally_near_are_not_chosen_among():
    picture = torch.ones(1, 3, 4, 4)
    assert torch.equal(clip_small_norm(picture, 0.5), picture)


@pytest.mark.parametrize("share, count", [(0, 0), (0.29, 29), (1, 100)])
def test_a_share_is_counted_in_whole_pixels(share, count):
    picture = noise(1, 3, 10, 10)
    assert changed(picture, clip_small_norm(picture, share)).sum() == count


def test_impossible_amounts_are_refused():
    with pytest.raises(UsageError, match="radius -1"):
        blur(noise(1, 3, 4, 4), -1)
    with pytest.raises(UsageError, match=r"share of 1\.5"):
        clip_small_norm(noise(1, 3, 4, 4), 1.5)
