"""Where downloaded models are kept, and whether a file there is the right one."""

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from platformdirs import user_cache_dir

from viz.core.errors import ModelError
from viz.model_zoo.catalogue import ZooEntry


def cache_root() -> Path:
    """Where viz keeps what it can make or fetch again: `$VIZ_CACHE`, or the platform's cache folder."""
    root = os.environ.get("VIZ_CACHE") or user_cache_dir("viz", appauthor=False)
    return Path(root).expanduser()


def cache_folder() -> Path:
    """The folder of downloaded models."""
    return cache_root() / "models"


def place_of(entry: ZooEntry) -> Path:
    """Where the file of a remote model belongs, whether or not it is there yet."""
    assert entry.sha256 is not None, "a model that ships with viz is not cached"
    return cache_folder() / entry.sha256[:16] / entry.file


def flaw(path: Path, entry: ZooEntry) -> str | None:
    """What is wrong with the file at `path`, saying what was expected and found; None if it is the right one."""
    try:
        size = path.stat().st_size
        if size != entry.size:
            return f"it has {size} bytes, expected {entry.size}"
        found = sha256_of(path)
    except OSError as problem:
        return f"it cannot be read: {problem.strerror}"
    return None if found == entry.sha256 else f"its sha256 is {found}, expected {entry.sha256}"


def sha256_of(path: Path) -> str:
    """The file's checksum as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def only_one(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the folder's lock, so that one process at a time downloads into it; a killed one lets go of it.

    Calls `waiting` once where another process holds it. Raises `ModelError` where the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("a+b")
    except OSError as problem:
        raise ModelError(
            f"the model cache {str(folder)!r} cannot be written: {problem.strerror}",
            "set VIZ_CACHE to a folder that can",
        ) from None
    with handle:  # closing it gives the lock back
        _wait_for(handle, waiting)
        yield


def _wait_for(handle: IO[bytes], waiting: Callable[[], None]) -> None:
    try:
        if _locked(handle):
            return
        waiting()
        while not _locked(handle):
            time.sleep(0.1)
    except OSError as problem:
        raise ModelError(
            f"the model cache cannot be locked: {problem.strerror} ({handle.name})",
            "set VIZ_CACHE to a folder on a local disk",
        ) from None


if sys.platform == "win32":
    import msvcrt

    def _locked(handle: IO[bytes]) -> bool:
        try:
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
else:
    import fcntl

    def _locked(handle: IO[bytes]) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
