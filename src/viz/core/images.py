"""Photos as pixels: read from files, fitted to a model's input, written as PNG."""

import hashlib
import io
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from viz.core import image_decoding
from viz.core.errors import ImageError
from viz.core.fitting import Box, Fitted, fit_image, fit_pixels
from viz.core.preprocess import Preprocess
from viz.core.remote_paths import is_remote_path, read_bytes
from viz.core.result import FloatArray

__all__ = [
    "MAX_PIXELS",
    "Box",
    "Decoded",
    "Fitted",
    "Photo",
    "Pixels",
    "fit",
    "png_bytes",
    "read",
    "read_image",
    "to_bytes",
    "to_float",
]

Pixels = image_decoding.Pixels

MAX_PIXELS = 178_956_970  # Pillow's own limit against decompression bombs, about 178 megapixels
_MOST_BYTES_PER_PIXEL = 16  # four channels of 32 bits, and no compression
_ROOM_FOR_METADATA = 1 << 26


@dataclass(frozen=True)
class Photo:
    """A decoded image at its own resolution, upright: pixels (h, w, 3) RGB uint8, and its file's hash."""

    pixels: Pixels
    sha256: str

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]


@dataclass(frozen=True)
class Decoded:
    """The same as Pillow holds it, which can be fitted without another copy; `photo()` makes one."""

    image: Image.Image
    sha256: str

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.height, self.image.width

    def photo(self) -> Photo:
        """With the pixels as an array."""
        return Photo(np.array(self.image), self.sha256)


def read(path: Path, background: tuple[int, int, int] = (255, 255, 255), max_pixels: int = MAX_PIXELS) -> Photo:
    """Decode an image file: EXIF orientation applied, alpha laid over `background`, any depth to 8 bits.

    JPEG, PNG, WebP, BMP, TIFF, GIF (first frame), PNM, AVIF and JPEG 2000; gray, palette, 16-bit and
    CMYK become RGB. Raises `ImageError` with the reason in words.
    """
    return read_image(path, background, max_pixels).photo()


def read_image(path: Path, background: tuple[int, int, int], max_pixels: int) -> Decoded:
    """`read` before the pixels are an array."""
    data = _bytes_of(path, max_pixels)
    return Decoded(image_decoding.decode(data, background, max_pixels), hashlib.sha256(data).hexdigest())


def fit(photo: Photo | Decoded, preprocess: Preprocess) -> Fitted:
    """Resize (with antialiasing) and crop a photo to the model's input size, as `preprocess` says."""
    if isinstance(photo, Decoded):
        return fit_image(photo.image, preprocess)
    return fit_pixels(photo.pixels, preprocess)


def to_float(pixels: Pixels) -> FloatArray:
    """(h, w, 3) uint8 -> (3, h, w) float32 in [0, 1]."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)


def to_bytes(pixels: FloatArray) -> Pixels:
    """(3, h, w) float in [0, 1] -> (h, w, 3) uint8, rounded and clipped."""
    return np.ascontiguousarray((np.clip(pixels, 0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0))


def png_bytes(pixels: Pixels, noisy: bool = False) -> bytes:
    """(h, w, 3) or (h, w) uint8 as a PNG file's bytes; the same pixels give the same bytes.

    `noisy` leaves compression out, which would take its time and save next to nothing.
    """
    buffer = io.BytesIO()
    # Level 1 is twice as fast as the default, and no larger for pictures.
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=0 if noisy else 1)
    return buffer.getvalue()


def _bytes_of(path: Path, max_pixels: int) -> bytes:
    most = max_pixels * _MOST_BYTES_PER_PIXEL + _ROOM_FOR_METADATA
    try:
        if not is_remote_path(path):  # to ask about a remote one would take as long as to read it
            _check_file(path, max_pixels, most)
        data = read_bytes(path, most + 1)
    except OSError as problem:
        raise ImageError(f"cannot be read: {problem.strerror or problem}") from None
    if not data:
        raise ImageError("empty file (0 bytes)")
    if len(data) > most:
        raise _too_large(f"over {most:,}", max_pixels)
    return data


def _check_file(path: Path, max_pixels: int, most: int) -> None:
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise ImageError("a folder, not a file")
    if not stat.S_ISREG(status.st_mode):  # reading a pipe or a device might never end
        raise ImageError("not a regular file")
    if status.st_size > most:
        raise _too_large(f"{status.st_size:,}", max_pixels)


def _too_large(size: str, max_pixels: int) -> ImageError:
    return ImageError(
        f"{size} bytes, more than an image of {max_pixels:,} pixels can have",
        "raise --max-pixels if you trust the file",
    )
