"""Parts of pictures seen through given shifts, scales and turns: known answers and a slow twin."""

from math import cos, floor, radians, sin

import numpy as np
import pytest
import torch

from tests.techniques.synthesis.gradient_checks import noise
from viz.techniques.synthesis._views import Views, seen, shifted


def view(shift=(0, 0), scale=1.0, degrees=0.0, extent=(1.0, 1.0), count=1):
    """The same view for `count` pictures."""
    return Views.of(
        torch.tensor([shift] * count, dtype=torch.float64),
        torch.full((count,), scale, dtype=torch.float64),
        torch.full((count,), radians(degrees), dtype=torch.float64),
        torch.tensor([extent] * count, dtype=torch.float64),
    )


def close(one, other, atol=1e-5):
    return torch.allclose(one, other, rtol=0, atol=atol)


def mirror(place, length):
    """An index anywhere, mirrored into 0 … length - 1."""
    place %= 2 * length
    return min(place, 2 * length - 1 - place)


def slowly(picture, shift, scale, degrees, extent, out):
    """One picture (h, w) looked at pixel by pixel: the picture turns counter-clockwise by `degrees`."""
    (height, width), turn = picture.shape, radians(degrees)
    shown = np.zeros(out)
    for row in range(out[0]):
        for column in range(out[1]):
            down, right = (row + 0.5 - out[0] / 2) * extent[0] / scale, (column + 0.5 - out[1] / 2) * extent[1] / scale
            y = height / 2 + shift[0] + cos(turn) * down + sin(turn) * right - 0.5
            x = width / 2 + shift[1] - sin(turn) * down + cos(turn) * right - 0.5
            for i, near_y in ((floor(y), 1 - y % 1), (floor(y) + 1, y % 1)):
                for j, near_x in ((floor(x), 1 - x % 1), (floor(x) + 1, x % 1)):
                    shown[row, column] += near_y * near_x * picture[mirror(i, height), mirror(j, width)]
    return shown


@pytest.mark.parametrize(
    "shift, scale, degrees, extent, out",
    [
        ((0, 0), 1.0, 0, (1, 1), (6, 8)),
        ((1.25, -2.5), 1.0, 0, (1, 1), (6, 8)),
        ((0, 0), 1.3, 17, (1, 1), (6, 8)),
        ((2, 1), 0.7, -40, (1, 1), (6, 8)),
        ((-1, 0.5), 1.1, 75, (1.5, 0.5), (5, 9)),
        ((9, -11), 0.8, 130, (1, 1), (7, 7)),
    ],
)
def test_what_is_seen_is_what_a_plain_loop_sees(shift, scale, degrees, extent, out):
    picture = noise(6, 8)
    expected = slowly(picture.numpy(), shift, scale, degrees, extent, out)
    shown = seen(picture.view(1, 1, 6, 8), view(shift, scale, degrees, extent), out)
    assert np.allclose(shown[0, 0].numpy(), expected, rtol=0, atol=1e-5)


def test_a_shift_down_and_right_shows_what_lies_there():
    picture = noise(1, 3, 7, 9)
    shown = seen(picture, view((2, 3)), (7, 9))
    assert close(shown[..., :5, :6], picture[..., 2:, 3:])


@pytest.mark.parametrize("shift", [[0, 0], [2, 3], [-2, 3], [2, -3], [-6, -8], [6, 8]], ids=str)
@pytest.mark.parametrize("border", [0, 1, 4])
def test_moving_by_whole_pixels_is_the_same_with_and_without_interpolation(shift, border):
    pictures = noise(2, 3, 7, 9)
    world = torch.nn.functional.pad(pictures, (border,) * 4, value=0.4)
    moved = shifted(pictures, [shift, [0, 1]], border, 0.4)
    assert close(moved[:1], seen(world[:1], view(shift), (7, 9)))
    assert close(moved[1:], seen(world[1:], view((0, 1)), (7, 9)))


def test_a_whole_shift_leaves_every_value_as_it_is():
    picture = noise(1, 3, 7, 9).float()
    moved = shifted(picture, [[1, -2]], 0, 0.5)
    assert torch.equal(moved[..., :6, 2:], picture[..., 1:, :7])
    assert torch.equal(moved[..., 6, 2:], picture[..., 6, :7])  # the last row again: mirrored
    assert torch.equal(moved[..., :6, :2], picture[..., 1:, :2].flip(3))


def test_twice_as_large_shows_the_middle_half():
    ramp = torch.arange(8.0, dtype=torch.float64).view(1, 1, 1, 8).expand(1, 1, 8, 8)
    shown = seen(ramp, view(scale=2.0), (8, 8))
    assert close(shown[0, 0, 0], torch.arange(8, dtype=torch.float64) / 2 + 1.75)


def test_a_scale_leaves_the_centre_where_it_is():
    picture = noise(1, 3, 9, 9)
    for scale in (0.6, 1.0, 1.7, 3.0):
        assert close(seen(picture, view(scale=scale), (9, 9))[..., 4, 4], picture[..., 4, 4])


@pytest.mark.parametrize("quarters", [1, 2, 3, -1])
def test_quarter_turns_are_exact_and_counter_clockwise(quarters):
    picture = noise(1, 3, 8, 8)
    assert close(seen(picture, view(degrees=90 * quarters), (8, 8)), torch.rot90(picture, quarters, (2, 3)))


def test_a_quarter_turn_of_a_picture_that_is_not_square():
    picture = noise(1, 3, 6, 10)
    assert close(seen(picture, view(degrees=90), (10, 6)), torch.rot90(picture, 1, (2, 3)))


@pytest.mark.parametrize("scale", [1 / 2, 1 / 3, 1 / 4, 0.21])
def test_shrinking_strongly_skips_no_pixel(scale):
    picture = noise(1, 1, 40, 40).requires_grad_()
    (gradient,) = torch.autograd.grad(seen(picture, view(scale=scale, degrees=10), (40, 40)).sum(), picture)
    assert gradient.min() > 0


def test_shrinking_strongly_turns_fine_stripes_gray():
    stripes = (torch.arange(64.0) % 2).view(1, 1, 1, 64).expand(1, 1, 64, 64)
    shown = seen(stripes, view(extent=(4.0, 4.0)), (16, 16))
    assert close(shown, torch.full_like(shown, 0.5))


def test_shrinking_by_a_whole_factor_is_the_mean_of_each_block():
    picture = noise(1, 3, 24, 24)
    assert close(seen(picture, view(extent=(4.0, 4.0)), (6, 6)), torch.nn.functional.avg_pool2d(picture, 4))


def test_what_an_image_shows_does_not_depend_on_the_others_of_its_batch():
    pictures = noise(4, 3, 20, 20)
    one, other = view((1, 2), 0.9, 5), view((0, -3), 0.3, 20)
    mixed = Views(
        torch.cat([other.centres, one.centres, one.centres, other.centres]),
        torch.cat([other.steps, one.steps, one.steps, other.steps]),
    )
    together = seen(pictures, mixed, (20, 20))
    for i in range(4):
        assert close(together[i : i + 1], seen(pictures[i : i + 1], mixed.some(torch.tensor([i])), (20, 20)), 1e-12)
