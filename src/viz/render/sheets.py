"""Many pictures on one: a contact sheet in rows and columns, and a labelled row."""

from collections import Counter
from collections.abc import Sequence
from math import ceil, sqrt

from viz.core.images import Pixels
from viz.render.grid import Cell, Grid

_SHEET_SIDE, _ROW_SIDE = 256, 512  # the largest picture of a sheet, and of a row of a few

_LONGEST_ROW = 12  # pictures; more of one row go below, where no columns are named

Entry = tuple[str, str, str, Pixels]
Place = tuple[str, int]  # a name, and how often it was there before


def sheet(pictures: Sequence[Entry]) -> Pixels:
    """A contact sheet, (h, w, 3) uint8, of (row, column, caption, picture (h, w, 3) uint8 of any size).

    Rows and columns stand in the order in which they are first named, with their names as headings;
    pictures without either fill a near-square grid in order. Pictures of the same row and column stand
    beside each other, below each other where no row has a name. Pictures are shrunk by the mean of
    areas to 256 pixels, or enlarged by whole pixels; all of them more where the sheet would have more
    than 8,000 pixels a side. Raises `ValueError` where there is no picture.
    """
    if not pictures:
        raise ValueError("a sheet needs at least one picture")
    if not any(row or column for row, column, _, _ in pictures):
        return _square(pictures).drawn()
    return _arranged(pictures).drawn()


def side_by_side(pictures: Sequence[tuple[str, Pixels]]) -> Pixels:
    """A row of a few pictures, each with its label above it, (h, w, 3) uint8; up to 512 pixels each.

    Raises `ValueError` where there is no picture.
    """
    if not pictures:
        raise ValueError("a row needs at least one picture")
    cells = [Cell(0, number, "", picture) for number, (_, picture) in enumerate(pictures)]
    return Grid([""], [label for label, _ in pictures], cells, _ROW_SIDE).drawn()


def _square(pictures: Sequence[Entry]) -> Grid:
    across = ceil(sqrt(len(pictures)))
    down = ceil(len(pictures) / across)
    cells = [Cell(*divmod(i, across), caption, picture) for i, (_, _, caption, picture) in enumerate(pictures)]
    return Grid([""] * down, [""] * across, cells, _SHEET_SIDE)


def _arranged(pictures: Sequence[Entry]) -> Grid:
    places = _places(pictures)
    rows, columns = _in_order([row for row, _ in places]), _in_order([column for _, column in places])
    cells = [
        Cell(rows.index(row), columns.index(column), caption, picture)
        for (row, column), (_, _, caption, picture) in zip(places, pictures, strict=True)
    ]
    return Grid([_heading(*row) for row in rows], [_heading(*column) for column in columns], cells, _SHEET_SIDE)


def _places(pictures: Sequence[Entry]) -> list[tuple[Place, Place]]:
    """The row and column of every picture; those of the same names get rows and columns that repeat the name."""
    seen: Counter[tuple[str, str]] = Counter()
    alike = Counter((row, column) for row, column, _, _ in pictures)
    down_only = not any(row for row, _, _, _ in pictures)
    across = alike.total() if any(column for _, column, _, _ in pictures) else _across(max(alike.values()))
    places = []
    for row, column, _, _ in pictures:
        again, seen[row, column] = seen[row, column], seen[row, column] + 1
        down, right = (again, 0) if down_only else divmod(again, across)
        places.append(((row, down), (column, right)))
    return places


def _across(count: int) -> int:
    """How many pictures of one row stand beside each other where columns have no names."""
    return max(_LONGEST_ROW, ceil(sqrt(count)))


def _in_order(places: Sequence[Place]) -> list[Place]:
    """Every place once: names in the order of first mention, the repetitions of a name together."""
    names = list(dict.fromkeys(name for name, _ in places))
    return sorted(set(places), key=lambda place: (names.index(place[0]), place[1]))


def _heading(name: str, again: int) -> str:
    return "" if again else name
