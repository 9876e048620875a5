"""Networks made by code: `package.module:factory`, with the arguments of --model-arg."""

import ast
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from viz.core.errors import ModelError, UnknownName, UsageError
from viz.core.torch_errors import first_lines


@dataclass(frozen=True)
class Built:
    """A network, what its maker says about its images and classes (tables as in the zoo), and notes.

    Attributes:
        weights: which weights it came with, in words; empty where its maker says nothing.
        origin: what to call the source of the tables.
    """

    module: nn.Module
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    labels: Sequence[str] = ()
    weights: str = ""
    origin: str = ""
    notes: tuple[str, ...] = ()


def read_arguments(texts: Sequence[str], option: str) -> dict[str, Any]:
    """`NAME=VALUE` texts as keyword arguments: Python literals, true, false and none as such, else text."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise UsageError(f"{option} {text} is not NAME=VALUE", f"for example {option} num_classes=10")
        found[name.strip()] = _literal(value.strip())
    return found


def _literal(text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def from_factory(spec: str, arguments: Mapping[str, Any]) -> Built:
    """What `package.module:name` makes: a class or function is called, a ready module taken as it is.

    Raises `ModelError` or `UnknownName` saying what is missing, failed, or is no module.
    """
    where, _, name = spec.partition(":")
    with importable_here():
        found = _attribute(_imported(where), name, spec)
        if isinstance(found, nn.Module):
            if arguments:
                raise UsageError(f"{spec} is a ready module and takes no --model-arg", "leave --model-arg out")
            return Built(found)
        return Built(checked_module(called(found, spec, arguments), spec))


def called(factory: Any, spec: str, arguments: Mapping[str, Any]) -> Any:
    """The factory's result; raises `ModelError` where it cannot be called or fails."""
    written = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    if not callable(factory):
        raise ModelError(f"{spec} is a {type(factory).__name__}", "name a torch module, its class, or a function")
    try:
        return factory(**arguments)
    except Exception as problem:  # code of the model's author, which may raise anything
        raise ModelError(
            f"{spec}({written}) failed: {type(problem).__name__}: {first_lines(problem)}",
            "give its arguments with --model-arg NAME=VALUE",
        ) from problem


def checked_module(value: Any, spec: str) -> nn.Module:
    """The value if it is a torch module, else `ModelError`."""
    if not isinstance(value, nn.Module):
        raise ModelError(
            f"{spec} gives a {type(value).__name__}, not a torch module", "name a factory that returns an nn.Module"
        )
    return value


@contextmanager
def importable_here() -> Iterator[None]:
    """The current directory first on the import path, as for `python -m`."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as problem:  # importing runs code, which may raise anything
        missing = isinstance(problem, ModuleNotFoundError) and problem.name and name.startswith(problem.name)
        reason = "there is no such module" if missing else f"{type(problem).__name__}: {first_lines(problem)}"
        raise ModelError(
            f"cannot import {name}: {reason}", "run viz in the folder that holds it, or set PYTHONPATH"
        ) from problem


def _attribute(module: ModuleType, path: str, spec: str) -> Any:
    value: Any = module
    for name in path.split("."):
        if not hasattr(value, name):
            choices = [choice for choice in vars(value) if not choice.startswith("_")]
            where = getattr(module, "__file__", None) or module.__name__
            raise UnknownName(f"name in {spec.partition(':')[0]}", name, choices, f"look into {where}")
        value = getattr(value, name)
    return value
