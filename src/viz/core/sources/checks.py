"""Does the preprocessing that the sources gave suit the model's input? Errors, and warnings with figures."""

from collections.abc import Mapping
from typing import Any

from viz.core.errors import UsageError
from viz.core.preprocess import Preprocess

USUAL_SIZE = 224
_COUNTS = {"gray": 1, "rgb": 3, "bgr": 3, "rgba": 4}


def fitting_size(
    fixed: tuple[int | None, int | None], wanted: tuple[int, int] | None, origin: str, binding: bool
) -> tuple[tuple[int, int], str, list[str]]:
    """The input's size, where it was found, and warnings; `fixed` are the model's own sides (None: free).

    Raises `UsageError` naming both sizes where a binding source contradicts the model.
    """
    usual = next((side for side in fixed if side is not None), USUAL_SIZE)
    base = wanted or (usual, usual)
    size = (fixed[0] or base[0], fixed[1] or base[1])
    conflict = [] if wanted in (None, size) else [_conflict(size, base, origin, binding)]
    return size, "model input" if None not in fixed else origin, conflict


def _conflict(size: tuple[int, int], wanted: tuple[int, int], origin: str, binding: bool) -> str:
    said = f"{origin} says {wanted[0]}x{wanted[1]} (height x width)"
    problem = f"{said}, but the model's input is {size[0]}x{size[1]}"
    if binding:
        raise UsageError(problem, f"leave the size out, or export the model for {wanted[0]}x{wanted[1]}")
    return f"{problem}; used {size[0]}x{size[1]}"


def check_channels(fields: Mapping[str, Any], origins: Mapping[str, str], channels: int | None) -> None:
    """Raise `UsageError` where channels, mean or std do not suit the model's number of channels."""
    count = _COUNTS[fields["channels"]]
    if channels not in (None, count):
        raise UsageError(
            f"channels is {fields['channels']} ({origins['channels']}), but the model's input has {channels}",
            f"choose {' or '.join(name for name, n in _COUNTS.items() if n == channels)}",
        )
    for key in ("mean", "std"):
        if len(fields[key]) not in (1, count):
            raise UsageError(
                f"{key} has {len(fields[key])} values ({origins[key]}) for {count} channel(s) ({fields['channels']})",
                f"give --{key} with 1 or {count} values",
            )


def check_layout(layout: str, origin: str, known: str | None) -> None:
    """Raise `UsageError` where the layout is not the one that the model's input shape shows."""
    if known not in (None, layout):
        raise UsageError(f"layout is {layout} ({origin}), but the model's input is {known}", f"use {known}")


def doubtful_values(preprocess: Preprocess, integer: bool, signed: bool) -> list[str]:
    """Warnings with figures where mean and std do not go with the range, or leave what the input can hold."""
    low, high = sorted(preprocess.range)
    warnings = []
    if outside := [m for m in preprocess.mean if not low <= m <= high]:
        warnings.append(
            f"mean {outside[0]:g} ({preprocess.origin['mean']}) lies outside of the range {low:g}..{high:g} "
            f"({preprocess.origin['range']}): mean and std are in units of the range"
        )
    least, most = _reach(preprocess)
    if integer:
        floor, ceiling = (-128, 127) if signed else (0, 255)
        if least < floor - 0.5 or most > ceiling + 0.5 or most - least < 16:
            warnings.append(
                f"the model takes whole numbers {floor}..{ceiling}, and this preprocessing gives "
                f"{least:.3g}..{most:.3g}; most such models want --preprocess raw"
            )
    elif most - least > 300:
        warnings.append(
            f"the model's input would run from {least:.4g} to {most:.4g}: std is in units of the range, "
            f"{low:g}..{high:g} ({preprocess.origin['range']})"
        )
    return warnings


def _reach(preprocess: Preprocess) -> tuple[float, float]:
    """The least and the largest value that any pixel can become."""
    weights, offset = preprocess.matrix()
    least = weights.clip(max=0).sum(axis=1) + offset
    most = weights.clip(min=0).sum(axis=1) + offset
    return float(least.min()), float(most.max())
