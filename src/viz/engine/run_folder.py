"""A run's folder on disk: whole files only, one line per image, and what an earlier attempt left."""

import contextlib
import io
import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from viz.core.discovery import ImageFile
from viz.core.errors import UsageError

SCHEMA = 1
_SAMPLE, _WORTH = 1 << 16, 0.85  # bytes that are tried, and the part that compression must leave at most
Record = dict[str, Any]


class Files(Protocol):
    """Where the results of images go: a run's folder, or a place in memory that is sent there."""

    def write(self, name: str, data: bytes) -> None:
        """Take a whole file."""
        ...

    def write_arrays(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take arrays as a .npz."""
        ...

    def append(self, records: Iterable[Record]) -> None:
        """Take records of images whose files are all there."""
        ...


class RunFolder:
    """Results of one run. Every file is written under a temporary name and renamed, so none is ever half there."""

    def __init__(self, path: Path, identity: str, folders: Sequence[str] = ("originals", "previews")):
        self.path = path
        self._results = path / "results.jsonl"
        _refuse_other_run(path, identity)
        _make_folder(path)
        for inner in folders:
            _make_folder(path / inner)
        for left_over in path.rglob(".*.tmp"):
            left_over.unlink()
        self._cut_unfinished_line()

    def run(self) -> Record:
        """run.json as an earlier attempt left it; empty where there is none."""
        try:
            found = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def records(self) -> dict[str, Record]:
        """Records by image name as far as they are whole; a last line cut off by a kill is dropped."""
        try:
            lines = self._results.read_bytes().split(b"\n")
        except FileNotFoundError:
            return {}
        records = {}
        for line in lines[:-1]:  # what follows the last line break was not finished
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                records[record["name"]] = record
        return records

    def _cut_unfinished_line(self) -> None:
        """Drop what a kill left after the last line break, so that the next record starts a line of its own."""
        if self._results.exists():
            written = self._results.read_bytes()
            whole = written[: written.rfind(b"\n") + 1]
            if whole != written:
                self.write(self._results.name, whole)

    def append(self, records: Iterable[Record]) -> None:
        """Add records in one write: after a kill, all of them are there or none counts."""
        text = "".join(_line(record) for record in records)
        with self._results.open("ab") as stream:
            stream.write(text.encode())

    def rewrite(self, records: Sequence[Record]) -> None:
        """Replace all records, atomically."""
        self.write("results.jsonl", "".join(_line(record) for record in records).encode())

    def write_lines(self, name: str, records: Iterable[Record]) -> None:
        """Write records as JSON lines, one after the other as they come, into a whole file."""
        target = self.path / name
        temporary = target.with_name(f".{target.name}.tmp")
        with temporary.open("wb") as stream:
            for record in records:
                stream.write(_line(record).encode())
        os.replace(temporary, target)  # noqa: PTH105  # as in `write`

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file; readers see the old one or the new one, never a part."""
        target = self.path / name
        temporary = target.with_name(f".{target.name}.tmp")
        temporary.write_bytes(data)
        os.replace(temporary, target)  # noqa: PTH105  # Path.replace is the same; this says it is atomic

    def write_all(self, name: str, contents: Iterable[bytes], suffix: str) -> None:
        """Write files into a folder of their own, 0001 and so on; those of an earlier attempt make way."""
        for left_over in (self.path / name).glob(f"*{suffix}"):
            left_over.unlink()
        for number, data in enumerate(contents, start=1):
            (self.path / name).mkdir(parents=True, exist_ok=True)
            self.write(f"{name}/{number:04d}{suffix}", data)

    def write_arrays(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write arrays as a .npz; see `npz_bytes`."""
        self.write(name, npz_bytes(arrays))

    def write_run(self, run: Record) -> None:
        """Write run.json."""
        self.write("run.json", (json.dumps(run, indent=2, ensure_ascii=False) + "\n").encode())

    def has_files_of(self, record: Record) -> bool:
        """True where every file that a record names is there."""
        return all((self.path / name).is_file() for name in record.get("files", {}).values())


def npz_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as a .npz file's bytes in full precision, compressed where that saves something."""
    buffer = io.BytesIO()
    save = np.savez_compressed if _shrinks(max(arrays.values(), key=lambda array: array.nbytes)) else np.savez
    save(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _shrinks(array: NDArray[Any]) -> bool:
    """Whether compression is worth its time: gradients are nearly noise and take 25 ms to become 8 % smaller."""
    sample = np.ascontiguousarray(array).reshape(-1).view(np.uint8)[:_SAMPLE]
    return len(zlib.compress(sample.tobytes(), 1)) < _WORTH * max(1, sample.size)


def chunks(files: Sequence[ImageFile], size: int) -> list[Sequence[ImageFile]]:
    """Images that share model batches. Fixed by the listing alone, so that a resumed run computes the same bytes."""
    return [files[start : start + size] for start in range(0, len(files), size)]


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(
            f"no folder can be made at {str(path)!r}: {problem.strerror}", "choose another --out"
        ) from None


def _refuse_other_run(path: Path, identity: str) -> None:
    try:
        found = json.loads((path / "run.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError):
        found = {}
    if found.get("identity") != identity:
        raise UsageError(
            f"{str(path)!r} holds the results of another run ({found.get('command', 'unreadable run.json')})",
            "choose another --out, or remove that folder",
        )


def _line(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"
