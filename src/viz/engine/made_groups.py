"""What a maker is to make, with names for its files, and which of it an earlier attempt has finished."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from viz.core.discovery import SUFFIXES
from viz.core.errors import ImageError, UsageError
from viz.core.image_names import readable, unique_keys_of_names
from viz.core.making import Piece
from viz.engine.photo_files import PhotoFiles
from viz.engine.run_folder import Record, RunFolder


@dataclass(frozen=True)
class Planned:
    """A piece and the base name of its files."""

    piece: Piece
    key: str

    @property
    def name(self) -> str:
        """What people call it."""
        return readable(self.piece.name)


def planned(groups: Sequence[Sequence[Piece]]) -> list[list[Planned]]:
    """Every piece with its key. Raises `UsageError` where two have one name, or there is nothing to make."""
    names = [piece.name for group in groups for piece in group]
    if not names:
        raise UsageError("these options leave nothing to make", "`--help` says what each of them means")
    if twice := next((name for name, count in Counter(names).items() if count > 1), None):
        raise UsageError(f"two of the images that are to be made are called {twice!r}", "ask for each of them once")
    keys = iter(unique_keys_of_names(names, SUFFIXES))
    return [[Planned(piece, next(keys)) for piece in group] for group in groups if group]


def in_share(groups: Sequence[list[Planned]], limit: int | None, share: tuple[int, int]) -> list[list[Planned]]:
    """Only the first `limit` pieces, then this share's groups; keys do not depend on either."""
    which, count = share
    left = limit if limit is not None else sum(map(len, groups))
    limited = []
    for group in groups:
        limited.append(group[:left])
        left -= len(limited[-1])
    return [group for group in limited if group][which - 1 :: count]


def finished(
    group: Sequence[Planned], before: Mapping[str, Record], folder: RunFolder, photos: PhotoFiles
) -> list[Record]:
    """The records of a group as an earlier attempt left them; empty where any of it has to be made again.

    Pieces of a group share one optimization, and only all of them together give the same bytes.
    """
    records = [before.get(one.name, {}) for one in group]
    whole = all(
        _holds(record, one, photos) and folder.has_files_of(record) for record, one in zip(records, group, strict=True)
    )
    others: Mapping[str, str] = records[0].get("other_photos", {})
    return records if whole and all(photos.still_has(*photo) for photo in others.items()) else []


def _holds(record: Record, one: Planned, photos: PhotoFiles) -> bool:
    """Whether a piece is settled, and its photo is still what it was."""
    if not record or record.get("unfinished"):
        return False
    if one.piece.photo is None:
        return True
    if sha256 := record.get("sha256"):
        return photos.still_has(photos.names[one.piece.photo], sha256)
    return isinstance(photos.attempt(one.piece.photo), ImageError)  # it could not be decoded, and still cannot
