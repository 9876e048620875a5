"""Pictures of a whole run of a maker: the sheet of all its images, what the maker itself shows, and animations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from viz.core import images
from viz.core.errors import UsageError
from viz.core.images import Pixels
from viz.core.making import Plot
from viz.engine.run_folder import Record, RunFolder
from viz.render import curve, sheet

_SHOWN_SIDE = 512  # pixels; a sheet has no room for more


def overview_files(technique: Any, records: Sequence[Record], folder: RunFolder) -> dict[str, str]:
    """Write the sheet, where there is more than one picture, and the maker's own overview; files by name."""
    done = [record for record in records if record["status"] == "done"]
    pictures: dict[str, Pixels] = {}
    if len(done) > 1:
        pictures["sheet"] = sheet([_entry(record, folder) for record in done])
    if done and hasattr(technique, "overview"):
        pictures |= {name: drawn(shown) for name, shown in technique.overview(done).items()}
    taken = {name.casefold() for record in records for name in record.get("files", {}).values()}
    files = {}
    for name, picture in pictures.items():
        files[name] = _free(name, taken)
        folder.write(files[name], images.png_bytes(picture))
    return files


def drawn(shown: Pixels | Plot) -> Pixels:
    """A picture as it is, a plot drawn."""
    return curve(shown.values, shown.label, shown.names, shown.marks) if isinstance(shown, Plot) else shown


def _free(name: str, taken: set[str]) -> str:
    """A file's name that no picture of the run has."""
    while f"{name}.png".casefold() in taken:
        name += "_"
    return f"{name}.png"


def _entry(record: Record, folder: RunFolder) -> tuple[str, str, str, Pixels]:
    with Image.open(folder.path / record["files"]["picture"]) as picture:
        shown = picture.convert("RGB")
        shown.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE), Image.Resampling.BOX)
        return record["row"], record["column"], _caption(record), np.asarray(shown)


def _caption(record: Record) -> str:
    """The picture's name, and how sure the model is of it, or its score."""
    numbers = record["numbers"]
    if numbers.get("confidence") is not None:
        return f"{record['name']} {numbers['confidence']:.1%}"
    return record["name"] if numbers.get("score") is None else f"{record['name']} {numbers['score']:.4g}"


def hand_out(animate: str | None, records: Sequence[Record], planned: int, folder: RunFolder) -> list[Path]:
    """Copy the run's animations to where `--animate` says: FILE itself for a run of one picture, else FILE-KEY each.

    Raises `UsageError` where they cannot be written there.
    """
    animated = [record for record in records if record.get("files", {}).get("animation")]
    if animate is None or not animated:
        return []
    asked = Path(animate).expanduser()
    places = [asked if planned == 1 else asked.with_name(f"{asked.stem}-{r['key']}{asked.suffix}") for r in animated]
    try:
        asked.parent.mkdir(parents=True, exist_ok=True)
        for record, place in zip(animated, places, strict=True):
            place.write_bytes((folder.path / record["files"]["animation"]).read_bytes())
    except OSError as problem:
        said = f"--animate {animate} cannot be written: {problem.strerror}"
        raise UsageError(said, f"the same animations are in {folder.path}") from None
    return places
