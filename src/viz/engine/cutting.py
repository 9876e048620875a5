"""The patches that a survey found, cut out of the photos, and the lines of results.jsonl about its units."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.discovery import ImageFile
from viz.core.fitting import Box
from viz.core.image_names import unique_keys_of_names
from viz.core.surveying import Cut, Found, Unit
from viz.engine.cut_photos import CutPhotos, PhotoFacts, Wanted, cut_out
from viz.engine.listener import Listener
from viz.engine.loading import Loader
from viz.engine.records import short
from viz.engine.run_folder import Record, RunFolder
from viz.render import sprites

Findings = Callable[[], Iterable[Found]]

_SMALL, _LARGE = 64, 128  # pixels a side of a tile
_LARGE_UP_TO = 200_000_000  # bytes of a run's patches for which large tiles are still worth it
_BYTES_PER_PIXEL, _BYTES_PER_HEAT, _BYTES_OF_TEXT = 0.42, 130, 420  # measured on photos, per tile


def cut_patches(
    findings: Findings,
    files: Sequence[ImageFile],
    loader: Loader,
    folder: RunFolder,
    listener: Listener,
    tile: int | None = None,
) -> Iterator[Record]:
    """Cut all patches out of the original photos; gives the lines of results.jsonl, a unit each, in order.

    `findings` is called twice, for what there is to cut and for the records, and has to give the same layers
    both times, so that neither all that was found nor all that was cut is ever in memory. `files` is the whole
    listing: `Cut.image` is a place in it. images.jsonl in `folder` tells which photo the model saw, and its size.
    A photo that is not there any more, or is another one now, leaves gray tiles and warnings in the records.

    Every photo is read once. Patches wait in a temporary file in `folder`, which is gone in the end; while the
    records are asked for, sprites/KEY/0001.jpg and so on (a row for each of 16 units, a column for each of the most
    patches that a unit has) and 0001.png (their heat) are written. `tile` is the side of a tile in pixels, by
    default 128, or 64 where the whole would be more than 200 MB; the listener is told the size before.
    """
    wanted = _wanted(findings())
    columns = int(wanted.counts.max(initial=0))
    units = len(wanted.counts)
    side = tile or tile_side(units, columns)
    listener.told(_size_in_words(len(wanted.images), side, expected_bytes(units, columns, side)))
    with cut_out(wanted, side, files, loader, folder.path, listener) as cut:
        keys = unique_keys_of_names(wanted.layers)
        first = 0
        for found, key in zip(findings(), keys, strict=True):
            yield from _layer(found, key, first, _Sheets(cut, folder, columns, side, loader.preprocess.size))
            first += sum(len(unit.cuts) for unit in found.units)


def expected_bytes(units: int, top: int, tile: int) -> int:
    """About how many bytes the patches of so many units take on disk, `top` each: pictures, heat and records."""
    return round(units * top * (tile * tile * _BYTES_PER_PIXEL + _BYTES_PER_HEAT + _BYTES_OF_TEXT))


def tile_side(units: int, top: int) -> int:
    """Pixels a side of a tile, by default: large where that is affordable."""
    return _LARGE if expected_bytes(units, top, _LARGE) <= _LARGE_UP_TO else _SMALL


def _size_in_words(patches: int, side: int, size: int) -> str:
    scratch = patches * side * side * 3
    return (
        f"{patches:,} patches of {side}x{side} pixels: about {max(1, round(size / 1e6)):,} MB, "
        f"and {max(1, round(scratch / 1e6)):,} MB more while they are cut"
    )


def _wanted(found: Iterable[Found]) -> Wanted:
    """What there is to cut, as arrays: a number for every patch, in the order of the records."""
    layers: list[str] = []
    parts: list[NDArray[Any]] = []
    counts: list[int] = []
    for one in found:
        layers.append(one.layer)
        counts += [len(unit.cuts) for unit in one.units]
        cuts = [(c.image, *_edges(c), c.clipped) for unit in one.units for c in unit.cuts]
        parts.append(np.array(cuts, np.float64).reshape(len(cuts), 6))
    every = np.concatenate(parts) if parts else np.zeros((0, 6))
    return Wanted(
        layers, np.array(counts, np.int64), every[:, 0].astype(np.int64), every[:, 1:5], every[:, 5].astype(bool)
    )


def _edges(cut: Cut) -> tuple[float, float, float, float]:
    return cut.window.left, cut.window.top, cut.window.right, cut.window.bottom


@dataclass(frozen=True)
class _Sheets:
    """Where tiles come from and go to; `size` is the model's input, height and width."""

    cut: CutPhotos
    folder: RunFolder
    columns: int
    side: int
    size: tuple[int, int]

    def write(self, name: str, units: Sequence[Unit], first: int, with_heat: bool) -> dict[str, str]:
        """Write the patches of up to 16 units, whose first patch has the number `first`; the files by what they are."""
        tiles = np.empty((len(units), self.columns, self.side, self.side, 3), np.uint8)
        tiles[:] = sprites.ground(self.side)
        cells = np.zeros((len(units), self.columns, sprites.CELL, sprites.CELL, 2), np.uint8)
        for row, unit in enumerate(units):
            for column, one in enumerate(unit.cuts):
                tiles[row, column] = self.cut.tiles[first]
                cells[row, column] = self._heat(one, first)
                first += 1
        self.folder.write(f"{name}.jpg", sprites.sprite_jpeg(tiles))
        if with_heat:
            self.folder.write(f"{name}.png", sprites.heat_png(cells))
        return {"sprite": f"{name}.jpg", **({"heat": f"{name}.png"} if with_heat else {})}

    def _heat(self, cut: Cut, number: int) -> sprites.Cells:
        if cut.heat is None or cut.heat_window is None or cut.image in self.cut.missing:
            return sprites.no_heat()
        box = self.box(cut)
        part = sprites.part_of_tile(box.right - box.left, box.bottom - box.top, self.side)
        return sprites.heat_cells(cut.heat, cut.heat_window, cut.window, part, self.side)

    def box(self, cut: Cut) -> Box:
        """The patch on its photo."""
        return self.cut.photos[cut.image].part(_edges(cut), self.size)


