"""Files that are not on this machine, reached through fsspec: s3://bucket/dir, gs://…, https://…, memory://…."""

import re
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlparse
from urllib.request import url2pathname

from viz.core.errors import UsageError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")


def is_remote(source: str) -> bool:
    """Whether a source as the user wrote it names something that is reached through fsspec."""
    return _SCHEME.match(source) is not None and "://" in source and not source.startswith("file://")


def without_scheme(source: str) -> str:
    """`file:///dir` as `/dir`; anything else as it is."""
    return url2pathname(urlparse(source).path) if source.startswith("file://") else source


def remote_path(source: str) -> Path:
    """A path that is read through fsspec; it has what a `pathlib.Path` has, as far as that makes sense there.

    Raises `UsageError` where the packages that this takes are not installed, or there is no such kind of storage.
    """
    try:
        from upath import UPath
    except ImportError:
        raise UsageError(
            f"{source!r} is not on this machine, and the packages that read it are not installed",
            "pip install 'onnx-viz[remote]'",
        ) from None
    try:
        path = UPath(source)
        _ = path.fs
    except ImportError as problem:
        raise UsageError(
            f"{source!r} cannot be read: {problem}", "install that package beside onnx-viz[remote]"
        ) from None
    except ValueError as problem:
        raise UsageError(
            f"{source!r} cannot be read: {problem}", "give a folder on this machine, s3://…, gs://…, az://…, https://…"
        ) from None
    return cast(Path, path)


def is_remote_path(path: Path) -> bool:
    """Whether a path came from `remote_path`."""
    return not isinstance(path, Path)


def storage(path: Path) -> tuple[Any, str]:
    """The fsspec file system of a remote path, and the path in it."""
    remote = cast(Any, path)
    return remote.fs, remote.path


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """What is in a file; of one elsewhere, its first `most` bytes. Raises `OSError`, whatever the storage raises."""
    if not is_remote_path(path):
        return path.read_bytes()
    files, inside = storage(path)
    try:
        return bytes(files.cat_file(inside) if most is None else files.cat_file(inside, start=0, end=most))
    except OSError:
        raise
    except Exception as problem:  # each kind of storage has errors of its own, without a common base
        raise OSError(f"{type(problem).__name__}: {problem}") from problem


def state_of(about: dict[str, Any]) -> str:
    """What tells a file from one that was changed, out of what a storage says about it; "" where it says nothing."""
    marks = [about.get(name) for name in ("size", "ETag", "etag", "mtime", "LastModified", "last_modified", "created")]
    return " ".join(str(mark) for mark in marks if mark is not None)


def remote_state(path: Path) -> str:
    """`state_of` a remote path, asked for now; "" where it cannot be asked."""
    files, inside = storage(path)
    try:
        return state_of(files.info(inside))
    except Exception:  # whoever reads the file will hear why
        return ""
