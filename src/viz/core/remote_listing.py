"""The images of a folder or a glob on other machines, one request a folder, by the rules for folders here."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from viz.core.errors import UsageError
from viz.core.listing_rules import RESULTS, is_hidden, is_image_name, natural, natural_path, pass_over
from viz.core.remote_paths import remote_path, state_of, storage

_WILDCARDS = "*?["


@dataclass(frozen=True)
class RemoteFile:
    """A file elsewhere: where, its name relative to what was asked for, and what tells it from a changed one."""

    path: Path
    name: str
    state: str


def remote_files(source: str, skipped: list[str]) -> Iterator[RemoteFile]:
    """The images of a remote file, folder (with all folders in it) or glob, in order.

    Raises `UsageError` where it is not there or cannot be listed.
    """
    path = remote_path(source)
    files, inside = storage(path)
    about = _asked(source, lambda: _info(files, inside))
    if about is not None:
        if about["type"] == "directory":
            return _in_folder(path, PurePosixPath(), skipped)
        return iter([RemoteFile(path, path.name, state_of(about))])
    if any(c in source for c in _WILDCARDS):
        return _globbed(source, skipped)
    raise UsageError(f"{source!r} does not exist", "give an image, a folder, a glob in quotes, or @list.txt")


def _asked(source: str, question: Any) -> Any:
    """The storage's answer; raises `UsageError` with its reason where it gives none."""
    try:
        return question()
    except Exception as problem:  # each kind of storage has errors of its own, without a common base
        said = str(problem) or type(problem).__name__
        raise UsageError(
            f"{source!r} cannot be looked at: {said}", "check the name, and that this machine may read it"
        ) from None


def _info(files: Any, inside: str) -> Any:
    try:
        return files.info(inside)
    except FileNotFoundError:
        return None


def _in_folder(folder: Path, prefix: PurePosixPath, skipped: list[str]) -> Iterator[RemoteFile]:
    files, inside = storage(folder)
    entries = _asked(str(folder), lambda: files.ls(inside, detail=True))
    # Some storages list a folder as an empty file in itself.
    named = {_last(entry["name"]): entry for entry in entries if _bare(entry["name"]) != _bare(inside)}
    if named.keys() >= RESULTS:
        pass_over(f"{folder}: results of an earlier run", skipped)
        return
    for name in sorted(named, key=natural):
        if is_hidden(name):
            continue
        if named[name]["type"] == "directory":
            yield from _in_folder(folder / name, prefix / name, skipped)
        elif is_image_name(name):
            yield RemoteFile(folder / name, (prefix / name).as_posix(), state_of(named[name]))
        else:
            skipped.append(str(folder / name))


def _globbed(source: str, skipped: list[str]) -> Iterator[RemoteFile]:
    """Names are relative to the part of the pattern before its first wildcard."""
    before, _, _ = source.partition(min((c for c in source if c in _WILDCARDS), key=source.index))
    base = remote_path(before.rpartition("/")[0] + "/")
    files, pattern = storage(remote_path(source))
    found = _asked(source, lambda: files.glob(pattern, detail=True))
    _, root = storage(base)
    relative = {PurePosixPath(_bare(name)).relative_to(_bare(root)): about for name, about in found.items()}
    for name in sorted(relative, key=natural_path):
        if relative[name]["type"] == "directory":
            yield from _in_folder(base / name.as_posix(), name, skipped)
        elif is_image_name(name.name):
            yield RemoteFile(base / name.as_posix(), name.as_posix(), state_of(relative[name]))
        else:
            skipped.append(str(base / name.as_posix()))


def _last(name: str) -> str:
    return _bare(name).rpartition("/")[2]


def _bare(name: str) -> str:
    return name.strip("/")
