"""Variants by windows, image after image: the clean pass of the next image beside the windows of this one."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.errors import OutOfMemory
from viz.core.patch_runner import PatchRunner
from viz.core.patches import Patched
from viz.core.result import FloatArray

Values = dict[str, FloatArray]
Rows = NDArray[np.intp]

# So few variants make poor batches: more images are then begun together, up to so many.
_VARIANTS_TOGETHER, _IMAGES_TOGETHER = 64, 4


@dataclass(frozen=True)
class Group:
    """Images that are begun together: which, and the rows of their variants."""

    images: Rows
    rows: Rows


def groups_of(places: Rows) -> Iterator[Group]:
    """The variants by image, several images together where each has few."""
    images, counts = np.unique(places[:, 0], return_counts=True)
    together = int(min(max(1, _VARIANTS_TOGETHER // counts.max(initial=1)), _IMAGES_TOGETHER))
    for start in range(0, len(images), together):
        part = images[start : start + together]
        yield Group(part, np.flatnonzero(np.isin(places[:, 0], part)))


def run_groups(
    runner: PatchRunner,
    patched: Patched,
    at_once: int,
    executor: Executor,
    done: Callable[[int], None],
    halved: Callable[[int], int],
) -> Values:
    """Values of all variants, in their order.

    Args:
        runner: computes them.
        patched: the variants.
        at_once: whole images' worth of memory for one batch.
        executor: runs the calls, in the order in which they are handed in.
        done: told the number of variants of every batch.
        halved: told what `at_once` was too much; gives the next one to try.
    Raises `OutOfMemory` where not even a single variant fits.
    """
    work = [_Work(runner, patched, group, at_once, executor) for group in groups_of(patched.places)]
    gathered = _Gathered(len(patched))
    try:
        for i, current in enumerate(work):
            for upcoming in work[i : i + 2]:
                upcoming.begin()
            current.submit()
            for rows, values in current.results(done, halved):
                gathered.put(rows, values)
            current.forget()
    finally:
        for one in work:
            one.cancel()
    return gathered.values


class _Work:
    """One group: its clean pass, then its batches."""

    def __init__(self, runner: PatchRunner, patched: Patched, group: Group, at_once: int, executor: Executor):
        self._runner, self._patched, self._group = runner, patched, group
        self._at_once, self._executor = at_once, executor
        self._begun: Future[Any] | None = None
        self._batches: list[tuple[Rows, Future[Values]]] = []
        places = patched.places[group.rows].copy()
        places[:, 0] = np.searchsorted(group.images, places[:, 0])
        self._places = places

    def begin(self) -> None:
        """Hand in the clean pass, once."""
        if self._begun is None:
            images, fills = self._patched.images[self._group.images], self._patched.fills[self._group.images]
            self._begun = self._executor.submit(self._runner.begin, images, fills)

    def submit(self) -> None:
        """Hand in all batches."""
        for rows in self._runner.batches(self._places, self._at_once):
            self._batches.append((rows, self._executor.submit(self._run, rows)))

    def results(self, done: Callable[[int], None], halved: Callable[[int], int]) -> Iterator[tuple[Rows, Values]]:
        """(rows of all variants, their values), batch by batch; smaller batches where there was no room."""
        for rows, future in self._batches:
            try:
                found = [(rows, future.result())]
            except OutOfMemory:
                if len(rows) == 1:
                    raise
                found = self._in_parts(rows, halved)
            for part, values in found:
                done(len(part))
                yield self._group.rows[part], values

    def forget(self) -> None:
        """Let go of the clean pass and of what came of it."""
        self._begun, self._batches = None, []

    def cancel(self) -> None:
        """Call off what has not begun."""
        for future in [self._begun, *(future for _, future in self._batches)]:
            if future is not None:
                future.cancel()

    def _run(self, rows: Rows) -> Values:
        assert self._begun is not None, "the clean pass is handed in before its batches"
        return self._runner.run(self._begun.result(), self._places[rows])

    def _in_parts(self, rows: Rows, halved: Callable[[int], int]) -> list[tuple[Rows, Values]]:
        """Half as many at a time, and again."""
        self._at_once = halved(len(rows))
        half = -(-len(rows) // 2)
        found: list[tuple[Rows, Values]] = []
        for part in (rows[:half], rows[half:]):
            try:
                found.append((part, self._run(part)))
            except OutOfMemory:
                if len(part) == 1:
                    raise
                found += self._in_parts(part, halved)
        return found


class _Gathered:
    """Values by row, in arrays that are made when the first ones show their shape."""

    def __init__(self, count: int):
        self._count = count
        self.values: Values = {}

    def put(self, rows: Rows, values: Values) -> None:
        """Enter the values of these rows."""
        for name, value in values.items():
            if name not in self.values:
                self.values[name] = np.empty((self._count, *value.shape[1:]), value.dtype)
            self.values[name][rows] = value


def sample_rows(places: Rows, count: int) -> Rows:
    """Rows to check: the first and the last, and others spread over the first image's variants; sorted."""
    first = np.flatnonzero(places[:, 0] == places[0, 0])
    return np.unique(first[np.linspace(0, len(first) - 1, min(count, len(first))).round().astype(int)])


def largest_difference(ours: Values, theirs: Values, names: Sequence[str]) -> float:
    """The largest difference between two sets of values; infinite where only one of two is finite."""
    worst = 0.0
    for name in names:
        a, b = ours[name].astype(np.float64), theirs[name].astype(np.float64)
        if not np.array_equal(np.isfinite(a), np.isfinite(b)):
            return float("inf")
        finite = np.isfinite(a)
        worst = max(worst, float(np.abs(a[finite] - b[finite]).max(initial=0.0)))
    return worst
