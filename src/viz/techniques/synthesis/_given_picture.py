"""Pictures that an option names: a style, a guide, a start."""

from pathlib import Path

from viz.core import images as image_files
from viz.core.errors import ImageError, UsageError
from viz.core.fitting import fit_pixels
from viz.core.images import Photo
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray


def given_photo(flag: str, path: str, hint: str = "give the path of an image") -> Photo:
    """The image file that `flag` names. Raises `UsageError` with the reason where it cannot be used."""
    try:
        return image_files.read(Path(path).expanduser())
    except ImageError as problem:
        raise UsageError(f"{flag} {path}: {problem.problem}", problem.next_step or hint) from None


def middle_of(photo: Photo, size: tuple[int, int]) -> FloatArray:
    """The largest part in the middle that has the form of `size`, scaled to it: (3, h, w) in [0, 1]."""
    return fit_pixels(photo.pixels, Preprocess(size=size, crop="center")).pixels
