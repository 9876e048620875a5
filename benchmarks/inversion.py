"""Inversion: the normalised error of `viz invert` against a plain transcription of the paper's optimization.

    python benchmarks/inversion.py PHOTO… [--model zoo:shapes] [--preprocess imagenet] [--steps 300] [--layers 6]

Mahendran & Vedaldi 2015 (arXiv 1412.0035), section 3: x - mean of unit norm times sigma, loss plus lambda_alpha
|x|_6^6 and lambda_V TV, momentum 0.9, a learning rate that falls by factors of ten. The transcription follows the
formulas line by line and does nothing else. As the paper's learning rate is tuned by hand, it runs with several, and
the smallest error counts; and as its penalties hold the error up, once more with penalties a hundredth as strong.
Errors are those of the 8-bit image through the forward runtime, for both, after the same number of steps. The exit
code is 1 where the error of viz is the larger in any layer, as a median over the photos.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from viz import ModelOptions
from viz.core.adapter import Adapter
from viz.core.images import Photo, fit, read
from viz.core.making import GivenPhoto, Picture, Piece, Watch, rounded
from viz.core.result import FloatArray
from viz.models import open_model
from viz.techniques.synthesis._layer_choice import spread
from viz.techniques.synthesis._stages import stages
from viz.techniques.synthesis._starts import models_zero
from viz.techniques.synthesis.invert import Invert

RATES = (0.004, 0.0004, 0.04, 0.4)  # the paper tunes its own by hand
FALLS = (1.0, 0.1, 0.01, 0.001)  # a quarter of the steps each
LAMBDA_ALPHA = 2.16e8  # for 227 x 227 x 3 values; by section 3.2, it goes with sigma^6 / values, so with values^2
VALUES = 227 * 227 * 3
LAMBDAS_TV = (5.0, 50.0, 500.0)  # for the first, second and last third of the layers


def by_paper(model: Adapter, layer: str, seen: FloatArray, steps: int, rate: float, part: float, deep: int) -> float:
    """The error that the paper's optimization reaches; `part` scales its penalties."""
    image = torch.from_numpy(seen)[None]
    mean = 255 * torch.tensor(models_zero(model.preprocess)).view(1, 3, 1, 1)
    sigma = (255 * image - mean).norm()
    with torch.no_grad():
        phi0 = model.trace(image, [layer]).values[layer].clone()
    x = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    x = x / x.norm()
    momentum, lambda_alpha = torch.zeros_like(x), LAMBDA_ALPHA * (x.numel() / VALUES) ** 2
    for step in range(steps):
        x.requires_grad_()
        phi = model.trace((sigma * x + mean) / 255, [layer]).values[layer]
        across, down = x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]
        loss = ((phi - phi0) ** 2).sum() / (phi0**2).sum()
        loss = loss + part * lambda_alpha * (x**6).sum()
        loss = loss + part * LAMBDAS_TV[deep] * ((across**2).sum() + (down**2).sum())
        (gradient,) = torch.autograd.grad(loss, x)
        momentum = 0.9 * momentum - rate * FALLS[len(FALLS) * step // steps] * gradient
        x = (x + momentum).detach()
    return error_of(model, layer, seen, ((sigma * x + mean) / 255).clamp(0, 1)[0].numpy())


def error_of(model: Adapter, layer: str, seen: FloatArray, made: FloatArray) -> float:
    """|phi(x) - phi0|^2 / |phi0|^2 of the image in 8 bits; infinite for one that is not finite."""
    if not np.isfinite(made).all():
        return float("inf")
    phi0, phi = (model.run(one[None], [layer])[layer].astype(np.float64) for one in (seen, rounded(made)))
    return float(((phi - phi0) ** 2).sum() / (phi0**2).sum())


def by_viz(model: Adapter, layer: str, photo: Photo, steps: int) -> Picture:
    """What `viz invert --steps` makes."""
    piece, given = Piece("photo", layer, 0), GivenPhoto("photo", photo)
    (picture,) = Invert(layer=(layer,), steps=steps)(model, [piece], [given], (), Watch())  # type: ignore[arg-type]
    assert isinstance(picture, Picture), picture
    return picture


def compared(model: Adapter, layer: str, deep: int, photos: Sequence[Photo], steps: int) -> dict[str, Any]:
    """Medians over the photos of all errors, and of the PSNR and the time of viz."""
    found: dict[str, list[float]] = {"viz": [], "psnr": [], "seconds": [], "paper": [], "paper / 100": []}
    for photo in photos:
        seen = fit(photo, model.preprocess).pixels
        start = time.perf_counter()
        picture = by_viz(model, layer, photo, steps)
        found["seconds"].append(time.perf_counter() - start)
        found["viz"].append(float(picture.numbers["error"]))
        found["psnr"].append(float(picture.numbers["psnr"]))
        for name, part in (("paper", 1.0), ("paper / 100", 0.01)):
            found[name].append(min(by_paper(model, layer, seen, steps, rate, part, deep) for rate in RATES))
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> int:
    """Print a row for each layer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--model", default="zoo:shapes")
    parser.add_argument("--preprocess", default=None)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--layers", type=int, default=6)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    model = open_model(asked.model, ModelOptions(preprocess=asked.preprocess))
    photos = [read(path) for path in asked.photos]
    print(f"{model.source.name}, {len(photos)} photos, {asked.steps} steps; medians of the normalised error")
    print(f"{'layer':32} {'viz':>9} {'paper':>9} {'paper/100':>9} {'PSNR':>6} {'s':>6}")
    worse = 0
    chosen = spread(stages(model), asked.layers)
    for index, layer in enumerate(chosen):
        one = compared(model, layer, 3 * index // len(chosen), photos, asked.steps)
        worse += one["viz"] > min(one["paper"], one["paper / 100"])
        errors = " ".join(f"{one[name]:9.5f}" for name in ("viz", "paper", "paper / 100"))
        print(f"{layer[-32:]:32} {errors} {one['psnr']:6.1f} {one['seconds']:6.1f}", flush=True)
    return int(worse > 0)


if __name__ == "__main__":
    raise SystemExit(main())
