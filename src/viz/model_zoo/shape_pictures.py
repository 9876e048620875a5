"""Pictures of ten shapes over clutter, each with its true mask: test data that needs no download.

Every picture follows from (seed, index) alone; colour, texture, area, turn and place tell nothing of its
class, so a model must look at the outline.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

REFERENCE_SIZE = 96  # lengths below are in pixels of a picture this wide, and scale with others
SUPERSAMPLE = 4  # outlines are filled this much larger and averaged down: smooth edges
MARGIN = 2.0  # free pixels between a shape and the frame
ROOT_AREA = (28.0, 44.0)  # square root of a shape's area: equal area, so that size gives no class away
SQUEEZE = 1.12  # how far a shape may be stretched along one axis and squeezed along the other
CONTRAST = 0.45  # least distance in RGB between a shape's colours and those around it


@dataclass(frozen=True)
class ShapePicture:
    """One labelled picture: pixels (h,w,3) uint8 RGB, mask (h,w) bool, label an index into LABELS."""

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    label: int


def draw(index: int, seed: int = 0, size: int = REFERENCE_SIZE, *, with_shape: bool = True) -> ShapePicture:
    """The picture that (seed, index) name; its label is index % 10, so `range(n)` makes a balanced set.

    Without its shape, the same picture shows what lies behind; the mask still says where the shape would be.
    """
    rng = np.random.default_rng((seed, index))
    label = index % len(LABELS)
    coverage = _shape_coverage(rng, LABELS[label], size)
    fill = _random_colour(rng)
    picture = _background(rng, size, avoid=fill)
    surface = _surface(rng, size, fill, spread=0.3)  # drawn in either case, so that what follows is the same
    if with_shape:
        picture = _laid_over(picture, surface, coverage)
    return ShapePicture(_camera(rng, picture), coverage >= 0.5, label)


def write_samples(folder: Path | str, count: int, seed: int = 0) -> list[Path]:
    """Write `images/NNNN_label.png`, `masks/NNNN_label.png` (255 inside) and `labels.json`; the image paths.

    `labels.json` maps file name -> label, class_index, mask (relative path) and box_xyxy, whose right and
    bottom edges lie just outside the shape, as in `pixels[y0:y1, x0:x1]`.
    """
    root = Path(folder)
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True, exist_ok=True)
    entries = {}
    for index in range(count):
        picture = draw(index, seed)
        name = f"{index:04d}_{LABELS[picture.label]}.png"
        _write_png(root / "images" / name, picture.pixels[..., ::-1])  # cv2 writes BGR
        _write_png(root / "masks" / name, picture.mask.astype(np.uint8) * 255)
        entries[name] = _describe(picture, name)
    _add_labels(root / "labels.json", entries)
    return [root / "images" / name for name in entries]


def _add_labels(path: Path, entries: dict[str, dict[str, object]]) -> None:
    """Write the entries, beside those of pictures that an earlier call left in the folder."""
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**before, **entries}, indent=1) + "\n", encoding="utf-8")


def _describe(picture: ShapePicture, name: str) -> dict[str, object]:
    rows, columns = np.nonzero(picture.mask)
    box = [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]
    label = LABELS[picture.label]
    return {"label": label, "class_index": picture.label, "mask": f"masks/{name}", "box_xyxy": box}


def _write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    # imencode rather than imwrite: the latter returns False on a full disk and garbles non-ASCII paths
    encoded = cv2.imencode(".png", np.ascontiguousarray(pixels))[1]
    path.write_bytes(encoded.tobytes())


# --- outlines: closed polygons about the origin, any scale ----------------------------------------------


def _regular(corners: int) -> Floats:
    return _polar(np.ones(corners), corners)


def _polar(radii: NDArray[np.floating], points: int) -> Floats:
    angles = np.arange(points) * (2 * np.pi / points) - np.pi / 2
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1).astype(np.float32)


def _heart() -> Floats:
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return np.stack([16 * np.sin(t) ** 3, y], axis=1).astype(np.float32)


def _crescent() -> Floats:
    """A disc without a smaller disc pushed in from the right."""
    bite, offset = 0.82, 0.62
    x = (1 - bite**2 + offset**2) / (2 * offset)  # where the two circles cross
    outer = np.linspace(np.arccos(x), 2 * np.pi - np.arccos(x), 48)
    tip = np.arctan2(-np.sqrt(1 - x**2), x - offset) % (2 * np.pi)
    inner = np.linspace(tip, 2 * np.pi - tip, 32)
    arcs = [(np.cos(outer), np.sin(outer)), (offset + bite * np.cos(inner), bite * np.sin(inner))]
    return np.concatenate([np.stack(arc, axis=1) for arc in arcs]).astype(np.float32)


def _drop() -> Floats:
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    return np.stack([np.sin(t) * np.sin(t / 2) ** 2.2, -1.15 * np.cos(t)], axis=1).astype(np.float32)


def _corners(*points: tuple[float, float]) -> Floats:
    return np.array(points, dtype=np.float32)


def _cross() -> Floats:
    arm = 0.36
    quarter = [(arm, -1.0), (arm, -arm), (1.0, -arm)]
    quarter_turns = np.array([[[1, 0], [0, 1]], [[0, 1], [-1, 0]], [[-1, 0], [0, -1]], [[0, -1], [1, 0]]])
    return np.concatenate(_corners(*quarter) @ quarter_turns).astype(np.float32)


OUTLINES: dict[str, Floats] = {
    "circle": _regular(72),
    "square": _regular(4),
    "triangle": _regular(3),
    "star": _polar(np.tile([1.0, 0.45], 5), 10),
    "cross": _cross(),
    "heart": _heart(),
    "crescent": _crescent(),
    "arrow": _corners((1, 0), (0.1, 0.85), (0.1, 0.34), (-1, 0.34), (-1, -0.34), (0.1, -0.34), (0.1, -0.85)),
    "drop": _drop(),
    "bolt": _corners((-0.2, -1), (-0.8, 0.25), (-0.1, 0.25), (-0.4, 1), (0.8, -0.35), (0.2, -0.35), (0.6, -1)),
}
LABELS: tuple[str, ...] = tuple(OUTLINES)


def _shape_coverage(rng: np.random.Generator, label: str, size: int) -> Floats:
    """How much of each pixel the shape covers, (size,size) in [0,1]; wholly inside the frame."""
    points = _turned_and_stretched(rng, OUTLINES[label])
    scale = size / REFERENCE_SIZE
    area = cv2.contourArea(points)
    points = points * (rng.uniform(*ROOT_AREA) * scale / np.sqrt(area))
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.maximum(size - 2 * MARGIN * scale - (high - low), 0)
    points = points - low + MARGIN * scale + rng.random(2) * room
    canvas = np.zeros((size * SUPERSAMPLE, size * SUPERSAMPLE), np.uint8)
    cv2.fillPoly(canvas, [np.round(points * SUPERSAMPLE).astype(np.int32)], 255)
    coverage: Floats = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return coverage


def _turned_and_stretched(rng: np.random.Generator, outline: Floats) -> Floats:
    stretch = SQUEEZE ** rng.uniform(-1, 1)
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned: Floats = (outline * [stretch, 1 / stretch] @ turn).astype(np.float32)
    return turned


# --- colours and textures: fields (h,w) in [0,1] that mix two colours ------------------------------------


def _random_colour(rng: np.random.Generator) -> Floats:
    return rng.random(3, dtype=np.float32)


def _colour_away_from(rng: np.random.Generator, avoid: Floats) -> Floats:
    """A random colour at least CONTRAST from `avoid`: at least half of all colours qualify."""
    candidates = rng.random((16, 3), dtype=np.float32)
    distances = np.linalg.norm(candidates - avoid, axis=1)
    choice = np.argmax(np.minimum(distances, CONTRAST))  # the first far enough, or else the farthest
    far: Floats = candidates[choice]
    return far


def _surface(rng: np.random.Generator, size: int, colour: Floats, spread: float) -> Floats:
    """`colour` and a second one near it, mixed by a random texture: (size,size,3)."""
    step = rng.normal(size=3)
    second = np.clip(colour + step * (spread * rng.uniform(0.3, 1) / np.linalg.norm(step)), 0, 1)
    field = TEXTURES[rng.integers(len(TEXTURES))](rng, size)
    # per channel, field * (second - colour) + colour
    mixed: Floats = cv2.transform(field, np.stack([second - colour, colour], axis=1))
    return mixed


def _laid_over(below: Floats, above: Floats, opacity: Floats) -> Floats:
    mixed: Floats = below + cv2.merge([opacity] * 3) * (above - below)
    return mixed


def _plain(rng: np.random.Generator, size: int) -> Floats:
    return np.zeros((size, size), np.float32)


def _waves(rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    """Sines along and across a random direction, with a random period, for stripes, checks and dots."""
    angle, period = rng.uniform(0, np.pi), rng.uniform(7, 16) * size / REFERENCE_SIZE
    steps = np.arange(size, dtype=np.float32) * np.float32(2 * np.pi / period)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along = np.sin(steps[None, :] * cosine + steps[:, None] * sine)
    across = np.sin(steps[:, None] * cosine - steps[None, :] * sine)
    return along, across


def _hard_edge(wave: Floats) -> Floats:
    field: Floats = np.clip(wave * 3 + 0.5, 0, 1)  # a slope of a pixel or two: no jagged edges
    return field


def _stripes(rng: np.random.Generator, size: int) -> Floats:
    return _hard_edge(_waves(rng, size)[0])


def _checks(rng: np.random.Generator, size: int) -> Floats:
    along, across = _waves(rng, size)
    return _hard_edge(along * across * 2)


def _dots(rng: np.random.Generator, size: int) -> Floats:
    along, across = _waves(rng, size)
    return _hard_edge(along + across - np.float32(0.8))


def _noise(rng: np.random.Generator, size: int) -> Floats:
    return _clouds(rng, size, cells=int(rng.integers(12, 49)))


def _gradient(rng: np.random.Generator, size: int) -> Floats:
    return _clouds(rng, size, cells=2)


def _clouds(rng: np.random.Generator, size: int, cells: int) -> Floats:
    """Random values on a cells x cells lattice, smoothly in between."""
    lattice = rng.random((cells, cells), dtype=np.float32)
    cloud: Floats = cv2.resize(lattice, (size, size), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    return cloud


TEXTURES: tuple[Callable[[np.random.Generator, int], Floats], ...] = (
    _plain, _stripes, _checks, _dots, _noise, _gradient,
)  # fmt: skip


# --- what lies behind, and the camera --------------------------------------------------------------------


def _background(rng: np.random.Generator, size: int, avoid: Floats) -> Floats:
    """Textures, ragged patches and lines, none of them a shape of a class nor of the colour `avoid`."""
    picture = _surface(rng, size, _colour_away_from(rng, avoid), spread=0.25)
    for _ in range(rng.integers(1, 4)):
        patch = _surface(rng, size, _colour_away_from(rng, avoid), spread=0.2)
        picture = _laid_over(picture, patch, _ragged(rng, size))
    for _ in range(rng.integers(2, 9)):
        ends = rng.integers(-size // 8, size + size // 8, (2, 2)).tolist()
        colour = _colour_away_from(rng, avoid).tolist()
        cv2.line(picture, ends[0], ends[1], colour, int(rng.integers(1, 4)), cv2.LINE_AA)
    return picture


def _ragged(rng: np.random.Generator, size: int) -> Floats:
    """The opacity of irregular islands that cover about a quarter of the picture."""
    heights = _clouds(rng, size, cells=int(rng.integers(5, 14)))
    opacity: Floats = np.clip((heights - rng.uniform(0.55, 0.7)) * 8, 0, 1)
    return opacity


def _camera(rng: np.random.Generator, picture: Floats) -> NDArray[np.uint8]:
    """A little sensor noise, then eight bits."""
    grain = rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(rng.uniform(0, 0.04))
    return np.clip((picture + grain) * 255 + np.float32(0.5), 0, 255).astype(np.uint8)
