"""Variants by windows and by whole passes, and how far apart they are: the whole passes are the slow twin."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from viz.core.adapter import Adapter
from viz.core.batched_patches import largest_difference
from viz.core.batching import BatchedAdapter
from viz.core.patches import Patched

Values = dict[str, np.ndarray]
Size = tuple[int, int]

TOLERANCE = 1e-4  # the bound on logits; the values of the graphs here are of size 1


def noise_images(count: int, size: Size, seed: int = 0) -> np.ndarray:
    """Pictures of whole 255ths, so that a model of bytes rounds nothing: (count, 3, h, w)."""
    whole = np.random.default_rng(seed).integers(0, 256, (count, 3, *size))
    return (whole / 255).astype(np.float32)


def every_place(size: Size, side: int, stride: int = 1, images: int = 1) -> np.ndarray:
    """All places of a square, at most `stride` apart, the last ones at the border: (n, 3)."""
    tops, lefts = (np.unique([*range(0, length - side + 1, stride), length - side]) for length in size)
    image, top, left = np.meshgrid(np.arange(images), tops, lefts, indexing="ij")
    return np.stack([image.ravel(), top.ravel(), left.ravel()], axis=1)


def some_places(size: Size, side: int, count: int, images: int = 1, seed: int = 0, stride: int = 1) -> np.ndarray:
    """Corners, middles of the edges and places drawn from all, in no order, some of them twice: (n, 3)."""
    rng = np.random.default_rng(seed)
    ends = [(0, length - side, (length - side) // 2) for length in size]
    border = [(0, top, left) for top in ends[0] for left in ends[1]]
    every = every_place(size, side, stride, images)
    drawn = every[rng.integers(0, len(every), count)]
    return rng.permutation(np.concatenate([border, drawn, drawn[:3]]))


def noise_patched(size: Size, side: int, places: np.ndarray, seed: int = 0) -> Patched:
    """Squares of noise on noise: no two pixels, images or fills alike."""
    count = int(places[:, 0].max()) + 1
    return Patched(noise_images(count, size, seed), noise_images(count, size, seed + 1000), side, places)


def by_windows(model: Adapter, patched: Patched, layers: Sequence[str], at_once: int = 16) -> Values:
    """Values of all variants by windows, whatever becomes of the check that `BatchedAdapter` makes first."""
    plan, runner = model.patch_plan(patched.side, layers), model.patch_runner(patched.side, layers)
    assert runner is not None, f"no windows: {plan.reason}"
    assert plan.reason == ""
    begun = runner.begin(patched.images, patched.fills)
    values: Values = {}
    seen = np.zeros(len(patched), int)
    for rows in runner.batches(patched.places, at_once):
        seen[rows] += 1
        for name, found in runner.run(begun, patched.places[rows]).items():
            assert len(found) == len(rows)
            values.setdefault(name, np.full((len(patched), *found.shape[1:]), np.nan, found.dtype))[rows] = found
    assert (seen == 1).all(), "every variant is computed once"
    return values


def by_whole_passes(model: Adapter, patched: Patched, layers: Sequence[str]) -> Values:
    """Values of all variants, each through the whole network."""
    return BatchedAdapter(model, 64).run_patched(replace(patched, by_windows=False), layers)


def assert_same_both_ways(
    model: Adapter, patched: Patched, layers: Sequence[str], tolerance: float = TOLERANCE
) -> float:
    """The largest difference, in units of the largest value; fails above `tolerance`.

    Fails also where the variants do not differ by far more than that: then being the same says nothing.
    """
    whole, ours = by_whole_passes(model, patched, layers), by_windows(model, patched, layers)
    assert set(ours) == set(layers)
    worst = 0.0
    for name in layers:
        assert ours[name].shape == whole[name].shape
        assert ours[name].dtype == whole[name].dtype
        scale = float(np.abs(whole[name]).max())
        spread = float(np.ptp(whole[name], axis=0).max())
        assert spread > 5 * tolerance * scale, f"{name} hardly depends on the square: {spread} of {scale}"
        worst = max(worst, largest_difference(ours, whole, [name]) / scale)
    assert worst <= tolerance, f"off by {worst:.2g} of the largest value"
    return worst


def ways(model: Adapter, side: int, layers: Sequence[str]) -> dict[str, str]:
    """window or full, per tensor of the plan."""
    return {layer.name: layer.way for layer in model.patch_plan(side, layers).layers}
