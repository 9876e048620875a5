"""What torch's errors mean to the user, wherever torch runs: in an adapter's forward or in a backward pass."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from viz.core.errors import ModelError, OutOfMemory, VizError

_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory|bad_?alloc", re.I)


@contextmanager
def torch_errors(model: str) -> Iterator[None]:
    """Whatever a model's code raises inside becomes `OutOfMemory` or `ModelError` with its message."""
    try:
        yield
    except VizError:
        raise
    except Exception as problem:  # a model is code of its author and may raise anything
        text = f"{type(problem).__name__}: {problem}"
        if is_out_of_memory(problem):
            raise OutOfMemory(
                f"{model} does not fit in memory: {first_lines(text)}", "try a smaller --batch-size"
            ) from None
        raise ModelError(
            f"{model} failed: {first_lines(text)}",
            "viz feeds it one batch of images; if it expects another form: --size, --channels, --layout",
        ) from problem


def is_out_of_memory(problem: BaseException) -> bool:
    """Whether an error of torch or Python means that the device or the machine had no room."""
    import torch

    if isinstance(problem, torch.OutOfMemoryError | MemoryError):
        return True
    return _MEMORY.search(f"{type(problem).__name__}: {problem}") is not None


def first_lines(problem: object) -> str:
    """Without the pages that some errors of torch go on for."""
    lines = [line for line in str(problem).splitlines() if line.strip()]
    return "\n".join(lines[:6])[:1000]
