"""The table of ONNX operators as torch functions: filled by `@operator`, read by domain, name and version."""

from collections.abc import Callable
from typing import Any, TypeVar

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)

MICROSOFT = "com.microsoft"

_table: dict[tuple[str, str], dict[int, Function]] = {}


class Unsupported(NotImplementedError):
    """A function does not cover this case (an element type, a mode): the tiers below it are asked."""


def operator(*names: str, domain: str = "", since: int = 1) -> Callable[[F], F]:
    """Enter a function under the operator names, for versions of the operator from `since` on.

    It is called as `function(node, *inputs, **attributes)`: inputs in ONNX order, None where one is left
    out at the end or in the middle; attributes by their ONNX names, only those that the node has, so that
    the function's defaults are the operator's. It returns a tensor, or a tuple with one for each output.
    A list is one value: a sequence. It raises `Unsupported` for cases that it does not cover.

    Every input may be batched by `torch.vmap` and may require gradients: no `.item()`, no writing in
    place, no branching on the values of an input that can depend on the image.
    """

    def enter(function: F) -> F:
        for name in names:
            versions = _table.setdefault((domain, name), {})
            if since in versions:
                raise ValueError(f"{domain}::{name} since {since} is already in the table")
            versions[since] = function
        return function

    return enter


def lookup(domain: str, name: str, version: int) -> Function | None:
    """The function for an operator at this version of its domain: the newest that is not newer. None: there is none."""
    versions = _table.get((domain, name), {})
    fitting = [since for since in versions if since <= version]
    return versions[max(fitting)] if fitting else None


def covered() -> dict[tuple[str, str], tuple[int, ...]]:
    """All (domain, name) in the table with the versions at which a new function begins; for docs and tests."""
    return {key: tuple(sorted(versions)) for key, versions in sorted(_table.items())}
