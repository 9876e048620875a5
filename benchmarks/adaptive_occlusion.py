"""How well `--adaptive` occlusion agrees with the full grid: rank correlation, and where the peaks lie.

    python benchmarks/adaptive_occlusion.py --photos FOLDER --model squeezenet1.1.onnx --preprocess imagenet
    python benchmarks/adaptive_occlusion.py --photos FOLDER --model squeezenet1.1.onnx --preprocess imagenet --uniform 8

The folder has a boxes.json (docs/how-to/images.md) with each photo's class_index and boxes. Every
photo is mapped twice, with all positions and with a share of them. Spearman's correlation is taken over all positions
of the grid, where those interpolated count as they are, and over the pixels of the map; medians are printed. The
pointing game is that of `viz evaluate`, with its tolerance of 15 pixels. `estimate` is what adaptive occlusion itself
reports of the correlation by position, from the positions that it holds out.
`--uniform` maps a plain coarser grid in place of the adaptive one, for comparison.
"""

import argparse
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from viz import ModelOptions, load
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.images import MAX_PIXELS, fit, read
from viz.core.metric import Explained
from viz.core.result import HeatMap
from viz.core.target import Target, class_target, targets_for
from viz.core.true_regions import TrueRegion, region_of
from viz.core.truths import Known, known_of
from viz.techniques.attribution.occlusion import Occlusion
from viz.techniques.metrics._similarity import rank_correlation
from viz.techniques.metrics.pointing_game import PointingGame


@dataclass(frozen=True)
class Photo:
    """What is mapped, for what, and where its object is."""

    name: str
    image: np.ndarray
    target: Target
    region: TrueRegion | None


def main() -> None:
    """Map every photo twice, and print how the two agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, type=Path)
    parser.add_argument("--limit", type=int, help="photos; default: all")
    parser.add_argument("--target", default="label", help="label, or top1: the class that the model predicts")
    parser.add_argument("--class-offset", type=int, default=0, help="1 where class 0 of the model is the background")
    parser.add_argument("--patch", type=int)
    parser.add_argument("--stride", type=int, default=4)
    parser.add_argument("--positions", type=float, default=0.25)
    parser.add_argument("--uniform", type=int, metavar="STRIDE", help="a plain grid in place of the adaptive one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", required=True)
    for flag in ("--preprocess", "--crop", "--size"):
        parser.add_argument(flag)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    given = {name: getattr(options, name) for name in ("preprocess", "crop", "size", "threads")}
    model = BatchedAdapter(load(options.model, ModelOptions(**{k: v for k, v in given.items() if v is not None})))
    full = Occlusion(patch=options.patch, stride=options.stride, seed=options.seed)
    report([compared(model, photo, full, other(options)) for photo in photos(model, options)])


def other(options: argparse.Namespace) -> Occlusion:
    """What the full grid is compared with."""
    if options.uniform:
        return Occlusion(patch=options.patch, stride=options.uniform)
    return Occlusion(
        patch=options.patch, stride=options.stride, adaptive=True, positions=options.positions, seed=options.seed
    )


def photos(model: Adapter, options: argparse.Namespace) -> Iterator[Photo]:
    """The photos whose class and object are known, as the model sees them."""
    files = sorted(p for p in options.photos.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    for file, known in list(zip(files, known_of(files, []), strict=True))[: options.limit]:
        photo = read(file)
        fitted = fit(photo, model.preprocess)
        image = fitted.pixels[None]
        region = region_of(known, photo.pixels.shape[:2], fitted.box, model.size, MAX_PIXELS)
        yield Photo(file.name, image, target_of(model, image, known, options), region)


def target_of(model: Adapter, image: np.ndarray, known: Known | None, options: argparse.Namespace) -> Target:
    """The true class, by its index, or what else was asked for."""
    if options.target != "label":
        return targets_for(options.target, model, image)[0]
    assert known is not None, "boxes.json gives no class: --target top1"
    return class_target(model, known.said["class_index"] + options.class_offset)


def compared(model: Adapter, photo: Photo, full: Occlusion, other: Occlusion) -> dict[str, Any]:
    """One photo's figures."""
    [all_of_it], [part] = (one(model, photo.image, [photo.target]) for one in (full, other))
    assert isinstance(all_of_it, HeatMap) and isinstance(part, HeatMap)
    same_grid = part.arrays["drops"].shape == all_of_it.arrays["drops"].shape
    by_position = rank_correlation(part.arrays["drops"], all_of_it.arrays["drops"]) if same_grid else float("nan")
    figures = {
        "share": part.numbers.get("positions_computed", part.arrays["drops"].size) / all_of_it.arrays["drops"].size,
        "by position": by_position,
        "by pixel": rank_correlation(part.heat, all_of_it.heat),
        "estimate": part.numbers.get("rank_correlation_estimate", float("nan")),
        "hit, full": pointed(model, photo, full, all_of_it),
        "hit": pointed(model, photo, other, part),
    }
    print(f"{photo.name}: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.items()), flush=True)
    return figures


def pointed(model: Adapter, photo: Photo, technique: Occlusion, found: HeatMap) -> float:
    """The pointing game on one map: 1, 0, or NaN where the model sees nothing of the object."""
    one = Explained(model, technique, photo.image, [photo.target], [found], [photo.region], lambda part: model)
    return float(PointingGame()(one).values[0])


def report(found: list[dict[str, Any]]) -> None:
    """Medians of the correlations, and how often the peak lies on the object."""
    print(f"{len(found)} photos")
    for name in ("by position", "by pixel", "estimate"):
        values = [one[name] for one in found]
        print(f"rank correlation, {name:12} median {statistics.median(values):.4f}  lowest {min(values):.4f}")
    print(f"positions computed             at most {max(one['share'] for one in found):.4f} of all")
    known = [one for one in found if not np.isnan(one["hit"])]
    hits, full = (int(sum(one[name] for one in known)) for name in ("hit", "hit, full"))
    changed = sum(one["hit"] != one["hit, full"] for one in known)
    print(f"pointing game                  {hits} hits, full grid {full}, of {len(known)}; {changed} photo(s) changed")


if __name__ == "__main__":
    main()
