"""What an image is called in lists and in the files of its results: readable, safe and unique."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
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
    return _apart([_safe(readable(path.stem)) for path in paths], [_hash(str(path.absolute())) for path in paths])


def unique_keys_of_names(names: Sequence[str], suffixes: Collection[str] = ()) -> list[str]:
    """Base names for results of what has unique names: the name itself, as far as file systems take it.

    One of `suffixes` at its end is left out. No key is another one with a word behind a dot: what belongs to
    `a` has names such as `a.curve.png`.
    """
    stems = [name[: -len(end)] if (end := Path(name).suffix).lower() in suffixes else name for name in names]
    keys = _apart([_safe(readable(stem)) for stem in stems], [_hash(name) for name in names])
    owners = {_folded(key) for key in keys}
    return [
        f"{key}-{_hash(name)[:8]}" if _folded(re.sub(r"\.[A-Za-z][\w-]*$", "", key)) in owners - {_folded(key)} else key
        for key, name in zip(keys, names, strict=True)
    ]


def _apart(stems: list[str], hashes: Sequence[str]) -> list[str]:
    """Stems, with so much of their hashes as tells them apart."""
    keys = stems
    for digits in (8, 64):  # 8 are pleasant and nearly always enough; 64 always are
        owners = Counter(map(_folded, keys))
        keys = [
            key if owners[_folded(key)] == 1 else f"{stem}-{digest[:digits]}"
            for key, stem, digest in zip(keys, stems, hashes, strict=True)
        ]
    return keys


def _folded(key: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", key).casefold())


def _safe(stem: str) -> str:
    """A stem that every file system takes: no reserved character, not too long, never empty or hidden."""
    cleaned = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', "_", stem)
    shortened = cleaned.encode()[:_LONGEST_STEM].decode(errors="ignore")
    return shortened.strip(" .") or "image"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
