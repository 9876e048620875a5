"""From what the user points at (files, folders, globs, lists) to a sorted list of image files."""

import glob
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from viz.core.errors import NoImages, UsageError

SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .bmp .dib .tif .tiff .gif .ppm .pgm .pbm .pnm .avif .heic .jp2".split()
)


@dataclass(frozen=True)
class ImageFile:
    """An image to work on.

    `name` is the path as people read it (relative to the folder they gave), `key` the unique base name
    of its results, `truth` its true class where known (a name or an index as text).
    """

    path: Path
    name: str
    key: str = ""
    truth: str | None = None


@dataclass(frozen=True)
class Listing:
    """The image files of a run in order, and the other files that were passed over."""

    files: tuple[ImageFile, ...]
    skipped: tuple[str, ...] = field(default=())


def find_images(sources: Sequence[str | Path], limit: int | None = None) -> Listing:
    """List the images of files, folders (recursively), globs and list files (`@list.txt`, one path a line).

    In a folder only files with an image suffix count; a file named outright is taken whatever its name.
    Sorted by name within each source; a file reached twice counts once; earlier results of viz are
    passed over. Raises `NoImages` where nothing matches and `UsageError` for a source that is not there.
    """
    found: dict[Path, ImageFile] = {}
    skipped: list[str] = []
    for source in sources:
        for file in _expand(str(source), skipped):
            found.setdefault(file.path.absolute(), file)
    files = list(found.values())[:limit]
    if not files:
        looked = ", ".join(repr(str(s)) for s in sources)
        raise NoImages(f"no image found in {looked}", f"image files end in {' '.join(sorted(SUFFIXES))}")
    return Listing(tuple(_with_keys(_with_truths(files))), tuple(skipped))


def _expand(source: str, skipped: list[str]) -> Iterable[ImageFile]:
    path = Path(source).expanduser()
    if source.startswith("@"):
        return _listed(Path(source[1:]).expanduser(), skipped)
    if path.is_dir():
        return _in_folder(path, skipped)
    if path.exists() or path.is_symlink():
        return [ImageFile(path, path.name)]
    if any(c in source for c in "*?["):
        return _globbed(str(path), skipped)
    raise UsageError(f"{source!r} does not exist", "give an image, a folder, a glob in quotes, or @list.txt")


def _globbed(pattern: str, skipped: list[str]) -> Iterable[ImageFile]:
    for match in sorted(glob.glob(pattern, recursive=True, include_hidden=False)):
        path = Path(match)
        if path.is_dir():
            yield from _in_folder(path, skipped, Path(path.name))
        elif _is_image(path):
            yield ImageFile(path, path.name)
        else:
            skipped.append(match)


def _listed(path: Path, skipped: list[str]) -> Iterable[ImageFile]:
    """Paths in a list file are relative to it, one a line; empty lines and lines starting with # are left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"the list {str(path)!r} cannot be read: {problem}", "one path a line, UTF-8") from None
    for line in lines:
        if line.strip() and not line.startswith("#"):
            item = path.parent / line.strip()
            if item.is_dir():
                yield from _in_folder(item, skipped, Path(line.strip()))
            else:
                yield ImageFile(item, line.strip())


def _in_folder(folder: Path, skipped: list[str], prefix: Path = Path()) -> Iterable[ImageFile]:
    if (folder / "run.json").exists() and (folder / "results.jsonl").exists():
        skipped.append(f"{folder}: results of an earlier run")
        return
    try:
        entries = sorted(folder.iterdir(), key=lambda p: _natural(p.name))
    except OSError as problem:
        raise UsageError(f"the folder {str(folder)!r} cannot be read: {problem.strerror}") from None
    for path in entries:
        if path.name.startswith("."):
            continue
        if path.is_dir() and not _is_image(path):
            yield from _in_folder(path, skipped, prefix / path.name)
        elif _is_image(path):
            yield ImageFile(path, (prefix / path.name).as_posix())
        else:
            skipped.append(str(path))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _natural(name: str) -> list[Any]:
    """Sort key that puts `img2` before `img10`, the same on every platform."""
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in re.split(r"(\d+)", name) if p]


def _with_keys(files: list[ImageFile]) -> list[ImageFile]:
    """Give each file a base name for its results: its stem, made unique where two would meet."""
    stems = [_safe(Path(file.name).stem) for file in files]
    owners: dict[str, int] = {}
    for stem in stems:
        owners[stem.casefold()] = owners.get(stem.casefold(), 0) + 1
    return [
        replace(file, key=stem if owners[stem.casefold()] == 1 else f"{stem}-{_short_hash(file)}")
        for file, stem in zip(files, stems, strict=True)
    ]


def _safe(stem: str) -> str:
    """A stem that every file system takes: no reserved character, not too long, never empty or hidden."""
    cleaned = re.sub(r'[\x00-\x1f<>:"/\\|?*]', "_", stem).strip(" .")[:80]
    return cleaned or "image"


def _short_hash(file: ImageFile) -> str:
    return hashlib.sha256(str(file.path.absolute()).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _with_truths(files: list[ImageFile]) -> list[ImageFile]:
    """True classes from a labels.json in the image's folder or the one above it."""
    tables: dict[Path, dict[str, str]] = {}
    labelled = []
    for file in files:
        for folder in (file.path.parent, file.path.parent.parent):
            if folder not in tables:
                tables[folder] = _read_truths(folder / "labels.json")
            if truth := tables[folder].get(file.path.name):
                file = replace(file, truth=truth)  # noqa: PLW2901  # the same file, now with its label
                break
        labelled.append(file)
    return labelled


def _read_truths(path: Path) -> dict[str, str]:
    """{"a.jpg": 3 | "tabby" | {"class_index": 3} | {"label": "tabby"}} -> {"a.jpg": "3" | "tabby"}."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(table, dict):
        return {}
    truths = {name: _truth(entry) for name, entry in table.items()}
    return {name: truth for name, truth in truths.items() if truth is not None}


def _truth(entry: Any) -> str | None:
    if isinstance(entry, dict):
        entry = entry.get("class_index", entry.get("label"))
    return str(entry) if isinstance(entry, int | str) and not isinstance(entry, bool) else None
