"""Targets that are a direction: how far a layer's channels go along a vector that the user has."""

from pathlib import Path

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import UsageError
from viz.core.readings import Constant, Direction
from viz.core.result import FloatArray
from viz.core.target.weighted import Target, Term


def direction_target(model: Adapter, layer: str, file: Path) -> Target:
    """The component of a layer along the vector in a .npy file: one number for each of the layer's channels.

    Only its direction counts: it is divided by its length. Raises `UsageError` for a file that holds no such vector.
    """
    found = model.layer(layer)
    vector = _read(file)
    channels = _channels(found.shape)
    if channels is not None and len(vector) != channels:
        raise UsageError(
            f"{file} has {len(vector)} numbers, and {found.name} has {channels} channels", "one number for each"
        )
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        raise UsageError(f"{file} gives no direction: its length is {length:g}", "give numbers that are not all zero")
    reading = Direction(found.name, Constant.of((vector / length).astype(np.float32)))
    return Target((Term(reading),), f"{found.name} along {file.name}")


def _read(file: Path) -> FloatArray:
    try:
        found = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as problem:
        raise UsageError(f"{file} cannot be read: {problem}", "np.save('FILE.npy', vector) writes one") from None
    if not isinstance(found, np.ndarray) or found.ndim != 1 or found.dtype.kind not in "fiu":
        shape = getattr(found, "shape", "no")
        raise UsageError(f"{file} holds an array of shape {shape}, not a vector of numbers", "save a 1-D array")
    return found.astype(np.float64)


def _channels(shape: tuple[int | None, ...] | None) -> int | None:
    """How many channels a layer has; None where that is not known."""
    if not shape or len(shape) < 2:
        return None
    return shape[-1] if len(shape) == 3 else shape[1]
