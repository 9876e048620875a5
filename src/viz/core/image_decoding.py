"""Decoding image files of any common format, depth and colour model to upright RGB, and saying why not."""

import importlib
import io
import struct
import warnings
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from viz.core.errors import ImageError

Pixels = NDArray[np.uint8]

# Only formats that Pillow decodes by itself: its EPS plugin, say, would hand the file to Ghostscript.
_FORMATS = {
    "JPEG": "Jpeg",
    "PNG": "Png",
    "WEBP": "WebP",
    "BMP": "Bmp",
    "DIB": "Bmp",
    "TIFF": "Tiff",
    "GIF": "Gif",
    "PPM": "Ppm",
    "AVIF": "Avif",
    "JPEG2000": "Jpeg2K",
}

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112  # the EXIF tag

# EXIF oddities do not matter for the pixels. Set once: changing filters around each call is not thread-safe.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")


def decode(data: bytes, background: tuple[int, int, int], max_pixels: int) -> Image.Image:
    """An image file's bytes as an upright RGB image; alpha is laid over `background`.

    The size is checked before anything is decoded. Raises `ImageError` with the reason in words.
    """
    try:
        with _opened(data) as image:
            _check_pixels(image.size, max_pixels)
            image.load()  # before asking for the orientation: TIFF is turned in here, PNG may name it last
            return _rgb(_turned(image), background)
    except ImageError:
        raise
    except Exception as problem:  # decoders raise almost anything on a broken file, SyntaxError included
        raise ImageError(f"broken image: {_in_words(problem)}") from None


def _opened(data: bytes) -> ImageFile.ImageFile:
    """What `Image.open` does, without its own limit on pixels, which belongs to the whole process."""
    failure = ""
    for name, (factory, accept) in _plugins().items():
        if accept is not None and accept(data[:16]) is not True:
            continue
        try:
            image: ImageFile.ImageFile = factory(io.BytesIO(data), "")
        except (SyntaxError, IndexError, TypeError, struct.error) as problem:  # not this format, or damaged
            failure = f"damaged {name}: {_in_words(problem)}"
        else:
            return image
    raise ImageError(failure or f"not an image that can be read ({_looks_like(data)})")


@cache
def _plugins() -> dict[str, tuple[Any, Any]]:
    for module in _FORMATS.values():
        importlib.import_module(f"PIL.{module}ImagePlugin")
    return {name: Image.OPEN[name] for name in _FORMATS if name in Image.OPEN}


def _in_words(problem: Exception) -> str:
    """What a decoder raised, said so that it means something to who took the photo."""
    words = {
        "not identified by this driver": "its header names no size or colours",
        "could not create decoder object": "the file is incomplete",
    }
    if isinstance(problem, struct.error | IndexError):
        return "the file ends too early"
    return words.get(str(problem), str(problem)) or type(problem).__name__


def _check_pixels(size: tuple[int, int], limit: int) -> None:
    if size[0] * size[1] > limit:
        raise ImageError(
            f"{size[0]} x {size[1]} is {size[0] * size[1]:,} pixels, over the limit of {limit:,}",
            "raise it with --max-pixels if you trust the file",
        )


def _turned(image: Image.Image) -> Image.Image:
    """The image as its EXIF orientation means it; unreadable EXIF counts as none, as in any viewer."""
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:
        return image
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _rgb(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_deep_gray(np.asarray(image), image.info.get("transparency"), background))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        over = Image.new("RGBA", image.size, (*background, 255))
        image = Image.alpha_composite(over, image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")


def _deep_gray(values: NDArray[Any], transparent: object, background: tuple[int, int, int]) -> Pixels:
    """16-bit whole numbers scaled by their full range; floating-point images must be in [0, 1]."""
    pixels = np.repeat(_to_8_bits(values)[:, :, None], 3, axis=2)
    if isinstance(transparent, int):
        pixels[values == transparent] = background
    return pixels


def _to_8_bits(values: NDArray[Any]) -> Pixels:
    if values.dtype.kind == "f":
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
            raise ImageError("floating-point pixels outside 0..1", "save the image with 8 or 16 bits per channel")
        return (values * 255).round().astype(np.uint8)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError("32-bit pixels outside 0..65535", "save the image with 8 or 16 bits per channel")
    return (values.astype(np.float64) / 257).round().astype(np.uint8)


_NOT_IMAGES = {
    b"%PDF": "a PDF",
    b"%!PS": "PostScript",
    b"PK": "a ZIP archive or an office document",
    b"version https://git-lfs": "a Git LFS pointer: run `git lfs pull`",
    b"<svg": "an SVG drawing",
    b"<": "text such as HTML or SVG",
}


def _looks_like(data: bytes) -> str:
    start = data[:64].lstrip()
    for magic, name in _NOT_IMAGES.items():
        if start.startswith(magic):
            return f"it looks like {name}"
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return "it looks like HEIC: convert it to JPEG"
    if data[:64].isascii() and data[:64].decode().replace("\n", " ").replace("\r", " ").isprintable():
        return f"it looks like text: {data[:24].decode()!r}"
    return f"it starts with {data[:8]!r}"
