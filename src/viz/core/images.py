"""Files and pixels: finding images, decoding them safely, fitting them to a model's input."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from viz.core.errors import ImageError
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray

Pixels = NDArray[np.uint8]

MAX_PIXELS = 178_956_970  # Pillow's own limit against decompression bombs, about 178 megapixels

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}


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
class Box:
    """A rectangle on a photo, in its pixels, edges not centres: left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Fitted:
    """What the model sees of a photo: pixels (3, h, w) float32 in [0, 1], and the part of it that this is."""

    pixels: FloatArray
    box: Box


def read(path: Path, background: tuple[int, int, int] = (255, 255, 255), max_pixels: int = MAX_PIXELS) -> Photo:
    """Decode an image file: EXIF orientation applied, alpha laid over `background`, any depth to 8 bits.

    JPEG, PNG, WebP, BMP, TIFF, GIF (first frame) and whatever else Pillow reads; gray, palette, 16-bit
    and CMYK become RGB. Raises `ImageError` with the reason in words.
    """
    data = _bytes_of(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit is checked below; EXIF oddities do not matter
            with Image.open(io.BytesIO(data)) as image:
                _check_pixels(image.size, max_pixels)
                upright = ImageOps.exif_transpose(image)
                pixels = _rgb(upright, background)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"not an image that can be read ({_looks_like(data)})") from None
    except Image.DecompressionBombError:
        raise ImageError(f"more than twice {MAX_PIXELS} pixels", "such a file can exhaust memory") from None
    except Exception as problem:  # decoders raise almost anything on a broken file, SyntaxError included
        raise ImageError(f"broken image: {problem or type(problem).__name__}") from None
    return Photo(pixels, hashlib.sha256(data).hexdigest())


def fit(photo: Photo, preprocess: Preprocess) -> Fitted:
    """Resize (with antialiasing) and crop a photo to the model's input size, as `preprocess` says."""
    image = Image.fromarray(photo.pixels)
    height, width = preprocess.size
    method = _RESAMPLING[preprocess.interpolation]
    if preprocess.crop == "center":
        scaled, box = _centre(image, preprocess)
    else:
        part = 1.0 if preprocess.crop == "none" else float(preprocess.crop)
        box = _central(image.size, part)
        scaled = image.resize((width, height), method, box=(box.left, box.top, box.right, box.bottom))
    return Fitted(to_float(np.asarray(scaled)), box)


def to_float(pixels: Pixels) -> FloatArray:
    """(h, w, 3) uint8 -> (3, h, w) float32 in [0, 1]."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)


def to_bytes(pixels: FloatArray) -> Pixels:
    """(3, h, w) float in [0, 1] -> (h, w, 3) uint8, rounded and clipped."""
    return np.ascontiguousarray((np.clip(pixels, 0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0))


def png_bytes(pixels: Pixels) -> bytes:
    """(h, w, 3) or (h, w) uint8 as a PNG file's bytes; the same pixels give the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _centre(image: Image.Image, preprocess: Preprocess) -> tuple[Image.Image, Box]:
    """Short side to `resize_short`, then the middle: the evaluation transform of most training code."""
    height, width = preprocess.size
    if preprocess.resize_short is None:
        scale = max(height / image.height, width / image.width)
        size = max(width, round(image.width * scale)), max(height, round(image.height * scale))
    else:
        short = min(image.size)
        size = tuple(int(side * preprocess.resize_short / short) for side in image.size)  # type: ignore[assignment]
    scaled = image if size == image.size else image.resize(size, _RESAMPLING[preprocess.interpolation])
    left, top = round((size[0] - width) / 2), round((size[1] - height) / 2)
    across, down = image.width / size[0], image.height / size[1]
    box = Box(left * across, top * down, (left + width) * across, (top + height) * down)
    return scaled.crop((left, top, left + width, top + height)), box


def _central(size: tuple[int, int], part: float) -> Box:
    width, height = size
    left, top = (width - width * part) / 2, (height - height * part) / 2
    return Box(left, top, width - left, height - top)


def _bytes_of(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        raise ImageError("a folder, not a file") from None
    except OSError as problem:
        raise ImageError(f"cannot be read: {problem.strerror or problem}") from None
    if not data:
        raise ImageError("empty file (0 bytes)")
    return data


def _check_pixels(size: tuple[int, int], limit: int) -> None:
    if size[0] * size[1] > limit:
        raise ImageError(
            f"{size[0]} x {size[1]} is {size[0] * size[1]:,} pixels, over the limit of {limit:,}",
            "raise it with --max-pixels if you trust the file",
        )


def _rgb(image: Image.Image, background: tuple[int, int, int]) -> Pixels:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        gray = _deep_gray(np.asarray(image))
        return np.ascontiguousarray(np.repeat(gray[:, :, None], 3, axis=2))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        over = Image.new("RGBA", image.size, (*background, 255))
        image = Image.alpha_composite(over, image.convert("RGBA"))
    return np.array(image.convert("RGB"))


def _deep_gray(values: NDArray[Any]) -> Pixels:
    """16-bit whole numbers scaled by their full range; floating-point images must be in [0, 1]."""
    if values.dtype.kind == "f":
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
            raise ImageError("floating-point pixels outside 0..1", "save the image with 8 or 16 bits per channel")
        return (values * 255).round().astype(np.uint8)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError("32-bit pixels outside 0..65535", "save the image with 8 or 16 bits per channel")
    return (values.astype(np.float64) / 257).round().astype(np.uint8)


def _looks_like(data: bytes) -> str:
    known = {b"%PDF": "a PDF", b"PK": "a ZIP archive", b"<svg": "an SVG", b"<": "text such as HTML or SVG"}
    for magic, name in known.items():
        if data.lstrip()[:16].startswith(magic):
            return f"it looks like {name}"
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1"):
        return "it looks like HEIC: convert it to JPEG"
    return f"it starts with {data[:8]!r}"
