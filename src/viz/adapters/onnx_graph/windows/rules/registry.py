"""The table of rules, one per operator."""

from collections.abc import Callable

from viz.adapters.onnx_graph.receptive_field.step import Step
from viz.adapters.onnx_graph.windows.building import Building

# A rule writes the node for windows and notes what its outputs hold. It raises `Whole` where windows cannot be
# computed, with the reason; nothing that it has written by then is used.
Rule = Callable[[Building, Step], None]

RULES: dict[str, Rule] = {}


def by_windows(*operators: str) -> Callable[[Rule], Rule]:
    """Register a rule for operators by name."""

    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(operators, rule))
        return rule

    return register
