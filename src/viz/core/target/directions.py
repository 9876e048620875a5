"""Targets that are a direction: how far a layer's channels go along a vector that the user has."""

from pathlib import Path

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import UsageError
from viz.core.readings import Constant, Direction
from viz.core.result import FloatArray
from viz.core.target.weighted import Target, Term

_HOW = "np.save('FILE.npy', vector) writes one, of one number for each channel"


def direction_target(model: Adapter, layer: str, file: Path) -> Target:
    """The component of a layer along the vector in a .npy file: one number for each of the layer's channels.

    Only its direction counts: it is divided by its length. Raises `UsageError` for a file that holds no such vector.
    """
    found = model.layer(layer)
    vector = _read(file)
    channels = _channels(found.shape)
    if channels is not None and len(vector) != channels:
        problem = f"{file} has {len(vector)} numbers, and {found.name} has {channels} channels"
        raise UsageError(problem, "save one number for each channel")
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        problem = f"{file} gives no direction: its length is {length:g}"
        raise UsageError(problem, "save finite numbers that are not all zero")
    reading = Direction(found.name, Constant.of((vector / length).astype(np.float32)))
    return Target((Term(reading),), f"{found.name} along {file.name}")


def _read(file: Path) -> FloatArray:
    try:
        found = np.load(file, allow_pickle=False)
    except OSError as problem:
        raise UsageError(f"{file} cannot be read: {problem.strerror or problem}", _HOW) from None
    except (ValueError, EOFError):
        raise UsageError(f"{file} is no file of numbers as numpy writes it", _HOW) from None
    if not isinstance(found, np.ndarray):
        raise UsageError(f"{file} is an archive, not a file of one array", _HOW)
    if found.ndim != 1 or found.dtype.kind not in "fiu":
        raise UsageError(f"{file} holds {found.dtype} of shape {found.shape}, not a vector of numbers", _HOW)
    return found.astype(np.float64)


def _channels(shape: tuple[int | None, ...] | None) -> int | None:
    """How many channels a layer has; None where that is not known."""
    if not shape or len(shape) < 2:
        return None
    return shape[-1] if len(shape) == 3 else shape[1]
