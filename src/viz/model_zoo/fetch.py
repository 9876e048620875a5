"""From a zoo model's name to a verified file on disk: shipped with viz, cached, or downloaded now."""

import os
import shutil
from importlib.resources import files
from pathlib import Path

from viz.core.errors import ModelError
from viz.model_zoo import catalogue
from viz.model_zoo.cache import flaw, only_one, place_of
from viz.model_zoo.catalogue import ZooEntry
from viz.model_zoo.download import DownloadFailed, Patience, discard, download
from viz.model_zoo.progress import Watcher, megabytes, watching

PATIENCE = Patience()
SPARE = 16 << 20  # room that a download leaves on the disk


def path_of(name: str, offline: bool | None = None, quiet: bool = False, patience: Patience = PATIENCE) -> Path:
    """The file of the model called `name`, its size and sha256 checked; downloaded if it is not here yet.

    `offline` forbids the download (default: whether VIZ_OFFLINE is set). Raises `UnknownName`, and `ModelError`
    where the file cannot be had, saying where to put it by hand.
    """
    entry = catalogue.find(name)
    if entry.built_in:
        return _shipped(entry)
    place = place_of(entry)
    wrong = _wrong_with(place, entry)
    if wrong is None:
        return place
    if offline or (offline is None and is_offline()):
        raise ModelError(
            f"{name} has not been downloaded: {wrong}",
            f"with a network, `viz zoo fetch {name}` brings it; without one,\n{by_hand(entry)}",
        )
    return fetch(entry, quiet, patience)


def fetch(entry: ZooEntry, quiet: bool = False, patience: Patience = PATIENCE) -> Path:
    """Download a remote model into the cache, from the first of its addresses that has it; see `path_of`."""
    place = place_of(entry)
    with (
        watching(entry.name, entry.size or 0, quiet) as watcher,
        only_one(place.parent, lambda: watcher.say("another viz is downloading it; waiting")),
    ):
        wrong = _wrong_with(place, entry)
        if wrong is not None:  # else the other one has just brought it
            if place.exists():
                watcher.say(wrong)
            _bring(entry, place, patience, watcher)
    return place


def is_offline() -> bool:
    """True where the environment variable VIZ_OFFLINE forbids downloads."""
    return os.environ.get("VIZ_OFFLINE", "").lower() not in ("", "0", "false", "no")


def by_hand(entry: ZooEntry) -> str:
    """What to do where viz cannot download: which file, how to know that it is the right one, where to put it."""
    return (
        f"download {entry.urls[0]} some other way\n"
        f"({entry.size} bytes, sha256 {entry.sha256})\n"
        f"and put it at {place_of(entry)}"
    )


def _shipped(entry: ZooEntry) -> Path:
    path = Path(str(files("viz.model_zoo") / "builtin" / entry.file))
    if not path.is_file():
        raise ModelError(f"{entry.file}, which ships with viz, is missing at {path}", "install onnx-viz again")
    return path


def _wrong_with(place: Path, entry: ZooEntry) -> str | None:
    if not place.exists():
        return f"there is no file at {place}"
    found = flaw(place, entry)
    return None if found is None else f"the file at {place} is not the model: {found}"


def _bring(entry: ZooEntry, place: Path, patience: Patience, watcher: Watcher) -> None:
    part = place.with_name(place.name + ".part")
    _check_room(entry, part)
    reasons = []
    for url in entry.urls:
        watcher.say(f"downloading {megabytes(entry.size or 0)} from {url}")
        try:
            download(url, entry, part, patience, watcher)
        except DownloadFailed as reason:
            watcher.say(str(reason))
            reasons.append(f"{url}: {reason}")
            continue
        part.replace(place)
        discard(part)
        return
    raise ModelError(f"{entry.name} could not be downloaded\n" + "\n".join(reasons), by_hand(entry))


def _check_room(entry: ZooEntry, part: Path) -> None:
    assert entry.size is not None
    missing = entry.size - (part.stat().st_size if part.exists() else 0)
    free = shutil.disk_usage(part.parent).free
    if free < missing + SPARE:
        raise ModelError(
            f"{entry.name} needs {megabytes(missing)}, and {part.parent} has {megabytes(free)} free",
            "make room, or set VIZ_CACHE to a folder on another disk",
        )
