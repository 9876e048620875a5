"""Random transformations: nothing moves on average, nothing happens without strength, and each image is on its own."""

import numpy as np
import pytest
import torch

from tests.techniques.synthesis.gradient_checks import assert_gradient_is_right, noise
from viz.core.errors import UsageError
from viz.techniques.synthesis import _views
from viz.techniques.synthesis._transformations import Transformations

ALL_AT_ONCE = Transformations(pad=2, jitter=2, scale=(0.8, 1.25), rotate=30, boxes=(0.6, 0.9), noise=0.1)
EACH = {
    "jitter": Transformations(jitter=5),
    "jitter in a border": Transformations(pad=3, jitter=5),
    "any scale": Transformations(scale=(0.5, 2)),
    "some scales": Transformations(scale=(0.8, 1, 1.25)),
    "rotate": Transformations(rotate=25),
    "boxes": Transformations(boxes=(0.3, 0.8)),
    "noise": Transformations(noise=0.1),
    "all": ALL_AT_ONCE,
}
EVERY = pytest.mark.parametrize("moved", EACH.values(), ids=EACH.keys())


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def draws(moved, size=(40, 60), count=4000):
    """Displacement (n, 2), scale (n,) and angle in degrees (n,) of many draws."""
    views = moved.draw(count, size, size, seeded(3))
    inverse = torch.linalg.inv(views.steps)  # from picture to output
    angles = torch.atan2(inverse[:, 1, 0], inverse[:, 0, 0]).rad2deg()
    return views.centres.numpy(), torch.linalg.det(inverse).sqrt().numpy(), -angles.numpy()


def assert_zero_on_average(values):
    """The mean is within 3.5 standard errors of 0, and there is something to average."""
    values = np.asarray(values)
    assert values.std(0).min() > 0
    assert np.all(np.abs(values.mean(0)) < 3.5 * values.std(0) / np.sqrt(len(values)))


def test_jitter_moves_both_ways_and_not_at_all_on_average():
    moves, scales, angles = draws(Transformations(jitter=5))
    assert_zero_on_average(moves)
    assert sorted(set(moves[:, 0])) == sorted(set(moves[:, 1])) == list(range(-5, 6))
    assert abs(np.corrcoef(moves.T)[0, 1]) < 0.06  # up or down says nothing of left or right
    assert np.allclose(scales, 1) and np.allclose(angles, 0)


@pytest.mark.parametrize("choices", [(0.5, 2), (0.8, 1, 1.25), (0.9, 1 / 0.9, 1)], ids=str)
def test_scales_neither_grow_nor_shrink_on_average(choices):
    moves, scales, angles = draws(Transformations(scale=choices))
    assert_zero_on_average(np.log(scales))
    assert scales.min() == pytest.approx(min(choices), rel=0.01)
    assert scales.max() == pytest.approx(max(choices), rel=0.01)
    assert np.all(moves == 0) and np.allclose(angles, 0)


def test_two_scales_are_a_range_and_three_are_all_there_are():
    assert len(set(draws(Transformations(scale=(0.5, 2)))[1].round(6))) > 3000
    assert set(draws(Transformations(scale=(0.5, 1, 2)))[1].round(6)) == {0.5, 1, 2}


def test_turns_go_both_ways_and_are_none_on_average():
    moves, scales, angles = draws(Transformations(rotate=20))
    assert_zero_on_average(angles)
    assert (angles.min(), angles.max()) == pytest.approx((-20, 20), abs=0.1)
    assert np.all(moves == 0) and np.allclose(scales, 1)


def test_boxes_are_of_all_sizes_anywhere_inside_and_in_the_middle_on_average():
    moves, scales, _ = draws(Transformations(boxes=(0.25, 0.75)))
    assert_zero_on_average(moves)
    shares = 1 / scales
    assert (shares.min(), shares.max()) == pytest.approx((0.25, 0.75), abs=0.01)
    assert shares.mean() == pytest.approx(0.5, abs=0.01)
    edges = np.abs(moves) + shares[:, None] * np.array([40, 60]) / 2
    assert np.all(edges <= np.array([20, 30]) + 1e-9)
    assert np.allclose(edges.max(0), [20, 30], atol=0.2)  # up to the picture's edges, and not beyond


