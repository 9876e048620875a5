"""Penalties on pictures: known answers, gradients by finite differences, and what must not change them."""

import pytest
import torch

from tests.techniques.synthesis.gradient_checks import assert_gradient_is_right, noise
from viz.core.errors import UsageError
from viz.techniques.synthesis._regularizers import AlphaNorm, Decay, TotalVariation

ALL = pytest.mark.parametrize(
    "penalty",
    [
        Decay(0.7),
        Decay(centre=(0.2, 0.5, 0.9), mean=False),
        AlphaNorm(3.0),
        AlphaNorm(alpha=1.5, mean=False),
        TotalVariation(2.0),
        TotalVariation(beta=1, smoothing=0.01),
        TotalVariation(beta=1.5, mean=False),
        TotalVariation(beta=3),
    ],
    ids=str,
)


def flat(value, size=(4, 5)):
    return torch.full((1, 3, *size), value, dtype=torch.float64)


def step_edge(low=0.25, high=0.75, size=(4, 6)):
    picture = flat(low, size)
    picture[..., 3:] = high
    return picture


@ALL
def test_the_gradient_is_that_of_finite_differences(penalty):
    assert_gradient_is_right(penalty, noise(2, 3, 4, 5))


@ALL
def test_gray_is_the_minimum_and_its_gradient_is_zero(penalty):
    centre = getattr(penalty, "centre", 0.5)
    gray = torch.as_tensor(centre, dtype=torch.float64).view(1, -1, 1, 1).expand(1, 3, 4, 5).clone().requires_grad_()
    lowest = penalty(gray)
    (gradient,) = torch.autograd.grad(lowest.sum(), gray)
    assert lowest.item() == pytest.approx(0, abs=1e-15)
    assert gradient.abs().max() == 0
    for seed in range(5):
        assert penalty(gray.detach() + 0.1 * (noise(1, 3, 4, 5, seed=seed) - 0.5)).item() > 0


@ALL
def test_each_picture_of_a_batch_has_its_own_penalty(penalty):
    batch = noise(3, 3, 6, 5)
    assert torch.equal(penalty(batch), torch.cat([penalty(batch[i : i + 1]) for i in range(3)]))


@ALL
def test_the_weight_is_a_factor(penalty):
    pictures, twice = noise(2, 3, 4, 5), {**vars(penalty), "weight": 2 * penalty.weight}
    assert torch.allclose(type(penalty)(**twice)(pictures), 2 * penalty(pictures), rtol=1e-14)


def test_decay_of_a_flat_picture_is_the_squared_distance_of_each_value_from_the_centre():
    assert Decay()(flat(0.75)).item() == pytest.approx(0.0625)
    assert Decay(mean=False)(flat(0.75)).item() == pytest.approx(0.0625 * 60)
    assert Decay(centre=0.0, mean=False)(flat(0.5)).item() == pytest.approx(0.25 * 60)


def test_decay_towards_a_colour_takes_each_channel_by_itself():
    assert Decay(centre=(0.0, 0.5, 1.0), mean=False)(flat(0.5)).item() == pytest.approx((0.25 + 0 + 0.25) * 20)


def test_alpha_norm_of_a_flat_picture_is_the_sixth_power_of_its_distance_from_gray():
    assert AlphaNorm(mean=False)(flat(1.0)).item() == pytest.approx(60 / 64)
    assert AlphaNorm()(flat(0.0)).item() == pytest.approx(1 / 64)
    assert AlphaNorm(alpha=1)(flat(0.3)).item() == pytest.approx(0.2)


def test_total_variation_of_a_step_edge_is_its_height_to_beta_along_its_length():
    rows_by_channels = 4 * 3
    for beta in (2, 3):
        assert TotalVariation(beta=beta, mean=False)(step_edge()).item() == pytest.approx(rows_by_channels * 0.5**beta)
    assert TotalVariation()(step_edge()).item() == pytest.approx(rows_by_channels * 0.25 / (3 * 4 * 6))


def test_total_variation_of_one_dot_counts_its_corner_together_and_its_other_neighbours_apart():
    dot = flat(0.0, (5, 5))
    dot[:, :, 2, 2] = 1
    expected = 3 * (2**1.5 + 1 + 1)  # beta 3: the dot to its right and below, the pixel above, the pixel to the left
    assert TotalVariation(beta=3, mean=False)(dot).item() == pytest.approx(expected)


@pytest.mark.parametrize("beta", [2, 3])
def test_total_variation_is_that_of_a_plain_loop(beta):
    picture, total = noise(3, 4, 5), 0.0
    for channel in picture.tolist():
        for y in range(4):
            for x in range(5):
                down = channel[y + 1][x] - channel[y][x] if y < 3 else 0
                across = channel[y][x + 1] - channel[y][x] if x < 4 else 0
                total += (down**2 + across**2) ** (beta / 2)
    assert TotalVariation(beta=beta, mean=False)(picture[None]).item() == pytest.approx(total, rel=1e-12)
    assert TotalVariation(beta=beta)(picture[None]).item() == pytest.approx(total / 60, rel=1e-12)


def test_total_variation_with_beta_1_is_the_height_of_an_edge_however_many_pixels_it_takes():
    ramp = flat(0.0, (4, 6))
    ramp[..., :] = torch.tensor([0, 0, 0.25, 0.5, 0.75, 0.75], dtype=torch.float64)
    penalty = TotalVariation(beta=1, smoothing=1e-9, mean=False)
    assert penalty(ramp).item() == pytest.approx(penalty(step_edge(0, 0.75)).item())
    assert penalty(ramp).item() == pytest.approx(4 * 3 * 0.75)


def test_total_variation_does_not_depend_on_where_a_thing_is():
    here, there = flat(0.5, (12, 12)), flat(0.5, (12, 12))
    thing = noise(3, 4, 4)
    here[0, :, 1:5, 2:6], there[0, :, 6:10, 7:11] = thing, thing
    for penalty in (TotalVariation(), TotalVariation(beta=1), TotalVariation(beta=2.5)):
        assert penalty(here).item() == pytest.approx(penalty(there).item(), rel=1e-12)


@ALL
def test_means_hold_for_any_size_of_a_picture_that_repeats(penalty):
    penalty = type(penalty)(**{**vars(penalty), "mean": True})
    quarter = noise(1, 3, 4, 5)
    half = torch.cat([quarter, quarter.flip(2)], 2)
    tile = torch.cat([half, half.flip(3)], 3)  # its edges are those of the next tile, so there is no step between
    assert penalty(tile.repeat(1, 1, 3, 2)).item() == pytest.approx(penalty(tile).item(), rel=1e-12)


@pytest.mark.parametrize("penalty", [AlphaNorm(alpha=1.5), TotalVariation(beta=1)], ids=str)
def test_the_gradient_at_flat_gray_is_a_number_in_float32(penalty):
    gray = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    (gradient,) = torch.autograd.grad(penalty(gray).sum(), gray)
    assert torch.equal(gradient, torch.zeros_like(gray))


@pytest.mark.parametrize("wrong", [{"alpha": 0.5}, {"beta": 0.5}, {"beta": 1, "smoothing": 0}], ids=str)
def test_powers_whose_gradient_has_no_bounds_are_refused(wrong):
    with pytest.raises(UsageError, match=r"no bounds|no gradient"):
        (AlphaNorm if "alpha" in wrong else TotalVariation)(**wrong)
