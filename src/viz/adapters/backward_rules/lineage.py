"""Which tensors are functions of which, element by element: finds activations that are written out in pieces."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from viz.adapters.backward_rules.operation import Operation, tensors_in

SQUASHING = frozenset("sigmoid tanh erf hardsigmoid softsign softmax exp softplus relu6 hardtanh clamp clip".split())
_ELEMENTWISE = SQUASHING | frozenset(
    "log log1p expm1 abs sqrt pow square neg clone contiguous to float double half reciprocal".split()
)
_WITH_CONSTANT = frozenset("add sub rsub mul div rdiv true_divide multiply divide subtract".split())
_PRODUCTS = frozenset("mul multiply div divide true_divide rdiv".split())
MOVING = frozenset(
    "view view_as reshape reshape_as expand expand_as flatten unflatten unsqueeze squeeze permute transpose t movedim "
    "getitem select narrow slice chunk split unbind repeat repeat_interleave broadcast_to tile interpolate".split()
)


@dataclass(frozen=True)
class _Line:
    """A tensor is a function of `root`, element by element; `squashed`: with a sigmoid or its like in it."""

    root: Tensor
    squashed: bool


class Lineage:
    """Notes taken as operations pass. `x * sigmoid(x)` is then told from `x * sigmoid(anything else)`."""

    def __init__(self) -> None:
        self._lines: Any = WeakIdKeyDictionary()

    def note(self, op: Operation, result: Any) -> None:
        """Take down where a result comes from."""
        inputs = op.image_dependent()
        if not inputs:
            return
        if op.name in MOVING and self.squashed(inputs[0]):
            for tensor in tensors_in(result):
                self._lines[tensor] = _Line(tensor, True)
            return
        if not isinstance(result, Tensor):
            return
        roots = {id(self._line(tensor).root) for tensor in inputs}
        squashed = op.name in SQUASHING or any(self.squashed(tensor) for tensor in inputs)
        if len(roots) == 1 and op.name in (_ELEMENTWISE | _WITH_CONSTANT):
            self._lines[result] = _Line(self._line(inputs[0]).root, squashed)
        elif op.name in SQUASHING:
            self._lines[result] = _Line(result, True)

    def squashed(self, tensor: Tensor) -> bool:
        """Whether the tensor came out of a sigmoid or its like, and was only scaled, shifted or moved since."""
        return self._line(tensor).squashed

    def is_written_out_activation(self, op: Operation) -> bool:
        """A product of two functions of the same tensor with a sigmoid or its like in one: SiLU, GELU, Mish…"""
        inputs = op.image_dependent() if op.name in _PRODUCTS else []
        if len(inputs) != 2 or inputs[0] is inputs[1]:
            return False
        first, second = (self._line(tensor) for tensor in inputs)
        return first.root is second.root and (first.squashed or second.squashed)

    def _line(self, tensor: Tensor) -> _Line:
        found: _Line | None = self._lines.get(tensor)
        return found or _Line(tensor, False)
