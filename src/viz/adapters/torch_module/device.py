"""Where torch runs a model, and what its errors mean to the user."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from viz.core.errors import ModelError, OutOfMemory, UsageError, VizError

_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory|bad_?alloc", re.I)


def choose_device(asked: str) -> torch.device:
    """The device of `--device`; `auto` is the first GPU where there is one. Raises `ModelError` for an absent GPU."""
    match = re.fullmatch(r"auto|cpu|cuda(?::(\d+))?", asked)
    if match is None:
        raise UsageError(f"--device {asked} is not known", "choose auto, cpu, cuda or cuda:N")
    if asked == "cpu" or (asked == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    number, count = int(match[1] or 0), torch.cuda.device_count()
    if number >= count:
        build = f"torch {torch.__version__}" + ("" if torch.version.cuda else " is built without CUDA and")
        raise ModelError(f"--device {asked}: {build} sees {count} GPU(s)", "say --device cpu, or auto")
    return torch.device("cuda", number)


@contextmanager
def torch_errors(model: str) -> Iterator[None]:
    """Whatever a model's code raises inside becomes `OutOfMemory` or `ModelError` with its message."""
    try:
        yield
    except VizError:
        raise
    except Exception as problem:  # a model is code of its author and may raise anything
        text = f"{type(problem).__name__}: {problem}"
        if isinstance(problem, torch.OutOfMemoryError | MemoryError) or _MEMORY.search(text):
            raise OutOfMemory(
                f"{model} does not fit in memory: {first_lines(text)}", "try a smaller --batch-size"
            ) from None
        raise ModelError(
            f"{model} failed: {first_lines(text)}",
            "viz feeds it one batch of images; if it expects another form: --size, --channels, --layout",
        ) from problem


def first_lines(problem: object) -> str:
    """Without the pages that some errors of torch go on for."""
    lines = [line for line in str(problem).splitlines() if line.strip()]
    return "\n".join(lines[:6])[:1000]
