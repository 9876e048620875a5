"""Steps that drive a loss down: they arrive, each picture by itself, and nothing but their own tensors changes."""

import pytest
import torch

from tests.techniques.synthesis.gradient_checks import noise
from viz.techniques.synthesis._optimizers import NAMES, optimizer

RATES = {"ascent": 0.02, "adam": 0.05, "nadam": 0.05, "lbfgs": 1.0}
GOAL = noise(2, 3, 4, 4, seed=7)
STIFFNESS = 1 + 9 * noise(2, 3, 4, 4, seed=8)  # some values matter ten times as much as others


def bowl(tensor, factor=1.0):
    """A loss per picture, lowest at GOAL."""
    return factor * (STIFFNESS * (tensor - GOAL).square()).flatten(1).sum(1)


def closure_of(tensor, loss):
    def closure():
        tensor.grad = None
        total = loss(tensor).sum()
        total.backward()
        return total

    return closure


def after(name, steps, loss=bowl, rate=None, start=None):
    tensor = (torch.zeros(2, 3, 4, 4, dtype=torch.float64) if start is None else start.clone()).requires_grad_()
    method = optimizer(name, [tensor], RATES[name] if rate is None else rate)
    for step in range(steps):
        method.scale(1 if name == "lbfgs" else 1 - step / steps)
        method.step(closure_of(tensor, loss))
    return tensor.detach()


@pytest.mark.parametrize("name", NAMES)
def test_a_quadratic_loss_is_driven_to_its_lowest_point(name):
    steps = 30 if name == "lbfgs" else 400
    assert torch.allclose(after(name, steps), GOAL, rtol=0, atol=2e-2)
    assert bowl(after(name, steps)).sum() < 1e-3 * bowl(torch.zeros_like(GOAL)).sum()


@pytest.mark.parametrize("factor", [1e-20, 1e6])
def test_a_normalised_step_does_not_depend_on_the_gradients_scale(factor):
    assert torch.allclose(after("ascent", 5, lambda x: bowl(x, factor)), after("ascent", 5), rtol=1e-9)


def test_a_normalised_step_changes_each_picture_by_the_rate_on_average():
    loss = lambda x: bowl(x) * torch.tensor([1.0, 1e4])  # noqa: E731
    change = after("ascent", 1, loss, rate=0.03).abs().flatten(1).mean(1)
    assert change.tolist() == pytest.approx([0.03, 0.03])


def test_a_picture_without_a_gradient_stays_as_it_is_while_the_others_move():
    moved = after("ascent", 3, lambda x: bowl(x) * torch.tensor([0.0, 1.0]))
    assert torch.equal(moved[0], torch.zeros(3, 4, 4, dtype=torch.float64))
    assert moved[1].abs().min() > 0


@pytest.mark.parametrize("name", ["ascent", "adam", "nadam"])
def test_a_picture_goes_its_way_whatever_the_others_do(name):
    alone = after(name, 10)
    beside = after(name, 10, lambda x: bowl(x) * torch.tensor([1.0, 50.0]))
    assert torch.equal(alone[0], beside[0])


@pytest.mark.parametrize("name", NAMES)
def test_the_models_weights_stay_bit_for_bit(name):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Tanh()).double().eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    start = noise(2, 3, 4, 4)
    moved = after(name, 4, lambda x: model(x).flatten(1).sum(1), start=start)
    assert not torch.equal(moved, start)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name", ["ascent", "adam", "nadam"])
def test_a_rate_of_half_the_scale_is_a_step_of_half_the_length(name):
    full, half = (torch.zeros(2, 3, 4, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    for tensor, factor in ((full, 1.0), (half, 0.5)):
        method = optimizer(name, [tensor], 0.1)
        method.scale(factor)
        method.step(closure_of(tensor, bowl))
    assert torch.allclose(full, 2 * half, rtol=1e-6)
