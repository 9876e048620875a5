"""Redirected gradients: a rectifier that is off for a whole image gets what would switch it on.

An image that begins as noise or gray may leave all units of a channel or a layer off, and then the gradient of a
target there is zero: nothing says which way to go (Olah et al. 2017, "Feature visualization", on the first steps).
"""

from typing import Any

import torch
from torch import Tensor

from viz.adapters.backward_rules.changes import Changes
from viz.adapters.backward_rules.operation import Operation, depends_on_image, is_vmapped
from viz.adapters.backward_rules.rectifiers import Kinks, kinks_of


class Redirecting:
    """The rule `redirected`, for gradients of a number that is to be driven up.

    At each rectifier (see `Rectifying`) and for each image, by the first axis: where the ordinary gradient to the
    rectifier's input is zero everywhere, the input gets instead what pulls its units back over the kink that they
    are behind: positive gradients at or below the lower one, negative ones at or above the upper one. Anywhere else
    the gradient is the ordinary one, to the last bit, as it is at smooth activations.
    """

    def __init__(self, changes: Changes):
        self._changes = changes

    def __call__(self, op: Operation) -> Any:
        """See `Treatment`."""
        kinks = kinks_of(op)
        if kinks is None:
            return None
        x = op.x if depends_on_image(op.x) else op.argument(1, "other")
        self._changes.counts[op.name] += 1
        return _redirected(op, x, kinks)

    def seen(self, op: Operation, result: Any) -> None:
        """See `Treatment`."""


def _redirected(op: Operation, x: Tensor, kinks: Kinks) -> Tensor:
    """What `op` gives. Its gradient comes back to x by two ways, through `op` and around it."""
    with torch.no_grad():
        below = x <= kinks.lower
        above = None if kinks.upper is None else x >= kinks.upper
    through, around = _applied(_Fork, x, below, above)
    value: Tensor = op.mapped(lambda tensor: through if tensor is x else tensor)()
    # The maximum with something larger has no gradient of x's shape: there, the ordinary way is the only one.
    joined: Tensor = _applied(_Join, value, around) if value.shape == x.shape else value
    return joined


def _applied(step: Any, *arguments: Tensor | None) -> Any:
    return step.apply(*arguments)


class _Fork(torch.autograd.Function):
    """x, and a tensor of zeros of its shape that takes no memory: the way around."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, below: Tensor, above: Tensor | None) -> tuple[Tensor, Tensor]:
        """Both ways."""
        return x.view_as(x), x.new_zeros(()).expand_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep which units are off, and on which side."""
        ctx.save_for_backward(inputs[1], inputs[2])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """The ordinary gradient, or for an image that it is zero for, what would switch units on."""
        ordinary, incoming = gradients
        below, above = ctx.saved_tensors
        alive = ordinary.flatten(1).any(1) if ordinary.ndim > 1 else ordinary != 0
        if not is_vmapped(alive) and bool(alive.all()):
            return ordinary, None, None
        helpful = below & (incoming > 0)
        if above is not None:
            helpful = helpful | (above & (incoming < 0))
        alive = alive.reshape(-1, *[1] * (ordinary.ndim - 1)) if ordinary.ndim > 1 else alive
        return torch.where(alive, ordinary, torch.where(helpful, incoming, 0.0)), None, None


class _Join(torch.autograd.Function):
    """A value; what comes back goes both through the operation that gave it and around it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(value: Tensor, around: Tensor) -> Tensor:
        """The value."""
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Nothing is kept."""

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """The same twice."""
        return gradients[0], gradients[0]
