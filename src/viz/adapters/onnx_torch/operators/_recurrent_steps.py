"""One time step of RNN, GRU and LSTM, and the activation functions that they may be given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

Activation = Callable[[Tensor], Tensor]
State = tuple[Tensor, ...]  # (h,), or (h, c) for LSTM; each (b, hidden)


@dataclass(frozen=True)
class Gates:
    """The weights of one direction: those of the inputs (gates · hidden, c) and of the state, and their biases."""

    inputs: Tensor
    state: Tensor
    input_bias: Tensor
    state_bias: Tensor

    @classmethod
    def of(cls, inputs: Tensor, state: Tensor, bias: Tensor | None) -> "Gates":
        """From one direction of W, R and B; B holds both biases, one after the other."""
        input_bias, state_bias = inputs.new_zeros(2, len(inputs)) if bias is None else bias.chunk(2)
        return cls(inputs, state, input_bias, state_bias)

    def of_inputs(self, x: Tensor) -> Tensor:
        """What the inputs (n, b, c) of all steps contribute, (n, b, gates · hidden)."""
        return torch.matmul(x, self.inputs.t()) + self.input_bias

    def of_state(self, h: Tensor) -> Tensor:
        """What the state (b, hidden) contributes, (b, gates · hidden)."""
        return torch.matmul(h, self.state.t()) + self.state_bias


@dataclass(frozen=True)
class RnnCell:
    """h = f(W x + R h)."""

    gates: Gates
    functions: Sequence[Activation]
    clip: float | None

    def __call__(self, from_input: Tensor, state: State) -> State:
        (h,) = state
        return (self.functions[0](_clipped(from_input + self.gates.of_state(h), self.clip)),)


@dataclass(frozen=True)
class GruCell:
    """Update gate z and reset gate r; `reset_late` (linear_before_reset) resets after R h is computed, not before."""

    gates: Gates
    functions: Sequence[Activation]
    clip: float | None
    reset_late: bool

    def __call__(self, from_input: Tensor, state: State) -> State:
        (h,) = state
        gate, candidate = self.functions
        x_update, x_reset, x_new = from_input.chunk(3, -1)
        h_update, h_reset, h_new = self.gates.of_state(h).chunk(3, -1)
        update = gate(_clipped(x_update + h_update, self.clip))
        reset = gate(_clipped(x_reset + h_reset, self.clip))
        from_state = reset * h_new if self.reset_late else self._new_from(reset * h)
        new = candidate(_clipped(x_new + from_state, self.clip))
        return ((1 - update) * new + update * h,)

    def _new_from(self, h: Tensor) -> Tensor:
        hidden = h.shape[-1]
        weights, bias = self.gates.state[2 * hidden :], self.gates.state_bias[2 * hidden :]
        return torch.matmul(h, weights.t()) + bias


@dataclass(frozen=True)
class LstmCell:
    """Gates i, o, f and the cell c; `peepholes` (3 · hidden, in this order) let the gates see the cell."""

    gates: Gates
    functions: Sequence[Activation]
    clip: float | None
    peepholes: Tensor | None
    input_forget: bool

    def __call__(self, from_input: Tensor, state: State) -> State:
        h, c = state
        gate, candidate, output = self.functions
        of_input, of_output, of_forget, new = (from_input + self.gates.of_state(h)).chunk(4, -1)
        see_input, see_output, see_forget = (0, 0, 0) if self.peepholes is None else self.peepholes.chunk(3)
        let_in = gate(_clipped(of_input + see_input * c, self.clip))
        keep = 1 - let_in if self.input_forget else gate(_clipped(of_forget + see_forget * c, self.clip))
        c = keep * c + let_in * candidate(_clipped(new, self.clip))
        let_out = gate(_clipped(of_output + see_output * c, self.clip))
        return let_out * output(c), c


def _clipped(x: Tensor, bound: float | None) -> Tensor:
    # Not torch.clamp: the rules of the backward pass take that for a rectifier.
    return x if not bound else torch.where(x.abs() > bound, torch.sign(x) * bound, x)


def activations_of(names: Sequence[str], alphas: Sequence[float], betas: Sequence[float]) -> list[Activation]:
    """The functions by their ONNX names (in any case); those with parameters take theirs in turn, else the default."""
    next_alpha, next_beta = iter(alphas), iter(betas)
    functions = []
    for name in names:
        make, *defaults = _ACTIVATIONS[name.lower()]
        sources = (next_alpha, next_beta)[: len(defaults)]
        functions.append(make(*(next(given, default) for given, default in zip(sources, defaults, strict=True))))
    return functions


def _hard_sigmoid(alpha: float, beta: float) -> Activation:
    def function(x: Tensor) -> Tensor:
        line = alpha * x + beta
        return torch.where(line > 1, 1.0, torch.where(line < 0, 0.0, line))

    return function


def _softplus(x: Tensor) -> Tensor:
    return torch.logaddexp(x, torch.zeros_like(x))


# By lower-case name: what makes the function, and the defaults of alpha and beta where it has them.
_ACTIVATIONS: dict[str, tuple[Callable[..., Activation], *tuple[float, ...]]] = {
    "sigmoid": (lambda: torch.sigmoid,),
    "tanh": (lambda: torch.tanh,),
    "relu": (lambda: functional.relu,),
    "softsign": (lambda: functional.softsign,),
    "softplus": (lambda: _softplus,),
    "hardsigmoid": (_hard_sigmoid, 0.2, 0.5),
    "leakyrelu": (lambda alpha: lambda x: functional.leaky_relu(x, alpha), 0.01),
    "thresholdedrelu": (lambda alpha: lambda x: functional.threshold(x, alpha, 0.0), 1.0),
    "elu": (lambda alpha: lambda x: functional.elu(x, alpha), 1.0),
    "affine": (lambda alpha, beta: lambda x: alpha * x + beta, 1.0, 0.0),
    "scaledtanh": (lambda alpha, beta: lambda x: alpha * torch.tanh(beta * x), 1.0, 1.0),
}
