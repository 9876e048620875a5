"""Applying a rule: a mode through which every torch function passes, and the account of what it changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from viz.adapters.backward_rules.changes import Changes
from viz.adapters.backward_rules.operation import Operation, operation
from viz.adapters.backward_rules.rectifiers import Rectifying
from viz.adapters.backward_rules.redirecting import Redirecting
from viz.adapters.backward_rules.relevance import Relevance
from viz.adapters.backward_rules.steps import contributing
from viz.core.adapter import FORWARD_ONLY, Rule
from viz.core.errors import NotSupported

_FOR_RECTIFIERS = ("guided", "deconvnet")


class Treatment(Protocol):
    """What a rule does to one operation: gives its result, or None to let it be computed as ever."""

    def __call__(self, op: Operation) -> Any:
        """The result with the rule's own way back, or None."""
        ...

    def seen(self, op: Operation, result: Any) -> None:
        """Told of what every operation gave, treated or not."""


@contextmanager
def applied(rule: Rule, strict: bool = False) -> Iterator[Changes]:
    """While inside, operations get the rule's backward; the forward values are what they are without it.

    Enter it before anything that observes operations: what a rule computes itself is then seen by nobody.
    With `strict`, the pixels enter by `pixel_encoding.encode`, and relevance refuses to pass a tensor that no
    operation in between was seen to make.
    """
    changes = Changes()
    if rule == "plain":
        yield changes
        return
    with _RuleMode(_treatment(rule, changes, strict)):
        yield changes


def readable(value: Tensor, rule: Rule) -> Tensor:
    """A layer's value for a target to read.

    Relevance starts as the score itself, where gradients start as 1: what a target takes from a layer with
    weight w starts as w times the value.
    """
    return contributing(value) if rule.startswith("lrp") and value.requires_grad else value


def check_changed(changes: Changes, rule: Rule, model: str) -> None:
    """Raise `NotSupported` where a rule changed nothing that had to: the map would be the plain gradient."""
    if rule in ("plain", "redirected") or changes.counts:
        return
    met = ", ".join(f"{count} {name}" for name, count in sorted(changes.refused.items()))
    if met and rule in _FOR_RECTIFIERS:
        raise NotSupported(
            f"{model}: {rule} is defined for rectifiers, and the model has none; it has {met}",
            f"these have their full gradient: viz saliency, integrated-gradients, smoothgrad; {FORWARD_ONLY}",
        )
    raise NotSupported(
        f"{model}: {rule} found no operation that it could change: no gradient passes one, or the model hides "
        "its operations, as TorchScript does",
        f"give the torch module, a .pt2 of torch.export or a float .onnx file, or use viz saliency; {FORWARD_ONLY}",
    )


class _RuleMode(TorchFunctionMode):
    def __init__(self, treatment: Treatment):
        super().__init__()
        self._treatment = treatment

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not torch.is_grad_enabled():
            return func(*args, **(kwargs or {}))
        op = operation(func, args, kwargs or {})
        result = self._treatment(op)
        if result is None:
            result = func(*args, **(kwargs or {}))
        elif op.target is not None:
            result = op.target.copy_(result)
        self._treatment.seen(op, result)
        return result


def _treatment(rule: Rule, changes: Changes, strict: bool) -> Treatment:
    if rule in _FOR_RECTIFIERS:
        return Rectifying(rule, changes)
    if rule == "redirected":
        return Redirecting(changes)
    return Relevance(rule, changes, strict)
