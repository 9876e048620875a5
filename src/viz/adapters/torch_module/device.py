"""Where torch runs a model."""

import re

import torch

from viz.core.errors import ModelError, UsageError


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
