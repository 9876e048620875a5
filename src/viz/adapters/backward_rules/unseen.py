"""Operations that pass below a rule unseen: found afterwards in the autograd graph."""

import re
from collections.abc import Iterable

from torch import Tensor

from viz.adapters.backward_rules.steps import is_foreign
from viz.core.adapter import Rule
from viz.core.errors import NotSupported

# Every seen rectifier or smooth activation has become a step of the rule: these are what was not seen.
_ACTIVATIONS = re.compile(
    r"(LeakyRelu|Relu|PreluKernel|RreluWithNoise|Elu|Silu|Gelu|Mish|Hardswish|Softplus)Backward\d"
)


def check_seen(values: Iterable[Tensor], rule: Rule, model: str) -> None:
    """Raise `NotSupported` where the graph of `values` holds operations that the rule cannot have seen.

    They are those of TorchScript inside a module, and autograd functions of the model's own. Refused ones
    keep their activation, behind a step that raises.
    """
    if rule not in ("guided", "deconvnet"):
        return
    for node in _nodes(values):
        name = type(node).__name__
        if is_foreign(node) or _ACTIVATIONS.fullmatch(name) or "DifferentiableGraph" in name:
            raise NotSupported(
                f"{model}: {rule} cannot see what {name.removesuffix('Backward')} does: it is TorchScript or an "
                "autograd function of the model's own",
                "write it with torch's functions, or use viz saliency",
            )


def _nodes(values: Iterable[Tensor]) -> Iterable[object]:
    """All nodes that a gradient may reach from the values; not what is behind a refusal."""
    waiting = [value.grad_fn for value in values]
    found = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in found:
            continue
        found.add(node)
        yield node
        if type(node).__name__ != "RuleRefusalBackward":
            waiting.extend(before for before, _ in node.next_functions)