def _layer(found: Found, key: str, first: int, sheets: _Sheets) -> Iterator[Record]:
    """The records of a layer's units; each is given once its pictures are there."""
    path = Path("sprites") / key
    (sheets.folder.path / path).mkdir(parents=True, exist_ok=True)
    for left_over in (sheets.folder.path / path).glob("[0-9]*.[jp][pn]g"):
        left_over.unlink()
    with_heat = any(cut.heat is not None for unit in found.units for cut in unit.cuts)
    for start in range(0, len(found.units), sprites.ROWS):
        units = found.units[start : start + sprites.ROWS]
        name = f"{path.as_posix()}/{start // sprites.ROWS + 1:04d}"
        files = sheets.write(name, units, first, with_heat) if sheets.columns else {}
        first += sum(len(unit.cuts) for unit in units)
        grid = [sheets.columns, len(units)]
        for row, unit in enumerate(units):
            yield _record(found.layer, key, unit, row, sheets) | {"files": files, "grid": grid}


def _record(layer: str, key: str, unit: Unit, row: int, sheets: _Sheets) -> Record:
    missing = dict.fromkeys(cut.image for cut in unit.cuts if cut.image in sheets.cut.missing)
    return {
        "name": f"{layer}:{unit.channel}",
        "key": f"{key}-{unit.channel}",
        "status": "done",
        "layer": layer,
        "channel": unit.channel,
        "numbers": {name: short(value) for name, value in unit.numbers.items()},
        "flags": list(unit.flags),
        "details": dict(unit.details),
        "warnings": [sheets.cut.missing[image] for image in missing],
        "patches": [_patch(cut, [column, row], sheets) for column, cut in enumerate(unit.cuts)],
    }


def _patch(cut: Cut, place: list[int], sheets: _Sheets) -> Record:
    photo: PhotoFacts = sheets.cut.photos[cut.image]
    box, window = sheets.box(cut), cut.window
    return {
        "image": photo.name,
        "index": cut.image,
        "value": short(cut.value),
        "place": list(cut.place),
        "window": [short(float(v)) for v in (window.top, window.left, window.bottom, window.right)],
        "photo_box": [short(v) for v in (box.left, box.top, box.right, box.bottom)],
        "clipped": cut.clipped,
        "tile": place,
        **({"missing": True} if cut.image in sheets.cut.missing else {}),
    }
