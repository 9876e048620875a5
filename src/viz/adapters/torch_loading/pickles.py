"""Files that run code when they are read: torch's pickles and exports, loaded as weights only unless trusted."""

import os
import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from viz.adapters.torch_loading.export_check import code_in
from viz.adapters.torch_loading.factories import importable_here
from viz.core.errors import ModelError
from viz.core.torch_errors import first_lines

_FORCE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"


def read_pickle(path: Path, trusted: bool) -> Any:
    """What torch.save wrote, on the CPU: tensors and plain values only, or anything from a trusted author.

    Raises `ModelError` with the reason where it holds more and is not trusted, or is damaged.
    """
    try:
        with importable_here() if trusted else nullcontext():
            return torch.load(path, map_location="cpu", weights_only=not trusted)
    except Exception as problem:  # damaged pickles raise whatever they stumble over
        if not trusted and isinstance(problem, pickle.UnpicklingError):
            raise _refused(path, _what_it_asks_for(problem)) from None
        raise _damaged(path, problem) from problem


def read_export(path: Path, trusted: bool) -> ExportedProgram:
    """A torch.export program; errors as `read_pickle`.

    torch.export.load falls back to full unpickling by itself, unpickles objects, and evaluates text: here
    it does none of these for a file that is not trusted.
    """
    try:
        if trusted:
            return torch.export.load(path)
        if found := code_in(path):
            raise _refused(path, found)
        with _weights_only():
            return torch.export.load(path)
    except ModelError:
        raise
    except Exception as problem:  # damaged archives raise whatever they stumble over
        if not trusted and _needs_more(problem):
            raise _refused(path, _what_it_asks_for(problem)) from None
        raise _damaged(path, problem) from problem


@contextmanager
def _weights_only() -> Iterator[None]:
    """torch.load reads weights only, whatever its caller asks for."""
    before = os.environ.get(_FORCE)
    os.environ[_FORCE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_FORCE]
        else:
            os.environ[_FORCE] = before


def _needs_more(problem: BaseException | None) -> bool:
    while problem is not None:
        if isinstance(problem, pickle.UnpicklingError):
            return True
        problem = problem.__cause__ or problem.__context__
    return False


def _what_it_asks_for(problem: BaseException) -> str:
    """The first thing in it that is no weight, out of torch's long message."""
    match = re.search(r"GLOBAL ([\w.]+)", str(problem))
    return match[1] if match else first_lines(problem)


def _refused(path: Path, asked_for: str) -> ModelError:
    return ModelError(
        f"{path} holds more than weights: loading it would run {asked_for}",
        "a pickle can run any code of its author on this machine; if you trust the author: --trust-pickle",
    )


def _damaged(path: Path, problem: BaseException) -> ModelError:
    return ModelError(
        f"{path} cannot be loaded: {type(problem).__name__}: {first_lines(problem)}", "copy or download it again"
    )