def test_the_first_draws_of_consecutive_seeds_are_none_on_average_either():
    moved = Transformations(jitter=8, rotate=10, scale=(0.8, 1.25), boxes=(0.5, 0.9))
    first = [moved.draw(1, (40, 40), (40, 40), seeded(1_000_003 + step)) for step in range(1500)]
    assert_zero_on_average(torch.cat([views.centres for views in first]))
    steps = torch.cat([views.steps for views in first])
    assert_zero_on_average(torch.atan2(steps[:, 0, 1], steps[:, 0, 0]))


def test_noise_is_none_on_average_and_as_strong_as_asked_for():
    gray = torch.full((1, 3, 64, 64), 0.5)
    added = (Transformations(noise=0.2)(gray, seeded()) - gray).flatten().numpy()
    assert_zero_on_average(added)
    assert added.std() == pytest.approx(0.2, rel=0.03)


@pytest.mark.parametrize(
    "still",
    [Transformations(), Transformations(pad=7), Transformations(scale=(1.0, 1.0)), Transformations(boxes=(1, 1))],
    ids=["nothing", "a border that is not seen", "scale 1", "the whole box"],
)
def test_without_strength_the_pictures_come_back_bit_for_bit(still):
    pictures = noise(2, 3, 9, 7).float()
    assert torch.equal(still(pictures, seeded()), pictures)


@EVERY
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(moved):
    pictures = noise(3, 3, 24, 20).float()
    assert torch.equal(moved(pictures, seeded(1)), moved(pictures, seeded(1)))
    assert not torch.equal(moved(pictures, seeded(1)), moved(pictures, seeded(2)))


@EVERY
def test_every_image_of_a_batch_gets_its_own_draw(moved):
    same = noise(1, 3, 24, 20).float().expand(6, 3, 24, 20)
    shown = moved(same, seeded())
    assert len({one.numpy().tobytes() for one in shown}) >= 3  # of few scales, two may be the same


@EVERY
def test_the_gradient_is_that_of_finite_differences(moved):
    moved = Transformations(**{**vars(moved), "jitter": min(moved.jitter, 2)})
    assert_gradient_is_right(lambda pictures: moved(pictures, seeded(5)), noise(2, 1, 5, 4))


@EVERY
def test_a_flat_picture_stays_flat_where_its_border_is_of_the_same_colour(moved):
    moved = Transformations(**{**vars(moved), "noise": 0, "pad_value": 0.25})
    flat = torch.full((4, 3, 16, 12), 0.25)
    assert torch.allclose(moved(flat, seeded()), flat, atol=1e-6)


def test_jitter_only_moves_values_and_leaves_them_as_they_are():
    picture = noise(1, 3, 10, 12).float()
    moved = Transformations(pad=4, pad_value=2.0, jitter=4)
    wide = torch.nn.functional.pad(picture, (4, 4, 4, 4), value=2.0)
    windows = {wide[..., r : r + 10, c : c + 12].numpy().tobytes() for r in range(9) for c in range(9)}
    found = {moved(picture, seeded(seed)).numpy().tobytes() for seed in range(60)}
    assert found <= windows
    assert len(found) > 35  # of 81 windows


def test_a_border_is_gray_unless_another_value_is_given():
    black = torch.zeros(1, 3, 8, 8)
    for value, moved in (
        (0.5, Transformations(pad=3, jitter=3)),
        (0.9, Transformations(pad=3, jitter=3, pad_value=0.9)),
    ):
        seen = torch.stack([moved(black, seeded(seed)) for seed in range(20)])
        assert sorted(set(seen.flatten().tolist())) == pytest.approx([0, value])


