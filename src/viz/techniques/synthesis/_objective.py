"""What is driven up: each picture's target, and what the pictures of a batch have to do with each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from viz.core.adapter import Adapter, Rule
from viz.core.batching import in_batches
from viz.core.gradients import check_path, total_of
from viz.core.target import Target
from viz.core.torch_errors import torch_errors

# A number per picture that is taken from the objective, from the layers' values, for pictures start to stop.
Against = Callable[[Mapping[str, Tensor], int, int], Tensor]


@dataclass(frozen=True)
class Driven:
    """The objective of each picture, (b,), and its gradient with respect to what the model saw, (b, 3, h, w)."""

    values: Tensor
    gradient: Tensor


@dataclass(frozen=True)
class Objective:
    """One target per picture, driven up.

    Attributes:
        against: taken from the targets; with it, each picture's number may follow from all pictures at once.
        layers: tensors that `against` needs.
        together: the pictures are not independent (diversity), so that a batch must not be split.
    """

    model: Adapter
    targets: tuple[Target, ...]
    against: Against | None = None
    layers: tuple[str, ...] = ()
    together: bool = False

    def driven(self, seen: Tensor, rule: Rule = "plain") -> Driven:
        """Values and gradients for what the model sees, (b, 3, h, w). Batches are split until they fit.

        Raises `NotSupported` where no gradient reaches the pixels.
        """
        if self.together:
            return self._piece(seen, rule, 0, len(seen))
        pieces = in_batches(self.model, len(seen), lambda start, stop: self._piece(seen, rule, start, stop))
        if len(pieces) == 1:
            return pieces[0]
        return Driven(torch.cat([one.values for one in pieces]), torch.cat([one.gradient for one in pieces]))

    def part(self, places: Sequence[int]) -> "Objective":
        """The objective of some of the pictures."""
        return Objective(self.model, tuple(self.targets[i] for i in places), self.against, self.layers, self.together)

    def _piece(self, seen: Tensor, rule: Rule, start: int, stop: int) -> Driven:
        leaf = seen[start:stop].detach().requires_grad_()
        targets = self.targets[start:stop]
        wanted = tuple(dict.fromkeys([*(name for target in targets for name in target.layers), *self.layers]))
        with torch.enable_grad():
            trace = self.model.trace(leaf, wanted, rule)
            total = total_of(targets, trace.values)
            check_path(self.model, total, trace)
            if self.against is not None:
                total = total - self.against(trace.values, start, stop)
            with torch_errors(self.model.source.name):
                (gradient,) = torch.autograd.grad(total.sum(), leaf)
        return Driven(total.detach(), gradient)
