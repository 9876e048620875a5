"""Attacks beside Foolbox's: the same network, images, targets and numbers of gradients; what survives being saved.

    pip install foolbox==3.3.4 "scipy<1.15"
    python benchmarks/attacks.py --images 16 --rows PGD
    python benchmarks/attacks.py --model FILE.onnx --preprocess tf --crop 0.875 --photos DIR --first 1 --images 100

Every image is a photo as the model sees it, correctly classified, and its target the least likely class. Foolbox
gets our model as a torch module through `trace`, in the box [0, 1]. Rounds of a few images are interleaved. Smallest
distances: `viz fool` (Szegedy, Carlini-Wagner) and Foolbox's Carlini-Wagner L2, with `--gradients` for each image, as
they are counted; where Foolbox is weaker so, see `--peer-gradients`. Bounded: PGD with equal epsilon, steps and step
sizes. `found` is before rounding, `saved` after: ours as `viz fool` saves it, Foolbox's rounded to 8 bits. A failure
counts as an infinite distance in the medians. DIR holds labels.json with {NAME: {"class_index": INDEX}}; without
`--photos` it is the built-in model on generated pictures.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz import ModelOptions, load
from viz.core.adapter import Adapter
from viz.core.images import Photo, fit, read, to_bytes, to_float
from viz.core.making import GivenPhoto, Picture, Watch
from viz.core.result import FloatArray
from viz.core.target.classes import ranked_classes, scores_of
from viz.model_zoo.shape_pictures import draw
from viz.techniques.attack.fool import Fool

ROUND = 4  # images that a method gets before it is the next one's turn


@dataclass
class Tally:
    """What a method found: L2 distances, infinite where it failed, and what it cost."""

    found: list[float] = field(default_factory=list)
    saved: list[float] = field(default_factory=list)
    gradients: int = 0
    seconds: float = 0.0

    def line(self, name: str) -> str:
        """One row of the table."""
        count = len(self.saved)
        cells = [
            f"{np.isfinite(each).sum():4d}/{count:<3d} {np.median(each):8.4f}" for each in (self.found, self.saved)
        ]
        return f"{name:28} {cells[0]}   {cells[1]}   {self.gradients / count:9.1f} {self.seconds / count:9.2f}"


class Network(torch.nn.Module):
    """The model as a torch module: images (b, 3, h, w) in [0, 1] to class scores (b, classes)."""

    def __init__(self, model: Adapter):
        super().__init__()
        self.model, self.layer = model, scores_of(model).logits
        assert self.layer is not None, "a model that shows scores before its softmax"

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        return self.model.trace(images, (self.layer,)).values[self.layer].flatten(1)


class Gradients:
    """Counts the images that the model is traced with for a gradient, whoever asks."""

    def __init__(self, model: Adapter):
        self.count, self._trace = 0, model.trace
        model.trace = self  # type: ignore[method-assign]

    def __call__(self, images: Tensor, *rest: Any) -> Any:
        """As `Adapter.trace`."""
        self.count += len(images) * images.requires_grad
        return self._trace(images, *rest)


@contextmanager
def measured(tally: Tally, gradients: Gradients) -> Iterator[None]:
    """Adds the time and the gradients of what is done inside."""
    before, start = gradients.count, time.perf_counter()
    yield
    tally.seconds += time.perf_counter() - start
    tally.gradients += gradients.count - before


class Photos(list[GivenPhoto]):
    """Photos in memory."""

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [photo.name for photo in self]


def by_viz(model: Adapter, gradients: Gradients, images: FloatArray, fool: Fool, tally: Tally) -> None:
    """`viz fool` on pictures of the model's own size."""
    photos = Photos(GivenPhoto(f"{i}.png", Photo(to_bytes(image), "")) for i, image in enumerate(images))
    (pieces,) = fool.pieces(model, photos)
    with measured(tally, gradients):
        made = fool(model, pieces, photos, photos, Watch())
    for picture in made:
        assert isinstance(picture, Picture), picture
        tally.found.append(float(picture.numbers.get("l2_unrounded", np.inf)))
        tally.saved.append(float(picture.numbers["l2"]) if picture.numbers["success"] else np.inf)


def by_foolbox(model: Adapter, gradients: Gradients, images: FloatArray, peer: Any, tally: Tally) -> None:
    """An attack of Foolbox's, with the radius it may go or None, towards the least likely classes."""
    import foolbox

    attack, epsilon = peer
    targets = classes(model, images, -1)
    criterion = foolbox.criteria.TargetedMisclassification(torch.from_numpy(targets))
    wrapped = foolbox.PyTorchModel(Network(model).eval(), bounds=(0, 1), device="cpu")
    with measured(tally, gradients):
        _, clipped, fooled = attack(wrapped, torch.from_numpy(images), criterion, epsilons=epsilon)
    pictures = clipped.detach().numpy()
    rounded = np.stack([to_float(to_bytes(picture)) for picture in pictures])
    tally.found += distances(pictures - images, fooled.numpy())
    tally.saved += distances(rounded - images, classes(model, rounded, 0) == targets)