@pytest.mark.parametrize("out", [(7, 9), (20, 30), (5, 30)], ids=str)
@EVERY
def test_outputs_have_the_size_that_is_asked_for(moved, out):
    pictures = noise(2, 3, 12, 16).float()
    assert moved(pictures, seeded(), out).shape == (2, 3, *out)
    assert moved(pictures, seeded()).shape == pictures.shape


def test_the_whole_picture_is_brought_to_the_outputs_size():
    ramp = torch.linspace(0, 1, 33, dtype=torch.float64)[:-1] + 1 / 64
    picture = (ramp[:, None] + 2 * ramp).expand(1, 3, 32, 32)
    shown = Transformations()(picture, seeded(), (16, 64))
    down, across = (torch.arange(n, dtype=torch.float64).add(0.5) / n for n in (16, 64))
    expected = down[:, None] + 2 * across
    assert torch.allclose(shown[0, 0, 1:-1, 2:-2], expected[1:-1, 2:-2], atol=1e-6)


@pytest.mark.parametrize(
    "moved",
    [
        Transformations(jitter=5),
        Transformations(scale=(0.7, 1.5)),
        Transformations(rotate=40, jitter=2),
        Transformations(rotate=120),
        Transformations(scale=(2, 3), jitter=1),
        Transformations(boxes=(0.2, 0.5)),
        Transformations(boxes=(0.2, 0.5), jitter=3),
        Transformations(boxes=(0.3, 0.9), rotate=30, scale=(0.8, 1.2)),
    ],
    ids=str,
)
def test_reach_is_the_farthest_that_is_ever_seen(moved):
    size, around = (24, 40), 20
    wide = torch.zeros(1, 1, size[0] + 2 * around, size[1] + 2 * around, requires_grad=True)
    inside = Transformations(**{**vars(moved), "pad": around})
    generator, seen = seeded(), torch.zeros(size[0] + 2 * around, size[1] + 2 * around, dtype=torch.bool)
    views = inside.draw(1500, size, size, generator)
    for start in range(0, 1500, 500):
        batch = wide.expand(500, *wide.shape[1:])
        some = views.some(torch.arange(start, start + 500))
        (gradient,) = torch.autograd.grad(_views.seen(batch, some, size).sum(), wide)
        seen |= gradient[0, 0] != 0
    rows, columns = seen.any(1).nonzero()[:, 0], seen.any(0).nonzero()[:, 0]
    beyond = [
        around - rows[0],
        rows[-1] - around - size[0] + 1,
        around - columns[0],
        columns[-1] - around - size[1] + 1,
    ]
    reach = moved.reach(size)
    assert max(beyond) <= reach
    assert max(beyond) >= reach - 2  # chance seldom draws the very worst


def test_reach_of_some_known_transformations():
    assert Transformations().reach((20, 30)) == 0
    assert Transformations(jitter=7, pad=2).reach((20, 30)) == 7
    assert Transformations(rotate=90).reach((20, 20)) == np.ceil(20 / np.sqrt(2) - 10 + 0.5)
    assert Transformations(scale=(2, 4)).reach((40, 40)) == -9  # ten, less one for what is interpolated
    assert Transformations(boxes=(0.1, 0.4)).reach((40, 40)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"pad": -1},
        {"jitter": -3},
        {"scale": (1,)},
        {"scale": (0, 1)},
        {"rotate": 200},
        {"boxes": (0.5, 1.2)},
        {"boxes": (0.9, 0.4)},
        {"noise": -0.1},
    ],
    ids=str,
)
def test_impossible_strengths_are_refused_with_what_can_be(wrong):
    (name,) = wrong
    with pytest.raises(UsageError, match="cannot be") as refused:
        Transformations(**wrong)
    assert refused.value.next_step.startswith(name)


def test_a_jitter_out_of_sight_is_refused():
    with pytest.raises(UsageError, match="out of sight") as refused:
        Transformations(jitter=10)(noise(1, 3, 10, 30), seeded())
    assert "below 10" in refused.value.next_step
