"""RNN, GRU and LSTM: one step after the other in plain torch, both directions, sequences of different lengths."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._recurrent_steps import (
    Activation,
    Gates,
    GruCell,
    LstmCell,
    RnnCell,
    State,
    activations_of,
)

Cell = Callable[[Tensor, State], State]


@dataclass(frozen=True)
class Settings:
    """The attributes that all three operators have. `hidden_size` says what the weights say too."""

    hidden_size: int | None = None
    activations: Sequence[str] = ()
    activation_alpha: Sequence[float] = ()
    activation_beta: Sequence[float] = ()
    clip: float | None = None
    direction: str = "forward"
    layout: int = 0

    def functions(self, default: Sequence[str], direction: int) -> list[Activation]:
        """The activation functions of a direction."""
        names = list(self.activations) or [*default, *default]
        functions = activations_of(names, self.activation_alpha, self.activation_beta)
        return functions[len(default) * direction : len(default) * (direction + 1)]

    def backwards(self, direction: int) -> bool:
        """Whether a direction starts at the end."""
        return self.direction == "reverse" or direction == 1


@operator("RNN", since=7)
def rnn(
    node: Node,
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None,
    **attributes: Any,
) -> tuple[Tensor, ...]:
    """Y (n, directions, b, hidden) and the last h (directions, b, hidden) of x (n, b, c)."""
    settings = Settings(**attributes)

    def cell(direction: int, gates: Gates) -> Cell:
        return RnnCell(gates, settings.functions(["Tanh"], direction), settings.clip)

    return _all_directions(settings, cell, x, (w, r, b), sequence_lens, [initial_h])


@operator("GRU", since=7)
def gru(
    node: Node,
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None,
    linear_before_reset: int = 0,
    **attributes: Any,
) -> tuple[Tensor, ...]:
    """As RNN."""
    settings = Settings(**attributes)

    def cell(direction: int, gates: Gates) -> Cell:
        functions = settings.functions(["Sigmoid", "Tanh"], direction)
        return GruCell(gates, functions, settings.clip, bool(linear_before_reset))

    return _all_directions(settings, cell, x, (w, r, b), sequence_lens, [initial_h])


@operator("LSTM", since=7)
def lstm(
    node: Node,
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None,
    initial_c: Tensor | None = None,
    p: Tensor | None = None,
    input_forget: int = 0,
    **attributes: Any,
) -> tuple[Tensor, ...]:
    """As RNN, and the last c."""
    settings = Settings(**attributes)

    def cell(direction: int, gates: Gates) -> Cell:
        functions = settings.functions(["Sigmoid", "Tanh", "Tanh"], direction)
        return LstmCell(gates, functions, settings.clip, None if p is None else p[direction], bool(input_forget))

    return _all_directions(settings, cell, x, (w, r, b), sequence_lens, [initial_h, initial_c])


def _all_directions(
    settings: Settings,
    cell_of: Callable[[int, Gates], Cell],
    x: Tensor,
    weights: tuple[Tensor, Tensor, Tensor | None],
    lengths: Tensor | None,
    initial: Sequence[Tensor | None],
) -> tuple[Tensor, ...]:
    """Y and the last states, in the layout of the node."""
    w, r, b = weights
    if settings.layout:
        x = x.transpose(0, 1)
        initial = [None if state is None else state.transpose(0, 1) for state in initial]
    outputs, states = [], []
    for d in range(len(w)):
        gates = Gates.of(w[d], r[d], None if b is None else b[d])
        start = tuple(x.new_zeros(x.shape[1], r.shape[-1]) if s is None else s[d] for s in initial)
        ys, state = _unrolled(cell_of(d, gates), gates.of_inputs(x), start, settings.backwards(d), lengths)
        outputs.append(ys)
        states.append(state)
    y, last = torch.stack(outputs, 1), [torch.stack(state) for state in zip(*states, strict=True)]
    if settings.layout:
        return y.permute(2, 0, 1, 3), *(state.transpose(0, 1) for state in last)
    return y, *last


def _unrolled(
    cell: Cell, from_inputs: Tensor, state: State, backwards: bool, lengths: Tensor | None
) -> tuple[Tensor, State]:
    """The h of every step (n, b, hidden), zeros beyond the end of a sequence, and the state at its end.

    Backwards, a short sequence starts at its own end: until then its state stays the initial one.
    """
    steps = range(len(from_inputs))
    outputs: list[Tensor] = [from_inputs] * len(from_inputs)
    for step in reversed(steps) if backwards else steps:
        new = cell(from_inputs[step], state)
        if lengths is None:
            state, outputs[step] = new, new[0]
        else:
            within = (step < lengths)[:, None]
            outputs[step] = torch.where(within, new[0], 0.0)
            state = tuple(torch.where(within, n, old) for n, old in zip(new, state, strict=True))
    return torch.stack(outputs), state
