"""Results of a chunk as they will lie in the run's folder, held in memory to be sent there."""

from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from viz.engine.run_folder import Record, npz_bytes


class MemoryFolder:
    """`viz.engine.run_folder.Files` in memory: bytes by file name, and the records that were added."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.added: list[Record] = []

    def write(self, name: str, data: bytes) -> None:
        """See `RunFolder.write`."""
        self.files[name] = data

    def write_arrays(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """See `RunFolder.write_arrays`."""
        self.write(name, npz_bytes(arrays))

    def append(self, records: Iterable[Record]) -> None:
        """See `RunFolder.append`."""
        self.added.extend(records)
