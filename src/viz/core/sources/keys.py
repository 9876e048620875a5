"""The keys of a preprocessing table (TOML, metadata, zoo, flags) and how the value of each is read."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from viz.core.errors import UnknownName, UsageError
from viz.core.preprocess import Channels, Interpolation, Layout

Fields = dict[str, Any]


class _Unfit(Exception):
    """A value that is not what its key holds; the text says what would be."""


def read_table(table: Mapping[str, Any], where: str) -> Fields:
    """The table's values as `Preprocess` takes them; `preset` stays a name.

    Raises `UnknownName` for a key that does not exist and `UsageError` for a value of the wrong type,
    both naming `where`, the file or flag that the table came from.
    """
    return {key: read_value(key, value, where) for key, value in table.items()}


def read_value(key: str, value: Any, where: str) -> Any:
    """One key's value as `Preprocess` takes it; the errors are those of `read_table`."""
    if key not in _READERS:
        raise UnknownName(f"key of {where}", key, _READERS, f"the keys are: {', '.join(_READERS)}")
    try:
        return _READERS[key](value)
    except _Unfit as expected:
        raise UsageError(f"{where}: {key} is {value!r}, which is not {expected}", f"correct {key} in {where}") from None


def read_flag(key: str, text: str | int) -> Any:
    """The value of a flag as typed: `224`, `240x320`, `0.875`, `0,255`, `0.485,0.456,0.406`, `bgr`."""
    flag = "--" + key.replace("_", "-")
    try:
        return _READERS[key](_plain(text))
    except _Unfit as expected:
        raise UsageError(f"{flag} is {text!r}, which is not {expected}", f"for example {_EXAMPLES[key]}") from None


def _plain(text: str | int) -> Any:
    """Numbers and lists of numbers out of what was typed; anything else stays text."""
    if isinstance(text, int):
        return text
    parts = text.strip().lower().replace("x", ",").split(",")
    try:
        values = [int(part) if part.strip().isdecimal() else float(part) for part in parts]
    except ValueError:
        return text.strip()
    return values[0] if len(values) == 1 else values


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _length(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _Unfit("a whole number of pixels")
    return value


def _size(value: Any) -> tuple[int, int]:
    sides = value if isinstance(value, list | tuple) else [value, value]
    if len(sides) != 2 or not all(isinstance(s, int) and not isinstance(s, bool) and s > 0 for s in sides):
        raise _Unfit("one whole number of pixels, or height and width")
    return sides[0], sides[1]


def _crop(value: Any) -> str | float:
    if value in ("center", "none"):
        return str(value)
    if not _is_number(value) or not 0 < value <= 1:
        raise _Unfit("center, none, or a part of each side above 0, up to 1")
    return float(value)


def _range(value: Any) -> tuple[float, float]:
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(map(_is_number, value)):
        raise _Unfit("two numbers: what black and what white become")
    if value[0] == value[1]:
        raise _Unfit("two different numbers: every picture would look the same")
    return float(value[0]), float(value[1])


def _per_channel(value: Any) -> tuple[float, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    if not values or not all(map(_is_number, values)):
        raise _Unfit("a number, or a list of one number per channel")
    return tuple(map(float, values))


def _nonzero(value: Any) -> tuple[float, ...]:
    values = _per_channel(value)
    if 0 in values:
        raise _Unfit("free of zeros: the input is divided by it")
    return values


def _one_of(choices: tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise _Unfit("one of: " + ", ".join(choices))
        return str(value)

    return read


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Unfit("a name")
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "preset": _text,
    "size": _size,
    "resize_short": _length,
    "crop": _crop,
    "interpolation": _one_of(get_args(Interpolation)),
    "channels": _one_of(get_args(Channels)),
    "layout": _one_of(get_args(Layout)),
    "range": _range,
    "mean": _per_channel,
    "std": _nonzero,
}

_EXAMPLES = {
    "size": "--size 224, or --size 240x320 (height x width)",
    "resize_short": "--resize-short 256",
    "crop": "--crop center, --crop none, or --crop 0.875",
    "interpolation": "--interpolation bicubic",
    "channels": "--channels bgr",
    "layout": "--layout nhwc",
    "range": "--range 0,255",
    "mean": "--mean 0.485,0.456,0.406",
    "std": "--std 0.229,0.224,0.225",
}
