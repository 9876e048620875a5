"""One torch operation as rules see it: its name, its arguments, the tensors among them that gradients flow to."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

_vmap = torch._C._functorch


@dataclass(frozen=True)
class Operation:
    """A call of a torch function, method, or aten overload.

    Attributes:
        name: `relu` for F.relu, x.relu_(), torch.relu and aten.relu.default alike; operators that are not
            torch's own are led by their namespace.
        arguments, named: as in the call, but never `inplace`.
        target: what the model wants overwritten with the result; None: nothing.
    """

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]
    target: Tensor | None = None

    def __call__(self) -> Any:
        """What the operation gives; `target` stays as it is."""
        if self.target is None:
            return self.function(*self.arguments, **self.named)
        first, *others = self.arguments
        return self.function(first.clone(), *others, **self.named)  # it may know no other way than in place

    def value(self) -> Any:
        """What the operation gives, without a graph."""
        with torch.no_grad():
            return self()

    @property
    def x(self) -> Any:
        """The first argument: torch calls it `input`, aten `self`."""
        return self.argument(0, "input", "self", "x")

    def argument(self, place: int, *names: str, default: Any = None) -> Any:
        """An argument by its place or, where it is not given so, by the first of its names that is."""
        if place < len(self.arguments):
            return self.arguments[place]
        return next((self.named[name] for name in names if name in self.named), default)

    def with_argument(self, value: Any, place: int, *names: str) -> "Operation":
        """The same operation with another argument, at its place or under the name that the call gives it."""
        if place < len(self.arguments):
            return replace(self, arguments=(*self.arguments[:place], value, *self.arguments[place + 1 :]))
        name = next((name for name in names if name in self.named), names[0])
        return replace(self, named={**self.named, name: value})

    def tensors(self) -> Iterator[Tensor]:
        """All tensors among the arguments, those in lists and tuples included."""
        return tensors_in([*self.arguments, *self.named.values()])

    def image_dependent(self) -> list[Tensor]:
        """Those of the tensors that a gradient flows to."""
        return [tensor for tensor in self.tensors() if depends_on_image(tensor)]

    def mapped(self, change: Callable[[Tensor], Tensor]) -> "Operation":
        """The same operation on other tensors."""
        arguments = tuple(with_tensors(argument, change) for argument in self.arguments)
        return replace(self, arguments=arguments, named={k: with_tensors(v, change) for k, v in self.named.items()})


def operation(function: Callable[..., Any], arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Operation:
    """The call of `function`, as one that gives its result and leaves overwriting to the caller."""
    name, in_place = _name(function)
    place = _place_of_inplace(function) if isinstance(function, FunctionType) else None
    if place is not None:
        wanted = arguments[place] if place < len(arguments) else named.get("inplace", False)
        arguments = (*arguments[:place], False, *arguments[place + 1 :]) if place < len(arguments) else arguments
        named = {key: value for key, value in named.items() if key != "inplace"}
        in_place = in_place or bool(wanted)
    found = Operation(name, function, arguments, named)
    return replace(found, target=found.x) if in_place and isinstance(found.x, Tensor) else found


def depends_on_image(value: Any) -> bool:
    """Whether a gradient flows to a tensor. Inside vmap `requires_grad` says False for everything."""
    return isinstance(value, Tensor) and torch.is_grad_enabled() and unwrapped(value).requires_grad


def is_vmapped(tensor: Tensor) -> bool:
    """Whether vmap shows one item of it, whose values cannot be looked at."""
    return bool(_vmap.is_batchedtensor(tensor))


def unwrapped(tensor: Tensor) -> Tensor:
    """The tensor of the whole batch where vmap shows one item of it."""
    while _vmap.is_batchedtensor(tensor):
        tensor = _vmap.get_unwrapped(tensor)
    return tensor


def tensors_in(values: Any) -> Iterator[Tensor]:
    """The tensors in a structure of lists and tuples."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, list | tuple):
        for value in values:
            yield from tensors_in(value)


def _name(function: Any) -> tuple[str, bool]:
    """The common name of all forms of an operation, and whether this form works in place."""
    name = getattr(function, "__name__", None) or type(function).__name__
    if name == "__get__":
        return str(function.__self__.__name__), False
    bare = str(name).split(".")[0]  # of overloads: `relu.default`
    in_place = bare.endswith("_") and not bare.endswith("__")
    module = getattr(function, "__module__", None) or "torch"  # methods of tensors have none
    owner = module.removeprefix("torch._ops.")
    is_torchs_own = module.split(".")[0] == "torch" and owner in (module, "aten")
    return (bare.strip("_") if is_torchs_own else f"{owner}::{bare}"), in_place


@lru_cache(maxsize=1024)
def _place_of_inplace(function: FunctionType) -> int | None:
    """Where a function of torch takes its flag `inplace`: `F.relu(x, True)`."""
    names = list(inspect.signature(function, follow_wrapped=False).parameters)
    return names.index("inplace") if "inplace" in names else None


def with_tensors(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The value with its tensors changed, in lists and tuples too."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, list | tuple):
        items = [with_tensors(item, change) for item in value]
        return type(value)(*items) if hasattr(value, "_make") else type(value)(items)
    return value
