"""Limited-memory BFGS inside a box for a batch of independent problems, one evaluation of all at a time."""

import torch
from torch import Tensor

_MEMORY = 6  # steps that each problem remembers
_ARMIJO = 1e-4
_CURVED = 1e-8  # a step whose curvature is less than this part of its squared length teaches nothing
_TINY = 1e-20


class Memory:
    """The last steps s of each problem, and what they did to the gradient of the part that is not quadratic, y.

    The whole objective has `c |x - x0|^2` besides, whose gradient changes by 2 c s. That is added on use, so that
    what was learnt stays true when c changes. The two loops run on inner products alone (13 x 13 for each problem):
    one product of matrices gives them all, which is several times faster than loops over images.
    """

    def __init__(self, vectors: Tensor, counts: Tensor):
        # (b, 2 m + 1, n): m slots for s, m for y, and the gradient of the moment; how many steps each has seen.
        self._vectors, self._counts = vectors, counts

    @classmethod
    def empty(cls, pictures: Tensor) -> "Memory":
        """Nothing learnt yet, for problems of the form (b, 3, H, W)."""
        count = len(pictures)
        vectors = pictures.new_zeros(count, 2 * _MEMORY + 1, pictures[0].numel())
        return cls(vectors, torch.zeros(count, dtype=torch.long, device=pictures.device))

    def at(self, places: Tensor) -> "Memory":
        """The memory of some of the problems."""
        return Memory(self._vectors[places], self._counts[places])

    def learn(self, taken: Tensor, step: Tensor, change: Tensor) -> None:
        """Take note of steps (b, 3, H, W) of the problems that were `taken`, (b,), in place of their oldest ones."""
        rows = taken.nonzero()[:, 0]
        slots = self._counts[rows] % _MEMORY
        self._vectors[rows, slots] = step.flatten(1)[rows]
        self._vectors[rows, _MEMORY + slots] = change.flatten(1)[rows]
        self._counts[rows] += 1

    def direction(self, gradient: Tensor, free: Tensor, weight: Tensor) -> Tensor:
        """Minus the inverse Hessian times the gradient, among the values that are `free`; c = `weight`, (b,)."""
        self._vectors[:, -1] = gradient.flatten(1)
        seen = self._vectors if free.all() else self._vectors * free.flatten(1)[:, None]
        products = (seen @ seen.mT).double()
        parts = self._two_loops(products, weight.double()).to(seen)
        return -(parts[:, None] @ seen)[:, 0].view_as(gradient)

    def _two_loops(self, products: Tensor, weight: Tensor) -> Tensor:
        """How much of each vector is in the inverse Hessian times the gradient, (b, 2 m + 1).

        Source: Nocedal & Wright 2006, algorithm 7.4, with the scale of eq. 7.20; where nothing is known the scale
        is that of the quadratic term, 1 / (2 c).
        """
        steps, changes = self._newest_first(weight)
        curvatures = _inner(products[:, None], steps, changes)
        useful = curvatures > _CURVED * _inner(products[:, None], steps, steps) + _TINY
        inverses = torch.where(useful, 1 / curvatures.clamp_min(_TINY), 0.0)
        rest = torch.zeros_like(steps[:, 0])
        rest[:, -1] = 1
        alphas = []
        for i in range(_MEMORY):
            alphas.append(inverses[:, i] * _inner(products, steps[:, i], rest))
            rest = rest - alphas[i][:, None] * changes[:, i]
        lengths = _inner(products[:, None], changes, changes)
        rest = rest * _scale(curvatures, lengths, useful, weight)[:, None]
        for i in reversed(range(_MEMORY)):
            beta = inverses[:, i] * _inner(products, changes[:, i], rest)
            rest = rest + (alphas[i] - beta)[:, None] * steps[:, i]
        return rest

    def _newest_first(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Each s and y + 2 c s as parts of the vectors, (b, m, 2 m + 1), from the newest to the oldest."""
        ages = torch.arange(1, _MEMORY + 1, device=weight.device)
        slots = (self._counts[:, None] - ages) % _MEMORY
        unit = torch.eye(2 * _MEMORY + 1, dtype=weight.dtype, device=weight.device)
        steps = unit[slots]
        return steps, unit[_MEMORY + slots] + 2 * weight[:, None, None] * steps


def _inner(products: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """The inner product of two sums of vectors, from those of the vectors."""
    return ((one[..., None, :] @ products)[..., 0, :] * other).sum(-1)


def _scale(curvatures: Tensor, lengths: Tensor, useful: Tensor, weight: Tensor) -> Tensor:
    """s y / y y of each problem's newest useful step, (b,)."""
    newest = useful.double().argmax(dim=1, keepdim=True)
    known = (curvatures / lengths.clamp_min(_TINY)).gather(1, newest)[:, 0]
    return torch.where(useful.any(1), known, 1 / (2 * weight))


def free_of(place: Tensor, gradient: Tensor) -> Tensor:
    """Which values of x in [0, 1] may move against the gradient: all but those that it presses against the box."""
    return ~(((place <= 0) & (gradient > 0)) | ((place >= 1) & (gradient < 0)))


def sufficient(before: Tensor, after: Tensor, slope: Tensor) -> Tensor:
    """Armijo's condition for steps along the projected path, (b,): `slope` is the gradient times the step."""
    return after <= before + _ARMIJO * slope
