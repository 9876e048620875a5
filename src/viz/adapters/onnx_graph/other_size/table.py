"""The table of rules: what an operator with an input of another shape does, by its name."""

from collections.abc import Callable

from viz.adapters.onnx_graph.other_size.step import Step

Rule = Callable[[Step], str]  # why it does not hold; empty where it does

RULES: dict[str, Rule] = {}


def holds(*operators: str) -> Callable[[Rule], Rule]:
    """Register a rule for operators by name."""

    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(operators, rule))
        return rule

    return register
