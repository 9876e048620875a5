"""What pictures are made of: where they start, their true gradients, and that they stay in [0, 1]."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from viz.techniques.synthesis._fourier import Fourier
from viz.techniques.synthesis._fourier_phase import FourierPhase
from viz.techniques.synthesis._magnitudes import natural_magnitude
from viz.techniques.synthesis._natural_colours import brightness, mixed, natural_colours, to_gray
from viz.techniques.synthesis._pixels import Pixels
from viz.techniques.synthesis._spectra import for_size

SIZES = [(16, 16), (15, 16), (16, 15), (9, 7), (1, 1), (2, 2), (1, 5), (5, 1)]
Made = Pixels | Fourier | FourierPhase


def noise(count: int, size: tuple[int, int], seed: int = 0) -> Tensor:
    """Within what a sigmoid can show after clipping."""
    return 0.02 + 0.96 * torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(seed))


KINDS: dict[str, Callable[..., Made]] = {
    "box": lambda count, size, seed=0, gray=False: Pixels(noise(count, size, seed), "box", gray),
    "sigmoid": lambda count, size, seed=0, gray=False: Pixels(noise(count, size, seed), "sigmoid", gray),
    "fourier": lambda count, size, seed=0, gray=False: Fourier(count, size, seed, spread=0.3, gray=gray),
    "phase": lambda count, size, seed=0, gray=False: FourierPhase(count, size, seed, gray=gray),
}


def logits(pictures: Tensor) -> Tensor:
    return torch.logit(pictures.detach().double())


@pytest.mark.parametrize("gray", [False, True], ids=["colour", "gray"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_any_size_have_three_channels_in_0_to_1(kind, size, gray):
    made = KINDS[kind](2, size, gray=gray)
    pictures = made.pictures()
    assert pictures.shape == (2, 3, *size) == (made.count, 3, *made.size)
    assert pictures.dtype == torch.float32
    assert pictures.min() >= 0 and pictures.max() <= 1
    assert all(len(tensor) == 2 and tensor.is_leaf and tensor.requires_grad for tensor in made.tensors)
    same = torch.equal(pictures[:, :1].expand(-1, 3, -1, -1), pictures)
    assert same == gray or size == (1, 1)


@pytest.mark.parametrize("gray", [False, True], ids=["colour", "gray"])
@pytest.mark.parametrize("size", [(4, 4), (3, 5)], ids=str)
@pytest.mark.parametrize("kind", ["fourier", "phase"])
def test_the_gradient_is_that_of_finite_differences(kind, size, gray):
    made = KINDS[kind](1, size, gray=gray)
    point = made.tensors[0].detach().double().requires_grad_()
    assert torch.autograd.gradcheck(made.pictures_of, (point,), eps=1e-5, atol=1e-6)


@pytest.mark.parametrize("gray", [False, True], ids=["colour", "gray"])
@pytest.mark.parametrize("squash", ["box", "sigmoid"])
def test_the_gradient_of_pixels_is_that_of_finite_differences(squash, gray):
    made = Pixels(noise(2, (3, 4)).double(), squash, gray)
    (values,) = made.tensors
    weights = torch.rand(2, 3, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (made.pictures() ** 2 * weights).sum().backward()
    found, step = values.grad.clone(), 1e-6
    with torch.no_grad():
        for index in np.ndindex(*values.shape):
            sides = []
            for move in (step, -2 * step):
                values[index] += move
                sides.append((made.pictures() ** 2 * weights).sum())
            values[index] += step
            assert found[index] == pytest.approx(float(sides[0] - sides[1]) / (2 * step), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_going_uphill_on_red_makes_pictures_red(kind):
    made = KINDS[kind](2, (24, 24))
    before = made.pictures().detach().mean((2, 3))
    optimizer = torch.optim.Adam(list(made.tensors), lr=0.1)
    for _ in range(30):
        optimizer.zero_grad()
        pictures = made.pictures()
        (pictures[:, 1:].mean() - pictures[:, 0].mean()).backward()
        optimizer.step()
        made.after_step()
    after = made.pictures().detach().mean((2, 3))
    assert ((after[:, 0] - after[:, 1:].mean(1)) > (before[:, 0] - before[:, 1:].mean(1)) + 0.1).all()
    assert made.pictures().min() >= 0 and made.pictures().max() <= 1


@pytest.mark.parametrize("kind", ["fourier", "phase"])
def test_a_seed_gives_the_same_bytes_and_another_one_others(kind):
    first, again, other = (KINDS[kind](2, (16, 15), seed).pictures().detach() for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=0.05)
    assert not torch.allclose(first[0], first[1], atol=0.05)


@pytest.mark.parametrize("kind", ["fourier", "phase"])
def test_a_pictures_chance_does_not_depend_on_how_many_there_are(kind):
    alone, among = KINDS[kind](1, (16, 15), 5).tensors[0], KINDS[kind](3, (16, 15), 5).tensors[0]
    assert torch.equal(alone[0], among[0])


# Pixels


def test_pixels_in_a_box_are_the_picture_itself_and_end_at_its_edge():
    start = noise(1, (4, 5))
    made = Pixels(start)
    assert torch.equal(made.pictures(), start)
    with torch.no_grad():
        made.tensors[0][0, 0, 0, :2] = torch.tensor([-0.5, 1.5])
    made.after_step()
    assert made.pictures()[0, 0, 0, :2].tolist() == [0, 1]
    assert torch.equal(made.pictures()[0, 1:], start[0, 1:])


def test_a_start_is_copied_not_taken_over():
    start = noise(1, (4, 5))
    kept = start.clone()
    with torch.no_grad():
        Pixels(start).tensors[0].zero_()
    assert torch.equal(start, kept)


def test_the_sigmoid_begins_with_the_start_clipped_at_one_percent():
    start = torch.tensor([0.0, 0.3, 1.0]).view(1, 3, 1, 1)
    assert Pixels(start, "sigmoid").pictures().flatten().tolist() == pytest.approx([0.01, 0.3, 0.99], abs=1e-6)


def test_a_gray_start_has_the_brightness_of_the_coloured_one():
    made = Pixels(torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1), gray=True)
    assert made.pictures().flatten().tolist() == pytest.approx([0.299 + 0.587 / 2] * 3)


# Fourier


@pytest.mark.parametrize("gray", [False, True], ids=["colour", "gray"])
@pytest.mark.parametrize("decorrelate", [True, False])
@pytest.mark.parametrize("size", [*SIZES, (97, 64)], ids=str)
def test_a_spectrum_can_start_from_a_picture(size, decorrelate, gray):
    start = noise(2, size)
    made = Fourier(2, size, start=start, decorrelate=decorrelate, gray=gray)
    wanted = to_gray(start).expand(-1, 3, -1, -1) if gray else start
    assert torch.allclose(made.pictures(), wanted, atol=1e-4)


def test_black_and_white_are_clipped_before_they_become_infinite():
    start = torch.zeros(1, 3, 8, 8)
    start[..., 4:] = 1
    pictures = Fourier(1, (8, 8), start=start).pictures()
    assert torch.allclose(pictures, start.clamp(0.01, 0.99), atol=1e-4)


def test_a_start_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="cannot start from"):
        Fourier(2, (8, 8), start=torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize("size", [(16, 16), (15, 31), (64, 48), (224, 224)], ids=str)
def test_the_noise_it_starts_from_is_as_strong_at_every_size(size):
    made = Fourier(8, size, spread=0.01, decorrelate=False)
    assert float(logits(made.pictures()).std()) == pytest.approx(0.02, rel=0.12)


def test_a_spectrum_falls_with_frequency_as_asked():
    """The power at frequency f of what white coefficients show is 1 / f ** (2 decay)."""
    size = (64, 64)
    for decay in (0.0, 1.0, 2.0):
        made = Fourier(24, size, decay=decay, decorrelate=False)
        power = torch.fft.rfft2(logits(made.pictures())).abs().square().mean((0, 1))
        ratio = float(power[3:6, 1:6].mean() / power[24:27, 20:25].mean())
        f = np.hypot(np.arange(64)[:, None], np.arange(33)[None])
        expected = (f[3:6, 1:6] ** (-2 * decay)).mean() / (f[24:27, 20:25] ** (-2 * decay)).mean()
        assert ratio == pytest.approx(expected, rel=0.25)


def test_decorrelated_noise_has_the_colours_of_photographs():
    made = Fourier(4, (64, 64), decay=0.0)
    values = logits(made.pictures()).transpose(0, 1).flatten(1).numpy()
    unit = natural_colours().unit
    np.testing.assert_allclose(np.corrcoef(values), _correlation(unit @ unit.T), atol=0.03)


def _correlation(covariance: np.ndarray) -> np.ndarray:
    spread = np.sqrt(np.diag(covariance))
    return covariance / np.outer(spread, spread)


# Phases


def decorrelated(pictures: Tensor) -> Tensor:
    colours = natural_colours()
    centred = logits(pictures) - torch.from_numpy(colours.mean).double()[:, None, None]
    return mixed(torch.linalg.inv(torch.from_numpy(colours.root).double()), centred)


def own_opposites(size: tuple[int, int]) -> np.ndarray:
    """Where a coefficient is its own opposite, and so is real."""
    down, across = np.arange(size[0])[:, None], np.arange(size[1] // 2 + 1)[None]
    return (2 * down % size[0] == 0) & (2 * across % size[1] == 0)


@pytest.mark.parametrize("size", [(16, 16), (15, 16), (16, 15), (9, 7), (2, 2), (40, 64)], ids=str)
def test_whatever_the_phases_the_magnitude_stays(size):
    made = FourierPhase(2, size, 3)
    wanted = for_size(natural_magnitude(), size)
    found = torch.fft.rfft2(decorrelated(made.pictures()), norm="ortho").abs().numpy()
    apart = ~own_opposites(size)
    np.testing.assert_allclose(found[..., apart], np.stack([wanted] * 2)[..., apart], rtol=2e-3, atol=2e-4)
    assert (found[..., ~apart] <= wanted[..., ~apart] * 1.001 + 1e-4).all()


@pytest.mark.parametrize("size", [(12, 16), (13, 15), (2, 2), (1, 1)], ids=str)
def test_the_magnitude_and_the_phases_of_a_picture_give_the_picture(size):
    start = noise(1, size)
    spectrum = torch.fft.rfft2(decorrelated(start), norm="ortho")
    made = FourierPhase(1, size, magnitude=spectrum[0].abs().float().numpy())
    with torch.no_grad():
        made.tensors[0].copy_(spectrum.angle())
    assert torch.allclose(made.pictures(), start, atol=1e-4)


def test_a_gray_phase_picture_has_the_magnitude_of_brightness():
    made = FourierPhase(1, (32, 32), gray=True)
    colours = natural_colours()
    planes = (logits(made.pictures())[:, :1] - float(colours.mean.mean())) / brightness(colours.root).item()
    found = torch.fft.rfft2(planes, norm="ortho").abs().numpy()[0, 0]
    apart = ~own_opposites((32, 32))
    np.testing.assert_allclose(found[apart], for_size(natural_magnitude(), (32, 32))[0][apart], rtol=2e-3, atol=1e-4)
