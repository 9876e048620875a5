"""What counts as an image in a folder, and in which order images come: the same wherever the folder lies."""

import re
from pathlib import PurePath
from typing import Any

SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .bmp .dib .tif .tiff .gif .ppm .pgm .pbm .pnm .avif .heic .jp2".split()
)
RESULTS = frozenset(("run.json", "results.jsonl"))  # a folder with both has results of viz


def is_image_name(name: str) -> bool:
    """Whether a file of this name counts as an image."""
    return PurePath(name).suffix.lower() in SUFFIXES


def is_hidden(name: str) -> bool:
    """Whether an entry of a folder is passed over without a word."""
    return name.startswith(".")


def natural(name: str) -> tuple[list[Any], str]:
    """Sort key that puts `img2` before `img10`, the same on every platform; `img01` and `img1` never tie."""
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in re.split(r"(\d+)", name) if p], name


def natural_path(path: PurePath) -> list[Any]:
    """`natural` for each folder on the way."""
    return [natural(part) for part in path.parts]


def pass_over(reason: str, skipped: list[str]) -> None:
    """Note something that was passed over, once."""
    if reason not in skipped:
        skipped.append(reason)