def distances(changes: FloatArray, fooled: NDArray[np.bool_]) -> list[float]:
    """L2 of each change, infinite where it does not fool."""
    return [float(np.linalg.norm(change)) if ok else np.inf for change, ok in zip(changes, fooled, strict=True)]


def classes(model: Adapter, images: FloatArray, rank: int) -> NDArray[np.intp]:
    """The class of each image at this rank by falling score."""
    return ranked_classes(model, images)[0][:, rank].copy()


def labelled(asked: argparse.Namespace) -> Iterator[tuple[Photo, int]]:
    """Photos with the model's index of their class."""
    if asked.photos is None:
        yield from ((Photo(shape.pixels, ""), shape.label) for shape in map(draw, range(10 * asked.images)))
        return
    labels = json.loads((asked.photos / "labels.json").read_text())
    for name, entry in sorted(labels.items()):
        yield read(asked.photos / name), int(entry["class_index"]) + asked.first


def seen_correctly(asked: argparse.Namespace, model: Adapter) -> FloatArray:
    """Photos that the model gets right, as it sees them, (images, 3, h, w)."""
    fitted = ((fit(photo, model.preprocess).pixels, label) for photo, label in labelled(asked))
    right = (pixels for pixels, label in fitted if classes(model, pixels[None], 0)[0] == label)
    found = list(islice(right, asked.images))
    assert len(found) == asked.images, f"only {len(found)} photos are classified correctly"
    return np.stack(found)


def methods(asked: argparse.Namespace) -> dict[str, Callable[..., None]]:
    """Every method by the name of its row: called with model, gradients, images and tally."""
    from foolbox.attacks import L2CarliniWagnerAttack, LinfPGD

    budget = asked.gradients

    def viz(**options: Any) -> Callable[..., None]:
        return lambda model, gradients, images, tally: by_viz(model, gradients, images, Fool(**options), tally)

    def foolbox(attack: Any, epsilon: float | None = None) -> Callable[..., None]:
        return lambda model, gradients, images, tally: by_foolbox(model, gradients, images, (attack, epsilon), tally)

    rows = {
        f"viz szegedy, {budget}": viz(steps=budget),
        f"viz C&W, {budget}": viz(attack="carlini-wagner", steps=budget),
    }
    for number in (budget, *asked.peer_gradients):
        rows[f"foolbox C&W, {number}"] = foolbox(L2CarliniWagnerAttack(binary_search_steps=9, steps=number // 9))
    for epsilon in asked.epsilon:
        step = 2.5 * epsilon / asked.steps
        said = f"PGD {epsilon * 255:g}/255, {asked.steps}"
        rows[f"viz {said}"] = viz(attack="pgd", epsilon=epsilon, steps=asked.steps)
        rows[f"foolbox {said}"] = foolbox(LinfPGD(abs_stepsize=step, steps=asked.steps), epsilon)
    return {name: method for name, method in rows.items() if any(text in name for text in asked.rows)}


def compare(asked: argparse.Namespace) -> None:
    """Every method on every round of images, in turn; then the table."""
    given = {"preprocess": asked.preprocess} if asked.preprocess else {}
    cropped = load(asked.model, ModelOptions(**given, **({"crop": asked.crop} if asked.crop else {})))
    images = seen_correctly(asked, cropped)
    model = load(asked.model, ModelOptions(**given, crop="none"))  # they are cropped already
    gradients, rows = Gradients(model), methods(asked)
    tallies = {name: Tally() for name in rows}
    for start in range(0, len(images), ROUND):
        for name, method in rows.items():
            method(model, gradients, images[start : start + ROUND], tallies[name])
        print(f"{min(start + ROUND, len(images))}/{len(images)}", file=sys.stderr)
    print(f"{'':28} {'found':>8} {'median':>8}   {'saved':>8} {'median':>8}   gradients seconds/image")
    for name, tally in tallies.items():
        print(tally.line(name))


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="zoo:shapes")
    parser.add_argument("--preprocess")
    parser.add_argument("--crop")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--first", type=int, default=0, help="the model's index of the labels' class 0")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--gradients", type=int, default=200)
    parser.add_argument("--peer-gradients", type=int, nargs="*", default=[900], help="further budgets for Foolbox")
    parser.add_argument("--epsilon", type=float, nargs="*", default=[1 / 255, 2 / 255])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rows", nargs="*", default=[""], help="only methods with one of these texts: PGD szegedy")
    compare(parser.parse_args())


if __name__ == "__main__":
    main()
