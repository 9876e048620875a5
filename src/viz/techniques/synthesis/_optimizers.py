"""Steps that drive a loss down: normalised gradient steps, and torch's Adam, NAdam and L-BFGS."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

Name = Literal["ascent", "adam", "nadam", "lbfgs"]
NAMES = ("ascent", "adam", "nadam", "lbfgs")

Closure = Callable[[], Tensor]


class Optimizer(Protocol):
    """`step` calls `closure`, which leaves fresh gradients of the loss on the tensors and returns the loss."""

    def step(self, closure: Closure) -> None:
        """Change the tensors once; `closure` may be called several times (L-BFGS)."""
        ...

    def scale(self, factor: float) -> None:
        """Make further steps `factor` times as long as the first."""
        ...


def optimizer(name: Name, tensors: Sequence[Tensor], learning_rate: float) -> Optimizer:
    """An optimizer for leaf tensors, whose first axis is the pictures.

    `ascent`'s learning rate is the mean change of a parameter in a step; the others' are as in torch.
    """
    if name == "ascent":
        return NormalisedSteps(tensors, learning_rate)
    if name == "lbfgs":
        return _Torch(
            torch.optim.LBFGS(
                list(tensors),
                lr=learning_rate,
                max_iter=1,
                max_eval=25,
                history_size=20,
                tolerance_grad=0,
                tolerance_change=0,
                line_search_fn="strong_wolfe",
            ),
            learning_rate,
        )
    kinds: dict[str, Any] = {"adam": torch.optim.Adam, "nadam": torch.optim.NAdam}
    return _Torch(kinds[name](list(tensors), lr=learning_rate), learning_rate)


class NormalisedSteps:
    """Gradient steps divided by the mean magnitude of the picture's own gradient (Mordvintsev et al. 2015).

    A picture whose gradient is zero stays as it is.
    """

    def __init__(self, tensors: Sequence[Tensor], learning_rate: float):
        self._tensors = tuple(tensors)
        self._first = self._rate = learning_rate

    def step(self, closure: Closure) -> None:
        """See `Optimizer.step`."""
        with torch.enable_grad():
            closure()
        with torch.no_grad():
            for tensor in self._tensors:
                assert tensor.grad is not None, "the closure leaves a gradient"
                size = tensor.grad.abs().flatten(1).mean(1)
                scale = torch.where(size > 0, self._rate / size.clamp_min(torch.finfo(size.dtype).tiny), 0.0)
                tensor.sub_(scale.view(-1, *[1] * (tensor.dim() - 1)) * tensor.grad)

    def scale(self, factor: float) -> None:
        """See `Optimizer.scale`."""
        self._rate = self._first * factor


class _Torch:
    """One of torch's own optimizers."""

    def __init__(self, inner: torch.optim.Optimizer, learning_rate: float):
        self._inner, self._first = inner, learning_rate

    def step(self, closure: Closure) -> None:
        """See `Optimizer.step`."""
        self._inner.step(closure)  # type: ignore[arg-type]  # LBFGS takes the loss as a tensor

    def scale(self, factor: float) -> None:
        """See `Optimizer.scale`."""
        for group in self._inner.param_groups:
            group["lr"] = self._first * factor
