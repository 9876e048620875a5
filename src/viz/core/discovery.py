"""From what the user points at (files, folders, globs, lists) to a sorted list of image files."""

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from viz.core.errors import NoImages, UsageError
from viz.core.image_names import readable, unique_keys, unique_names
from viz.core.listing_rules import RESULTS, SUFFIXES, is_hidden, is_image_name, natural, natural_path, pass_over
from viz.core.remote_listing import remote_files
from viz.core.remote_paths import is_remote, is_remote_path, read_bytes, remote_path, without_scheme
from viz.core.truths import true_classes

__all__ = ["SUFFIXES", "ImageFile", "Listing", "find_images"]


@dataclass(frozen=True, slots=True)  # there may be millions
class ImageFile:
    """An image to work on.

    `name` is the path as people read it (relative to the folder they gave), `key` the base name of its
    results, `truth` its true class where known (a name or an index as text). Both `name` and `key` are
    unique within a listing, and any text encoder takes them. `path` may be on another machine
    (`viz.core.remote_paths`); `state` is then what its storage said that tells the file from a changed one.
    """

    path: Path
    name: str
    key: str = ""
    truth: str | None = None
    state: str = ""


@dataclass(frozen=True)
class Listing:
    """The image files of a run in order, and the other files that were passed over."""

    files: tuple[ImageFile, ...]
    skipped: tuple[str, ...] = field(default=())


def find_images(sources: Sequence[str | Path], limit: int | None = None) -> Listing:
    """List the images of files, folders (recursively), globs and list files (`@list.txt`, one path a line).

    Each of them may be elsewhere: `s3://bucket/dir`, or whatever fsspec reads.
    In a folder only files with an image suffix count; a file named outright is taken whatever its name.
    Sorted by name within each source; a file reached twice counts once; earlier results of viz are
    passed over. Names and keys do not depend on `limit`.
    Raises `NoImages` where nothing matches and `UsageError` for a source that is not there.
    """
    found: dict[str, ImageFile] = {}
    skipped: list[str] = []
    for source in sources:
        for file in _expand(str(source), skipped):
            found.setdefault(_identity(file.path), file)
    files = _named(list(found.values()))[:limit]
    if not files:
        raise _no_images(sources, skipped)
    truths = true_classes([file.path for file in files], skipped)
    labelled = (replace(file, truth=truth) for file, truth in zip(files, truths, strict=True))
    return Listing(tuple(labelled), tuple(map(readable, skipped)))


def _no_images(sources: Sequence[str | Path], skipped: list[str]) -> NoImages:
    problem = "no image found in " + ", ".join(repr(str(source)) for source in sources)
    if skipped:
        problem += f"; passed over {readable(skipped[0])}" + (f" and {len(skipped) - 1} more" if skipped[1:] else "")
    return NoImages(problem, f"image files end in {' '.join(sorted(SUFFIXES))}")


def _named(files: list[ImageFile]) -> list[ImageFile]:
    names = unique_names([(file.name, file.path) for file in files])
    keys = unique_keys([file.path for file in files])
    return [replace(file, name=name, key=key) for file, name, key in zip(files, names, keys, strict=True)]


def _identity(path: Path) -> str:
    """The same for every way to reach a file; a link to another file is a file of its own."""
    return str(path) if is_remote_path(path) else str(path.parent.resolve() / path.name)


def _expand(source: str, skipped: list[str]) -> Iterable[ImageFile]:
    if source.startswith("@"):
        return _listed(_path(source[1:]), skipped)
    if is_remote(source):
        return (ImageFile(one.path, one.name, state=one.state) for one in remote_files(source, skipped))
    source = without_scheme(source)
    path = Path(source).expanduser()
    if path.is_dir():
        return _in_folder(path, skipped)
    if path.exists() or path.is_symlink():
        return [ImageFile(path, path.name)]
    if any(c in source for c in "*?["):
        return _globbed(str(path), skipped)
    raise UsageError(f"{source!r} does not exist", "give an image, a folder, a glob in quotes, or @list.txt")


def _path(source: str) -> Path:
    return remote_path(source) if is_remote(source) else Path(without_scheme(source)).expanduser()


def _globbed(pattern: str, skipped: list[str]) -> Iterator[ImageFile]:
    """Names are relative to the part of the pattern before its first wildcard."""
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if any(c in part for c in "*?["))
    base = Path(*parts[:fixed])
    for path in sorted(map(Path, glob.glob(pattern, recursive=True)), key=natural_path):
        name = path.relative_to(base)
        if results := next((p for p in (path, *path.parents) if p.is_relative_to(base) and _holds_results(p)), None):
            pass_over(f"{results}: results of an earlier run", skipped)
        elif path.is_dir():
            yield from _in_folder(path, skipped, name)
        elif is_image_name(path.name):
            yield ImageFile(path, name.as_posix())
        else:
            skipped.append(str(path))


def _listed(path: Path, skipped: list[str]) -> Iterator[ImageFile]:
    """Paths in a list file are relative to it, one a line; empty lines and lines starting with # are left out."""
    try:
        lines = read_bytes(path).decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"the list {str(path)!r} cannot be read: {problem}", "one path a line, UTF-8") from None
    for line in map(str.strip, lines):
        if line and not line.startswith("#"):
            item = _path(line) if "://" in line else path.parent / line
            if is_remote_path(item):
                yield ImageFile(item, line)
            elif item.is_dir():
                yield from _in_folder(item, skipped, Path(line))
            else:
                yield ImageFile(item, line)


def _in_folder(
    folder: Path, skipped: list[str], prefix: Path = Path(), above: tuple[Path, ...] = ()
) -> Iterator[ImageFile]:
    """The images of a folder and of those in it; `above` are the folders on the way, against links in a circle."""
    here = folder.resolve()
    if here in above:
        skipped.append(f"{folder}: a link to a folder above it")
    elif _holds_results(folder):
        pass_over(f"{folder}: results of an earlier run", skipped)
    else:
        for path in _entries(folder, skipped, nested=bool(above)):
            if path.is_dir() and not is_image_name(path.name):
                yield from _in_folder(path, skipped, prefix / path.name, (*above, here))
            elif is_image_name(path.name):
                yield ImageFile(path, (prefix / path.name).as_posix())
            else:
                skipped.append(str(path))


def _entries(folder: Path, skipped: list[str], nested: bool) -> list[Path]:
    """What is in a folder, in order, without hidden entries."""
    try:
        entries = [path for path in folder.iterdir() if not is_hidden(path.name)]
    except OSError as problem:
        if not nested:
            raise UsageError(f"the folder {str(folder)!r} cannot be read: {problem.strerror}") from None
        skipped.append(f"{folder}: cannot be read: {problem.strerror}")
        return []
    return sorted(entries, key=lambda path: natural(path.name))


def _holds_results(folder: Path) -> bool:
    return all((folder / name).exists() for name in RESULTS)
