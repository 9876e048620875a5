"""The batched two loops against the textbook's matrix, one problem at a time."""

import numpy as np
import torch

from viz.techniques.attack._box_lbfgs import _MEMORY, Memory, free_of, sufficient

FORM = (3, 2, 2)


def by_matrix(steps, changes, gradient, weight):
    """Minus H g for the inverse Hessian H that BFGS builds from pairs, oldest first (Nocedal & Wright, eq. 6.17)."""
    n = gradient.size
    changes = [change + 2 * weight * step for step, change in zip(steps, changes, strict=True)]
    pairs = [(s, y) for s, y in zip(steps, changes, strict=True) if s @ y > 1e-8 * s @ s]
    inverse = np.eye(n) * (pairs[-1][0] @ pairs[-1][1] / (pairs[-1][1] @ pairs[-1][1]) if pairs else 1 / (2 * weight))
    for s, y in pairs:
        left = np.eye(n) - np.outer(s, y) / (s @ y)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)
    return -inverse @ gradient


def test_the_direction_is_that_of_the_dense_update_for_every_problem():
    chance = np.random.default_rng(0)
    count, n = 3, int(np.prod(FORM))
    memory = Memory.empty(torch.zeros(count, *FORM))
    seen = [([], []) for _ in range(count)]
    for _ in range(_MEMORY + 4):  # more than it holds: the oldest go
        step = chance.normal(size=(count, *FORM)).astype(np.float32)
        change = (0.7 * step + 0.3 * chance.normal(size=step.shape)).astype(np.float32)
        taken = chance.random(count) < 0.7
        memory.learn(torch.from_numpy(taken), torch.from_numpy(step), torch.from_numpy(change))
        for i in np.flatnonzero(taken):
            seen[i][0].append(step[i].ravel().astype(float))
            seen[i][1].append(change[i].ravel().astype(float))
    gradient = chance.normal(size=(count, *FORM)).astype(np.float32)
    weight = np.array([0.5, 1e-3, 2.0], np.float32)
    free = torch.ones(count, *FORM, dtype=torch.bool)
    found = memory.direction(torch.from_numpy(gradient), free, torch.from_numpy(weight)).reshape(count, n)
    for i, (steps, changes) in enumerate(seen):
        expected = by_matrix(steps[-_MEMORY:], changes[-_MEMORY:], gradient[i].ravel(), float(weight[i]))
        np.testing.assert_allclose(found[i], expected, rtol=1e-3, atol=1e-4)


def test_nothing_learnt_is_a_step_of_the_quadratic_term():
    gradient = torch.ones(1, *FORM)
    found = Memory.empty(gradient).direction(gradient, gradient > 0, torch.tensor([4.0]))
    torch.testing.assert_close(found, -gradient / 8)


def test_values_that_are_not_free_do_not_move():
    chance = torch.Generator().manual_seed(0)
    step, gradient = (torch.randn(1, *FORM, generator=chance) for _ in range(2))
    memory = Memory.empty(gradient)
    memory.learn(torch.tensor([True]), step, 2 * step)
    free = torch.rand(1, *FORM, generator=chance) < 0.5
    found = memory.direction(gradient, free, torch.tensor([1.0]))
    assert (found[~free] == 0).all()
    assert (found[free] != 0).all()


def test_a_memory_of_some_problems_is_theirs():
    chance = torch.Generator().manual_seed(0)
    step, change, gradient = (torch.randn(3, *FORM, generator=chance) for _ in range(3))
    memory, weight = Memory.empty(gradient), torch.tensor([1.0, 2.0, 3.0])
    memory.learn(torch.tensor([True, False, True]), step, change + step)
    free, places = torch.ones_like(gradient) > 0, torch.tensor([2, 1])
    some = memory.at(places).direction(gradient[places], free[places], weight[places])
    torch.testing.assert_close(some, memory.direction(gradient, free, weight)[places])


def test_values_at_the_edge_are_free_to_come_back():
    place = torch.tensor([0.0, 0.0, 1.0, 1.0, 0.5])
    assert free_of(place, torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0])).tolist() == [False, True, True, False, True]


def test_a_step_has_to_gain_a_part_of_what_the_slope_promises():
    before, slope = torch.tensor([1.0, 1.0]), torch.tensor([-1.0, -1.0])
    assert sufficient(before, torch.tensor([0.5, 0.99995]), slope).tolist() == [True, False]
