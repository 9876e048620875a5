"""The few autograd steps that all rules are made of: each gives its value forward and something of its own back.

All work inside `torch.vmap`. They give tensors with memory of their own, so that a model may go on in place.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction

from viz.core.errors import NotSupported


def rectified(x: Tensor, value: Tensor, passing: Tensor) -> Tensor:
    """`value`; of what comes back, x gets what is positive where `passing` (of x's shape) is True."""
    return _applied(RuleRectified, x, value, passing)


def with_path(path: Tensor, value: Tensor) -> Tensor:
    """`value`; what comes back goes to `path`, a tensor of the same shape."""
    return _applied(RulePath, path, value)


def contributing(x: Tensor) -> Tensor:
    """x; what comes back is multiplied by x."""
    return _applied(RuleContribution, x)


def sharing(total: Tensor) -> Tensor:
    """A total; what comes back is divided by it: relevance becomes relevance per unit. `EPSILON` keeps it finite."""
    return _applied(RuleShare, total)


def refused(x: Tensor, problem: str, next_step: str) -> Tensor:
    """x; raises `NotSupported` when something comes back: an operation without a rule may lie off the path."""
    return _applied(RuleRefusal, x, problem, next_step) if x.is_floating_point() else x


# Montavon et al. 2019, section 10.2.1; as small as float32 allows, so that relevance is conserved.
EPSILON = 1e-6


def is_foreign(node: Any) -> bool:
    """Whether an autograd node is a function written in Python and none of these, which vmap renames."""
    own = type(node).__name__.removeprefix("Vmapped").removesuffix("Backward") in _NAMES
    return isinstance(node, BackwardCFunction) and not own


def _applied(step: Any, *arguments: Any) -> Tensor:
    found: Tensor = step.apply(*arguments)
    return found


class _Step(torch.autograd.Function):
    """An operation on tensors whose backward is not its derivative."""

    generate_vmap_rule = True

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Most keep nothing."""


class RuleRectified(_Step):
    """See `rectified`."""

    @staticmethod
    def forward(x: Tensor, value: Tensor, passing: Tensor) -> Tensor:
        """The value."""
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep where it passes."""
        ctx.save_for_backward(inputs[2])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """What x gets."""
        (passing,) = ctx.saved_tensors
        return torch.relu(gradients[0]) * passing, None, None


class RulePath(_Step):
    """See `with_path`."""

    @staticmethod
    def forward(path: Tensor, value: Tensor) -> Tensor:
        """The value."""
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """What the path gets."""
        return gradients[0], None


class RuleContribution(_Step):
    """See `contributing`."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        """The value."""
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the copy: the model may change x itself in place."""
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """What x gets."""
        x: Tensor = ctx.saved_tensors[0]
        return gradients[0] * x


class RuleShare(_Step):
    """See `sharing`."""

    @staticmethod
    def forward(total: Tensor) -> Tensor:
        """The value."""
        return total.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the total, of which nobody else knows."""
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """What each unit of the total gets; the sign of zero counts as positive."""
        total: Tensor = ctx.saved_tensors[0]
        return gradients[0] / (total + torch.where(total < 0, -EPSILON, EPSILON))


class RuleRefusal(_Step):
    """See `refused`."""

    @staticmethod
    def forward(x: Tensor, problem: str, next_step: str) -> Tensor:
        """The value."""
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep what to say."""
        ctx.problem = inputs[1:]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Raises."""
        raise NotSupported(*ctx.problem)


_NAMES = {step.__name__ for step in (RuleRectified, RulePath, RuleContribution, RuleShare, RuleRefusal)}
