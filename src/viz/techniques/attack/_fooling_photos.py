"""From photos to pictures that fool: what each shall become, the attack, the rounding, the figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.fitting import fit_pixels
from viz.core.images import Pixels, to_float
from viz.core.making import GivenPhoto, Picture, Piece, Watch
from viz.core.result import FloatArray
from viz.core.target.classes import ranked_classes
from viz.techniques._photo_fit import PhotoFit
from viz.techniques.attack._attack import Goal, Victim, norms
from viz.techniques.attack._canvas import Canvas, canvas_of
from viz.techniques.attack._following import Way
from viz.techniques.attack._fooling_figures import Outcome, picture_of
from viz.techniques.attack._methods import ball_of, steps_of
from viz.techniques.attack._rounding import saved
from viz.techniques.attack._wanted_classes import piece_seed, wanted_class

if TYPE_CHECKING:
    from viz.techniques.attack.fool import Fool

_VALUES_AT_ONCE = 1 << 24  # of the pictures that are attacked together; an attack holds about 25 times as many
_TO_TRY = {
    "szegedy": "try more --steps, or --attack carlini-wagner",
    "carlini-wagner": "try more --steps, or --attack szegedy",
    "deepfool": "try more --steps, or --attack szegedy",
    "fgsm": "try --attack pgd, or a larger --epsilon",
    "pgd": "try a larger --epsilon or more --steps; --attack szegedy has no limit",
}


@dataclass(frozen=True)
class _Task:
    """One picture to make: on what, for which class (None: any other), and how the model sees it now."""

    name: str
    canvas: Canvas
    wanted: int | None
    original: int
    probabilities: FloatArray


def fooled_photos(
    settings: "Fool", model: Adapter, pieces: Sequence[Piece], given: Sequence[GivenPhoto], watch: Watch
) -> list[Picture | ImageError]:
    """One picture for each piece, made together where their sizes are the same; problems of single photos in place."""
    tasks = _tasks(settings, model, pieces, given)
    made: dict[int, Picture | ImageError] = {i: task for i, task in enumerate(tasks) if isinstance(task, ImageError)}
    for places in _batches({i: task for i, task in enumerate(tasks) if isinstance(task, _Task)}):
        batch = [task for i in places if isinstance(task := tasks[i], _Task)]
        if watch.interrupted:
            stopped = ImageError("stopped before its turn", "the same command again goes on")
            made |= dict.fromkeys(places, stopped)
        else:
            made |= zip(places, _attacked(settings, model, batch, watch), strict=True)
    return [made[i] for i in range(len(pieces))]


def _tasks(
    settings: "Fool", model: Adapter, pieces: Sequence[Piece], given: Sequence[GivenPhoto]
) -> list[_Task | ImageError]:
    """What there is to do, or why a photo cannot be used."""
    order, probabilities = ranked_classes(model, _seen(model, [photo.photo.pixels for photo in given]))
    tasks: list[_Task | ImageError] = []
    for piece, photo, ranks, shares in zip(pieces, given, order, probabilities, strict=True):
        try:
            wanted = wanted_class(piece.asked, model, ranks, photo, settings.seed)
            canvas = canvas_of(photo.photo, model.preprocess, settings.resolution)
            tasks.append(_Task(piece.name, canvas, wanted, int(ranks[0]), shares))
        except ImageError as problem:
            tasks.append(problem)
    return tasks


def _batches(tasks: dict[int, _Task]) -> list[list[int]]:
    """Places of tasks that are done together: of one size, and not too many for the memory."""
    by_size: dict[tuple[int, ...], list[int]] = {}
    for place, task in tasks.items():
        by_size.setdefault(task.canvas.pixels.shape, []).append(place)
    found = []
    for (height, width, channels), places in by_size.items():
        count = max(1, _VALUES_AT_ONCE // (height * width * channels))
        found += [places[i : i + count] for i in range(0, len(places), count)]
    return found


def _attacked(settings: "Fool", model: Adapter, tasks: list[_Task], watch: Watch) -> list[Picture]:
    """Pictures for photos of one size."""
    device = torch.device(model.source.device if model.source.device.startswith("cuda") else "cpu")
    originals = [task.canvas.pixels for task in tasks]
    pictures = torch.from_numpy(np.stack([to_float(pixels) for pixels in originals])).to(device)
    victim = Victim(model, PhotoFit((pictures.shape[2], pictures.shape[3]), model.preprocess, device))
    goal, ball = _goal(tasks, settings.margin, device), ball_of(settings, pictures[0].numel())
    seeds = [piece_seed(settings.seed, task.name) for task in tasks]
    way = Way(watch, pictures)
    found = way.follow(steps_of(settings, victim, pictures, goal, ball, seeds), settings.gradients)
    rounded = saved(victim, originals, found, goal, ball, watch)
    unrounded = torch.where(found.fooled, norms(found.pictures - pictures), torch.inf).tolist()
    order, after = ranked_classes(model, _seen(model, rounded.pictures))
    return [
        picture_of(
            Outcome(
                canvas=task.canvas,
                pixels=rounded.pictures[i],
                wanted=task.wanted,
                before=task.probabilities,
                after=after[i],
                original=task.original,
                taken_for=int(order[i, 0]),
                held=rounded.fooled[i],
                unrounded=unrounded[i],
                frames=way.frames(i, rounded.pictures[i]),
                to_try=_TO_TRY[settings.attack],
            ),
            model,
        )
        for i, task in enumerate(tasks)
    ]


def _goal(tasks: list[_Task], margin: float, device: torch.device) -> Goal:
    classes = [task.original if task.wanted is None else task.wanted for task in tasks]
    targeted = [task.wanted is not None for task in tasks]
    return Goal(torch.tensor(classes, device=device), torch.tensor(targeted, device=device), margin)


def _seen(model: Adapter, pictures: Sequence[Pixels]) -> FloatArray:
    """What the model sees of pictures (h, w, 3), (b, 3, h, w)."""
    return np.stack([fit_pixels(pixels, model.preprocess).pixels for pixels in pictures])
