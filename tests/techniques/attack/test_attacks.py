"""Attacks on linear models, whose nearest boundary is known: distance |margin| / |w_t - w_s|."""

import numpy as np
import pytest
import torch

from tests.techniques.attack.fooling import SIZE, gray_pictures, last, linear, other_class, victim_of
from viz.core.scores import Scores
from viz.techniques.attack._attack import Goal, norms
from viz.techniques.attack._ball import Ball
from viz.techniques.attack._carlini_wagner import _Weights, carlini_wagner
from viz.techniques.attack._deepfool import deepfool
from viz.techniques.attack._fgsm import fgsm
from viz.techniques.attack._pgd import pgd
from viz.techniques.attack._szegedy import szegedy


def exact_distances(model, pictures, goal):
    """How far two classes' boundary is from each picture."""
    weights = torch.from_numpy(model.weights)
    between = weights[goal.classes] - weights[1 - goal.classes]
    scores = torch.einsum("bchw,bchw->b", between, pictures)
    return scores.abs() / norms(between)


SMALLEST = {
    "szegedy": (lambda *given: szegedy(*given, steps=200), 1.01),
    "deepfool": (lambda *given: deepfool(*given, steps=10), 1.03),
    "carlini-wagner": (lambda *given: carlini_wagner(*given, steps=900), 1.05),
}


@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_perturbation_of_a_linear_model_is_found(name):
    model, pictures = linear(), gray_pictures()
    goal = other_class(model, pictures)
    attack, within = SMALLEST[name]
    found = last(attack(victim_of(model), pictures, goal))
    ratio = norms(found.pictures - pictures) / exact_distances(model, pictures, goal)
    assert found.fooled.all()
    assert (ratio > 0.9999).all()
    assert (ratio < within).all()


def test_the_box_takes_away_the_values_that_cannot_move():
    model, pictures = linear(), gray_pictures()
    goal = other_class(model, pictures)
    weights = torch.from_numpy(model.weights)
    between = weights[goal.classes] - weights[1 - goal.classes]
    stuck = torch.from_numpy(np.random.default_rng(2).random(pictures.shape) < 0.5)
    boxed = torch.where(stuck, (between > 0).float(), pictures)
    model.bias = model.bias - model.run(boxed[:1].numpy(), ["scores"])["scores"][0] + np.eye(2)[1 - goal.classes[0]]
    found = last(szegedy(victim_of(model), boxed[:1], goal.at(torch.tensor([0])), steps=200))
    assert norms(found.pictures - boxed[:1]).item() == pytest.approx(1 / norms(between * ~stuck)[0].item(), rel=0.01)
    assert torch.equal(found.pictures[stuck[:1]], boxed[:1][stuck[:1]])


@pytest.mark.parametrize("steps", [1, 3, 17])
def test_an_attack_takes_no_more_gradients_than_it_may(steps):
    model, pictures = linear(), gray_pictures(1)
    traced = []
    trace = model.trace
    model.trace = lambda *given: traced.append(1) or trace(*given)
    last(szegedy(victim_of(model), pictures, other_class(model, pictures), steps))
    assert len(traced) <= steps
    traced.clear()
    last(carlini_wagner(victim_of(model), pictures, other_class(model, pictures), steps))
    assert len(traced) == steps


def test_fgsm_goes_the_whole_way_against_the_sign_of_the_gradient():
    model, pictures = linear(), gray_pictures()
    goal, ball = other_class(model, pictures), Ball("linf", 0.02)
    weights = torch.from_numpy(model.weights)
    found = last(fgsm(victim_of(model), pictures, goal, ball))
    expected = pictures + 0.02 * (weights[goal.classes] - weights[1 - goal.classes]).sign()
    torch.testing.assert_close(found.pictures, expected)


def test_fgsm_in_l2_goes_along_the_gradient():
    model, pictures = linear(), gray_pictures()
    goal, ball = other_class(model, pictures), Ball("l2", 0.5)
    weights = torch.from_numpy(model.weights)
    between = weights[goal.classes] - weights[1 - goal.classes]
    found = last(fgsm(victim_of(model), pictures, goal, ball))
    torch.testing.assert_close(found.pictures, pictures + 0.5 * between / norms(between)[:, None, None, None])


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_pgd_stays_in_the_ball_and_the_box_and_reaches_what_a_linear_model_allows(norm):
    model, pictures = linear(), gray_pictures(2)
    pictures[0, :, :3] = 1.0
    goal, radius = other_class(model, pictures), {"linf": 0.02, "l2": 0.3}[norm]
    # A lead that no picture in the ball has: every step is taken.
    goal = Goal(goal.classes, goal.targeted, margin=1e6)
    found = last(pgd(victim_of(model), pictures, goal, Ball(norm, radius), 40, [1, 2]))
    change = found.pictures - pictures
    length = norms(change) if norm == "l2" else change.abs().flatten(1).amax(1)
    assert (length <= radius * 1.0001).all()
    assert found.pictures.min() >= 0
    assert found.pictures.max() <= 1
    weights = torch.from_numpy(model.weights)
    between = weights[goal.classes] - weights[1 - goal.classes]
    best = radius * (norms(between[1:]) if norm == "l2" else between[1:].abs().sum((1, 2, 3)))
    assert ((between * change)[1:].sum((1, 2, 3)) / best).item() > 0.97


