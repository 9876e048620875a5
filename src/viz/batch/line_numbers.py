"""On which line of a TOML text each table and each key stands; `tomllib` does not say."""

import re
import tomllib
from bisect import bisect_left

Place = tuple[str | int, ...]

_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_KEY_PART = re.compile(r"""[ \t]*("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*""")
_VALUE_PART = re.compile(
    r'"""(?:\\.|(?!""").)*"{3,5}'  # the closing quotes may have up to two of the text's own before them
    r"|'''(?:(?!''').)*'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[\[{\]}\n]"
    r"""|[^\[{\]}\n"'#]+""",
    re.DOTALL,
)


def line_numbers(text: str) -> dict[Place, int]:
    """Lines, from 1, by place: `("models", 1)` is the second [[models]], `("models", 1, "size")` its key.

    What stands in an inline table or array has no place of its own. The text must be valid TOML.
    """
    return _Scan(text).places


class _Scan:
    """Walks over the statements of a text that `tomllib` has accepted."""

    def __init__(self, text: str):
        self._text = text
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._counts: dict[Place, int] = {}
        self.places: dict[Place, int] = {}
        table: Place = ()
        at = self._after_blank(0)
        while at < len(text):
            line = bisect_left(self._ends, at) + 1
            if text[at] == "[":
                many = text.startswith("[[", at)
                keys, at = self._keys(at + 1 + many)
                table = self._table(keys, many)
                self._mark(table, line)
                at += 1 + many
            else:
                keys, at = self._keys(at)
                self._mark((*table, *keys), line)
                at = self._after_value(at + 1)
            at = self._after_blank(at)

    def _mark(self, place: Place, line: int) -> None:
        """Note a place, and the tables around it that are mentioned here first."""
        for length in range(1, len(place) + 1):
            self.places.setdefault(place[:length], line)

    def _after_blank(self, at: int) -> int:
        match = _BLANK.match(self._text, at)
        assert match is not None, "the pattern also matches nothing"
        return match.end()

    def _keys(self, at: int) -> tuple[list[str], int]:
        """The parts of a dotted key, and where what follows it begins."""
        keys = []
        while match := _KEY_PART.match(self._text, at):
            keys.append(next(iter(tomllib.loads(f"{match[1]} = 0"))))
            at = match.end()
            if self._text[at] != ".":
                break
            at += 1
        return keys, at

    def _table(self, keys: list[str], many: bool) -> Place:
        """A header's place: below an array of tables, the last one is meant."""
        place: Place = ()
        for key in keys[:-1]:
            place = self._last_of((*place, key))
        place = (*place, keys[-1])
        if many:
            self._counts[place] = self._counts.get(place, 0) + 1
        return self._last_of(place)

    def _last_of(self, place: Place) -> Place:
        return (*place, self._counts[place] - 1) if place in self._counts else place

    def _after_value(self, at: int) -> int:
        """Where the value that begins at `at` has ended: a line's end outside of all brackets."""
        depth = 0
        while at < len(self._text):
            match = _VALUE_PART.match(self._text, at)
            assert match is not None, "tomllib has accepted this text"
            at = match.end()
            if match[0] == "\n" and depth == 0:
                break
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        return at
