"""Frames as a moving picture: GIF, WebP or MP4."""

import io
import tempfile
from collections.abc import Sequence
from math import ceil
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, features

from viz.core.errors import UsageError
from viz.core.images import Pixels
from viz.render.fitting import enlarged

_SMALLEST = 224  # pixels on the longer side
_HOLD = 1.0  # seconds that the last frame stays
_FASTEST = 0.02  # seconds per frame: browsers slow down what is faster
_CODECS = ("vp09", "avc1", "mp4v")  # browsers play the first two; OpenCV's own builds have the first and the last


def animation_bytes(frames: Sequence[Pixels], suffix: str, seconds: float = 4.0) -> bytes:
    """An animation of frames (h, w, 3) uint8 as a file's bytes; `suffix` is `.gif`, `.webp` or `.mp4`.

    It takes about `seconds` and holds its last frame for one more; GIF and WebP repeat. Tiny frames are
    enlarged by whole pixels to at least 224 on the longer side; frames of several sizes get the largest.
    GIF and WebP have the same bytes every time. Raises `UsageError` for another suffix, or one that
    this machine cannot write; `ValueError` where there is no frame.
    """
    if not frames:
        raise ValueError("an animation needs at least one frame")
    writers = {".gif": _gif, ".webp": _webp, ".mp4": _mp4}
    if suffix not in writers:
        raise UsageError(f"an animation cannot be a {suffix!r} file", "name a file that ends in .gif, .webp or .mp4")
    return writers[suffix](_even(frames), max(_FASTEST, seconds / len(frames)))


def _even(frames: Sequence[Pixels]) -> list[Pixels]:
    """All frames at one size, large enough to see."""
    height, width = (max(frame.shape[axis] for frame in frames) for axis in (0, 1))
    times = ceil(_SMALLEST / max(height, width))
    return [enlarged(_stretched(frame, height, width), times) for frame in frames]


def _stretched(frame: Pixels, height: int, width: int) -> Pixels:
    if frame.shape[:2] == (height, width):
        return frame
    return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _durations(count: int, each: float) -> list[int]:
    """Milliseconds that every frame is shown."""
    return [round(1000 * each)] * (count - 1) + [round(1000 * (each + _HOLD))]


def _gif(frames: Sequence[Pixels], each: float) -> bytes:
    # Every frame has its own 256 colours, or those of the first would do for all.
    images = [Image.fromarray(frame).quantize(256, Image.Quantize.MEDIANCUT) for frame in frames]
    return _saved(images, "GIF", each, optimize=False)


def _webp(frames: Sequence[Pixels], each: float) -> bytes:
    if not features.check("webp"):
        raise UsageError("this machine's Pillow cannot write WebP", "name a file that ends in .gif or .mp4")
    return _saved([Image.fromarray(frame) for frame in frames], "WEBP", each, quality=88, method=3)


def _saved(images: Sequence[Image.Image], kind: str, each: float, **options: int) -> bytes:
    buffer = io.BytesIO()
    durations = _durations(len(images), each)
    first, *others = images
    first.save(buffer, kind, save_all=True, append_images=others, duration=durations, loop=0, **options)
    return buffer.getvalue()


def _mp4(frames: Sequence[Pixels], each: float) -> bytes:
    height, width = (size + size % 2 for size in frames[0].shape[:2])  # video sizes are even
    shown = [_stretched(frame, height, width) for frame in frames]
    shown += [shown[-1]] * round(_HOLD / each)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "animation.mp4"
        writer = _video_writer(path, 1 / each, (width, height))
        for frame in shown:
            writer.write(np.ascontiguousarray(frame[..., ::-1]))  # OpenCV's frames are BGR
        writer.release()
        return path.read_bytes()


def _video_writer(path: Path, rate: float, size: tuple[int, int]) -> "cv2.VideoWriter":
    for codec in _CODECS:
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), rate, size)
        if writer.isOpened():
            return writer
    raise UsageError("this machine's OpenCV cannot write .mp4", "name a file that ends in .gif or .webp")