def test_pgd_starts_where_its_seed_says_whatever_else_is_in_the_batch():
    model, pictures = linear(), gray_pictures(2)
    goal, ball = other_class(model, pictures), Ball("linf", 0.001)

    def run(seeds, at):
        return last(pgd(victim_of(model), pictures[at], goal.at(torch.tensor(at)), ball, 1, seeds, 1e-9)).pictures

    together = run([5, 6], [0, 1])
    assert torch.equal(together[1], run([6], [1])[0])
    assert not torch.equal(together[1], run([7], [1])[0])


def test_untargeted_deepfool_takes_the_nearest_of_all_boundaries():
    model, pictures = linear(classes=6), gray_pictures(4)
    scores = torch.from_numpy(model.run(pictures.numpy(), ["scores"])["scores"])
    own = scores.argmax(1)
    goal = Goal(own, torch.zeros(4, dtype=torch.bool))
    weights = torch.from_numpy(model.weights)
    far = [
        min(((s[k] - s[j]) / (weights[k] - weights[j]).norm()).item() for j in range(6) if j != k)
        for s, k in zip(scores, own.tolist(), strict=True)
    ]
    found = last(deepfool(victim_of(model), pictures, goal, 10))
    assert found.fooled.all()
    np.testing.assert_allclose(norms(found.pictures - pictures), far, rtol=0.03)


@pytest.mark.parametrize("attack", [carlini_wagner, deepfool])
def test_untargeted_attacks_leave_the_class(attack):
    model, pictures = linear(classes=4), gray_pictures(3)
    own = torch.from_numpy(model.run(pictures.numpy(), ["scores"])["scores"]).argmax(1)
    found = last(attack(victim_of(model), pictures, Goal(own, torch.zeros(3, dtype=torch.bool)), 180))
    assert found.fooled.all()
    after = torch.from_numpy(model.run(found.pictures.numpy(), ["scores"])["scores"]).argmax(1)
    assert (after != own).all()


@pytest.mark.parametrize("targeted", [True, False])
def test_the_loss_has_a_gradient_where_the_model_is_sure(targeted):
    scores = torch.tensor([[90.0, 0.0, -5.0]], requires_grad=True)
    goal = Goal(torch.tensor([1 if targeted else 0]), torch.tensor([targeted]))
    (gradient,) = torch.autograd.grad(goal.loss(scores).sum(), scores)
    np.testing.assert_allclose(gradient, [[1.0, -1.0, 0.0]], atol=0.01)


def test_the_lead_is_that_over_the_best_of_the_others():
    scores = torch.tensor([[3.0, 1.0, 2.5], [3.0, 1.0, 2.5]])
    goal = Goal(torch.tensor([2, 0]), torch.tensor([True, False]))
    assert goal.lead(scores).tolist() == [-0.5, -0.5]
    assert Goal(torch.tensor([0, 1]), torch.tensor([True, False]), margin=1.0).reached(
        Goal(torch.tensor([0, 1]), torch.tensor([True, False])).lead(scores)
    ).tolist() == [False, True]


def test_a_model_that_shows_probabilities_only_is_attacked_by_their_logarithms():
    model, pictures = linear(squash="softmax"), gray_pictures()
    model.bias = model.bias * 0
    goal = other_class(model, pictures)
    model.scores = Scores(2, None, "probabilities", "softmax")
    found = last(szegedy(victim_of(model), pictures, goal, steps=200))
    ratio = norms(found.pictures - pictures) / exact_distances(model, pictures, goal)
    assert found.fooled.all()
    assert (ratio < 1.01).all()


@pytest.mark.parametrize(("radius", "levels", "inside"), [(2.5 / 255, [3, -4, 1, 2], [2, -2, 1, 2])])
def test_a_ball_in_whole_levels_rounds_its_radius_down(radius, levels, inside):
    grid = torch.tensor(levels, dtype=torch.float32).view(1, 1, 2, 2)
    assert Ball("linf", radius).inside_in_levels(grid).flatten().tolist() == inside


def test_an_l2_ball_in_whole_levels_is_not_left():
    levels = torch.from_numpy(np.random.default_rng(0).integers(-9, 10, (2, 3, *SIZE)).astype(np.float32))
    kept = Ball("l2", 40 / 255).inside_in_levels(levels)
    assert torch.equal(kept, kept.round())
    assert (norms(kept) <= 40.001).all()
    assert (norms(kept) > 37).all()
    assert torch.equal(Ball("l2", 1e3).inside_in_levels(levels), levels)


def test_the_weight_grows_tenfold_until_one_fools_then_lies_in_between():
    weights = _Weights.first(torch.zeros(2, 3, 1, 1))
    tried = [weights.value]
    for fooled in ([False, True], [True, False], [False, True]):
        weights = weights.next(torch.tensor(fooled))
        tried.append(weights.value)
    first = tried[0][0].item()
    parts = (torch.stack(tried) / first).T
    torch.testing.assert_close(parts, torch.tensor([[1, 10, 5.5, 7.75], [1, 0.5, 0.75, 0.625]]))


def test_a_pgd_step_costs_one_gradient():
    model, pictures = linear(), gray_pictures(1)
    traced, trace = [], model.trace
    model.trace = lambda images, *rest: traced.append(images.requires_grad) or trace(images, *rest)
    last(pgd(victim_of(model), pictures, other_class(model, pictures), Ball("linf", 1e-3), 7, [0]))
    assert sum(traced) == 7
