"""What a survey keeps in its folder while it runs: the state so far, which chunks it holds, a line per image."""

import json
import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.surveying import State
from viz.engine.run_folder import Record, RunFolder

_DONE = "chunks_done"
_STATE, _IMAGES = "state.npz", "images.jsonl"
_SECONDS_BETWEEN = 30.0  # of work that a kill may cost
_MOST_OF_THE_TIME = 20  # writing takes at most one part of so many


class SurveyStore:
    """The state of a survey in its run folder; see `viz.core.surveying`.

    `images.jsonl` may hold images of chunks that the state does not: those of a run that was killed. They
    are dropped when the folder is opened again.
    """

    def __init__(self, folder: RunFolder):
        self._folder = folder
        self._lines = folder.path / _IMAGES
        self._wait, self._written = _SECONDS_BETWEEN, time.monotonic()
        self._pending: list[Record] = []

    def load(self) -> tuple[State, list[int]] | None:
        """The state and the numbers of the chunks in it; None where there is nothing to continue."""
        return read_state(self._folder.path)

    def clear(self) -> None:
        """Forget everything: another survey begins."""
        for name in (_STATE, _IMAGES, "results.jsonl"):
            (self._folder.path / name).unlink(missing_ok=True)

    def keep_images(self, chunks: Sequence[int], size: int) -> None:
        """Only the lines of images in these chunks, whole and once each, in order."""
        wanted = np.zeros(max(chunks, default=-1) + 2, bool)
        wanted[list(chunks)] = True
        if self._lines.exists():
            self._rewrite(lambda index: index // size < len(wanted) and bool(wanted[index // size]))

    def add_images(self, records: Sequence[Record]) -> None:
        """Lines of images; written with the next state, or when there are many."""
        self._pending += records
        if len(self._pending) >= 1024:
            self._flush()

    def save(self, state: State, chunks: Sequence[int]) -> None:
        """Write the state now."""
        started = time.monotonic()
        self._flush()
        self._folder.write_arrays(_STATE, {**state, _DONE: np.array(sorted(chunks), np.int64)})
        self._written = time.monotonic()
        self._wait = max(_SECONDS_BETWEEN, _MOST_OF_THE_TIME * (self._written - started))

    def save_sometimes(self, state: State, chunks: Sequence[int]) -> None:
        """Write the state where the last time is long enough ago."""
        if time.monotonic() - self._written >= self._wait:
            self.save(state, chunks)

    def sort_images(self) -> None:
        """Lines in the order of the images, once all are there; memory for a number per image, not for the lines."""
        self._flush()
        self._rewrite(lambda index: True)

    def _flush(self) -> None:
        with self._lines.open("ab") as stream:
            stream.write(b"".join(_line(record) for record in self._pending))
        self._pending.clear()

    def _rewrite(self, wanted: Callable[[int], bool]) -> None:
        """Whole lines of wanted images, sorted by image."""
        indices, starts = array("q"), array("q")  # for each line: 16 bytes an image, where the lines have hundreds
        with self._lines.open("rb") as stream:
            start = 0
            for line in stream:
                if line.endswith(b"\n") and wanted(index := int(json.loads(line)["index"])):
                    indices.append(index)
                    starts.append(start)
                start += len(line)
            temporary = self._lines.with_name(f".{_IMAGES}.tmp")
            with temporary.open("wb") as ordered:
                for which in np.argsort(np.array(indices, np.int64), kind="stable"):
                    stream.seek(starts[which])
                    ordered.write(stream.readline())
        temporary.replace(self._lines)


def read_state(folder: Path) -> tuple[State, list[int]] | None:
    """The state that a survey's folder holds and the numbers of the chunks in it; None where there is none."""
    path = folder / _STATE
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as stored:
        arrays: dict[str, NDArray[Any]] = {name: stored[name] for name in stored.files}
    done = arrays.pop(_DONE)
    return arrays, done.tolist()


def _line(record: Record) -> bytes:
    return (json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n").encode()
