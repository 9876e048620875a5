"""What an image is called in lists and in the files of its results: readable, safe and unique."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

_LONGEST_STEM = 120  # bytes: file systems take 255, and suffixes, a hash and `.partial` join it


def readable(text: str) -> str:
    """The text with bytes that are no Unicode (file names of another age) shown as `\\xe9`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def unique_names(files: Sequence[tuple[str, Path]]) -> list[str]:
    """Readable names; those of images that share one become their whole paths."""
    names = [readable(name) for name, _ in files]
    owners = Counter(names)
    return [
        name if owners[name] == 1 else readable(path.as_posix()) for name, (_, path) in zip(names, files, strict=True)
    ]


def unique_keys(paths: Sequence[Path]) -> list[str]:
    """Base names for results: each file's stem, with a hash of its path where two would meet.

    Two meet also where only case or the composition of accents differs, as on many file systems.
    """
    stems = [_safe(readable(path.stem)) for path in paths]
    keys = stems
    for digits in (8, 64):  # 8 are pleasant and nearly always enough; 64 always are
        owners = Counter(map(_folded, keys))
        keys = [
            key if owners[_folded(key)] == 1 else f"{stem}-{_hash(path)[:digits]}"
            for key, stem, path in zip(keys, stems, paths, strict=True)
        ]
    return keys


def _folded(key: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", key).casefold())


def _safe(stem: str) -> str:
    """A stem that every file system takes: no reserved character, not too long, never empty or hidden."""
    cleaned = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "_", stem)
    shortened = cleaned.encode()[:_LONGEST_STEM].decode(errors="ignore")
    return shortened.strip(" .") or "image"


def _hash(path: Path) -> str:
    return hashlib.sha256(str(path.absolute()).encode("utf-8", "surrogateescape")).hexdigest()
