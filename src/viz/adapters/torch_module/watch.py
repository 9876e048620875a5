"""Watching a torch module run: every module call and every operation as it happens, under a steady name.

No module is changed: module calls are seen by torch's global hooks, which are there only while the
model runs and look only at the thread that runs it, and operations by a `TorchFunctionMode`.
"""

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from viz.adapters.torch_module.values import named_tensors, tensors_in


@dataclass(frozen=True)
class Step:
    """One module call or operation that has just finished.

    Attributes:
        name: of the layer that it made; for an `inner` step, of the layer that it is a part of.
        op: class of the module, or name of the operation.
        arguments: what it was given.
        tensors: what it gave, by name.
        inner: it happened inside one of torch's own leaf modules and is no layer by itself.
    """

    name: str
    op: str
    arguments: Any
    tensors: list[tuple[str, Tensor]]
    inner: bool = False

    @property
    def inputs(self) -> list[Tensor]:
        """The tensors among its arguments; most observers never look at them."""
        return tensors_in(self.arguments)


# Sees a step; a tensor that it gives back takes the place of the step's only tensor in what the model does next.
Observer = Callable[[Step], Tensor | None]


@contextmanager
def watching(module: nn.Module, observe: Observer) -> Iterator[None]:
    """While inside, `observe` gets every step of `module` in the order in which they finish.

    A module's layer is called by its path, `layer1.0.conv1`, from the second call on
    `layer1.0.conv1#2`; an operation by the path of the module whose code calls it, its name, and a
    count from 0: `layer1.0.add_0`. The module's own result is not a step.
    """
    watcher = _Watcher(module, observe)
    enter = register_module_forward_pre_hook(watcher.enter)
    hook: Any = watcher.leave  # torch's type says that a hook gives nothing, its text and code that it may
    leave = register_module_forward_hook(hook, always_call=True)
    try:
        with watcher, _uncompiled():
            yield
    finally:
        enter.remove()
        leave.remove()


def _uncompiled() -> AbstractContextManager[object]:
    """What torch.compile made runs as it was written, so that it shows its steps."""
    compiler_in_use = "torch._dynamo" in sys.modules  # importing it takes seconds
    return torch.compiler.set_stance("force_eager") if compiler_in_use else nullcontext()


@dataclass(frozen=True)
class _Call:
    """A module being called: its path, its layer's name, and whether what happens inside is shown."""

    module: nn.Module
    path: str
    name: str
    closed: bool


class _Watcher(TorchFunctionMode):
    def __init__(self, module: nn.Module, observe: Observer):
        super().__init__()
        self._paths = {id(part): path for path, part in module.named_modules()}
        self._taken = set(self._paths.values())
        self._observe = observe
        self._calls: list[_Call] = []
        self._counts: Counter[str] = Counter()
        self._thread = threading.get_ident()
        self._telling = False

    def enter(self, module: nn.Module, arguments: Any) -> None:
        """Before a module's forward."""
        if threading.get_ident() != self._thread:
            return
        outer = self._calls[-1] if self._calls else None
        path = self._paths.get(id(module), "")
        if outer is None:
            name = "output"  # what happens inside a model that is a single layer belongs to its output
        elif path:
            name = self._repeated(path)
        else:  # made on the fly, in no module's list of parts: named like an operation
            path, name = outer.path, self._numbered(outer.path, class_of(module))
        self._calls.append(_Call(module, path, name, _is_closed(module) or bool(outer and outer.closed)))

    def leave(self, module: nn.Module, arguments: Any, result: Any) -> Tensor | None:
        """After a module's forward, also when it raised (`result` is None then)."""
        if threading.get_ident() != self._thread:
            return None
        call = self._calls.pop()
        if self._calls:
            inner = self._calls[-1].closed
            name = self._calls[-1].name if inner else call.name
            tensors = named_tensors(name, result, self._taken)
            return self._tell(Step(name, class_of(module), with_parameters(module, arguments), tensors, inner))
        return None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if self._calls and not self._telling and tensors_in(result):
            call, op = self._calls[-1], _operation(func)
            name = call.name if call.closed else self._numbered(call.path, op)
            given = self._tell(Step(name, op, [args, kwargs], named_tensors(name, result, self._taken), call.closed))
            return result if given is None else given
        return result

    def _tell(self, step: Step) -> Tensor | None:
        """What the observer itself computes is no step of the model."""
        self._telling = True
        try:
            return self._observe(step)
        finally:
            self._telling = False

    def _repeated(self, path: str) -> str:
        self._counts[path] += 1
        return path if self._counts[path] == 1 else f"{path}#{self._counts[path]}"

    def _numbered(self, path: str, op: str) -> str:
        key = f"{path}.{op}_" if path else f"{op}_"
        name = f"{key}{self._counts[key]}"
        self._counts[key] += 1
        return name if name not in self._taken else self._numbered(path, op)


def class_of(module: nn.Module) -> str:
    """The name of its class; all of TorchScript's are one."""
    return "TorchScript" if isinstance(module, torch.jit.ScriptModule) else type(module).__name__


def with_parameters(module: nn.Module, arguments: Any) -> Any:
    """A module's arguments; of TorchScript, where nothing inside is seen, also its parameters."""
    if not isinstance(module, torch.jit.ScriptModule):
        return arguments
    return [arguments, *(nn.Parameter(tensor, requires_grad=False) for tensor in module.parameters())]


def _is_closed(module: nn.Module) -> bool:
    """One of torch's own layers: what it calls inside says nothing that its result does not."""
    own = type(module).__module__.startswith("torch.")
    return own and (isinstance(module, nn.MultiheadAttention) or next(module.children(), None) is None)


def _operation(func: Any) -> str:
    """`add` for `+`, `add_` and torch.add; `relu` for torch.ops.aten.relu.default; `T` for `.T`."""
    name = getattr(func, "__name__", type(func).__name__)
    if name == "__get__":
        name = func.__self__.__name__
    return str(name).split(".")[0].strip("_")
