"""Channels as people write them: `0-63` or `3,5,8-10`."""

from viz.core.errors import UsageError

_MOST = 1 << 20


def channels_in(text: str | None) -> list[int] | None:
    """The numbers that are meant, in order, each once; None for None. Raises `UsageError`."""
    if text is None:
        return None
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if not _is_range(first, last if dash else first):
            raise UsageError(f"--units {text} is no list of channels", "for example --units 0-63 or --units 3,5,8-10")
        found.update(range(int(first), int(last or first) + 1))
    return sorted(found)


def _is_range(first: str, last: str) -> bool:
    return first.isdecimal() and last.isdecimal() and int(first) <= int(last) < _MOST
