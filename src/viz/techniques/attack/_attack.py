"""What all attacks share: the model's scores and their gradients, what counts as fooled, the best image so far."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import softplus

from viz.core.adapter import Adapter, Trace
from viz.core.batching import in_batches
from viz.core.errors import NotSupported
from viz.core.gradients import check_path
from viz.core.target.classes import place_of, scores_of
from viz.core.torch_errors import torch_errors
from viz.techniques._photo_fit import PhotoFit

_LEAST = 1e-30  # a probability that the model gives as 0
# For the way to the nearest boundary. Among a thousand classes the first one may have a small share of the
# probability; the plain cross-entropy would go on and press down classes that are not in the way.
SHARP = 5.0

# From scores (n, classes) and the places of these n images in the batch to (n,) or (n, k) numbers for each.
Reading = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Goal:
    """What each image of a batch shall be taken for.

    Attributes:
        classes: (b,) class indices.
        targeted: (b,) True: it shall be taken for its class; False: for any other one.
        margin: by how much, in the units of the scores, the class that it is taken for must lead.
    """

    classes: Tensor
    targeted: Tensor
    margin: float = 0.0

    def at(self, places: Tensor) -> "Goal":
        """The goal of some of the images."""
        return Goal(self.classes[places], self.targeted[places], self.margin)

    def lead(self, scores: Tensor) -> Tensor:
        """By how much each image is nearer to its goal than to anything else, (b,); above 0 it is fooled."""
        return self._signed(self._own(scores) - self._others(scores).amax(1))

    def loss(self, scores: Tensor, sharpness: float = 1.0) -> Tensor:
        """The cross-entropy of the goal, (b,): minus the log of the probability of the class, or of all but it.

        That is the softplus of minus the lead over the log-sum-exp of the others: unlike the logarithm of a
        probability, its gradient does not vanish where the model is sure. `sharpness` multiplies the scores, and
        divides the loss: see `SHARP`.
        """
        sharp = scores * sharpness
        lead = self._signed(self._own(sharp) - self._others(sharp).logsumexp(1))
        return softplus(-lead) / sharpness

    def reading(self, sharpness: float = 1.0) -> Reading:
        """The loss, to be looked at."""
        return lambda scores, places: self.at(places).loss(scores, sharpness)

    def reached(self, lead: Tensor) -> Tensor:
        """Which images are fooled, (b,), from their `lead`."""
        return lead > self.margin

    def _own(self, scores: Tensor) -> Tensor:
        return scores.gather(1, self.classes[:, None])[:, 0]

    def _others(self, scores: Tensor) -> Tensor:
        return scores.scatter(1, self.classes[:, None], -torch.inf)

    def _signed(self, values: Tensor) -> Tensor:
        return torch.where(self.targeted, values, -values)


@dataclass(frozen=True)
class Look:
    """One forward and backward pass: scores (b, classes), and a reading of them with its gradient.

    `values` is (b,) and `gradients` (b, 3, H, W), or (b, k) and (b, k, 3, H, W) for a reading of k numbers.
    """

    scores: Tensor
    values: Tensor
    gradients: Tensor


class Victim:
    """A model as attacks see it: class scores of pictures of one size, through the resize and crop, with gradients.

    Scores are those before the softmax; of a model that shows only probabilities, their logarithms.
    """

    def __init__(self, model: Adapter, fit: PhotoFit):
        self.model, self._fit = model, fit
        self.layer, _, kind = place_of(scores_of(model), "auto")
        self._logarithm = kind == "probability"

    def readable(self, scores: Tensor) -> Tensor:
        """Scores (b, classes) from what `layer` holds, (b, …)."""
        flat = scores.flatten(1).float()
        return flat.clamp_min(_LEAST).log() if self._logarithm else flat

    def look(self, pictures: Tensor, reading: Reading) -> Look:
        """Pictures (b, 3, H, W) in [0, 1]; batches are split until they fit in memory.

        Raises `NotSupported` where no gradient reaches the pixels.
        """
        found = in_batches(self.model, len(pictures), lambda start, stop: self._piece(pictures, reading, start, stop))
        return Look(*(torch.cat(parts) for parts in zip(*found, strict=True)))

    def scores(self, pictures: Tensor) -> Tensor:
        """Scores (b, classes) of pictures, without a way back."""
        with torch.no_grad():
            found = in_batches(self.model, len(pictures), lambda a, b: self._read(self._traced(pictures[a:b])))
        return torch.cat(found).to(pictures.device)

    def _read(self, trace: Trace) -> Tensor:
        return self.readable(trace.values[self.layer])

    def _piece(self, pictures: Tensor, reading: Reading, start: int, stop: int) -> tuple[Tensor, Tensor, Tensor]:
        leaf = pictures[start:stop].detach().requires_grad_()
        with torch.enable_grad():
            trace = self._traced(leaf)
            scores = self._read(trace).to(leaf.device)
            values = reading(scores, torch.arange(start, stop, device=leaf.device))
            check_path(self.model, values, trace)
            with torch_errors(self.model.source.name):
                gradients = _gradients(values, leaf)
        return scores.detach(), values.detach(), gradients

    def _traced(self, leaf: Tensor) -> Trace:
        try:
            return self.model.trace(self._fit(leaf), (self.layer,))
        except NotSupported as problem:
            raise NotSupported(problem.problem, "without a gradient: viz fool --from noise --encoding direct") from None


def _gradients(values: Tensor, leaf: Tensor) -> Tensor:
    """Of (n,) values in the form of `leaf`; of (n, k) with k after the first axis."""
    if values.ndim == 1:
        return torch.autograd.grad(values.sum(), leaf)[0]
    columns = values.sum(0)
    last = len(columns) - 1
    found = [torch.autograd.grad(column, leaf, retain_graph=i < last)[0] for i, column in enumerate(columns)]
    return torch.stack(found, 1)


@dataclass(frozen=True)
class Found:
    """How far an attack is: the best pictures so far (b, 3, H, W) in [0, 1], and which of them fool the model, (b,).

    That is as the gradient pass sees them, before they are rounded to whole pixel values.
    """

    pictures: Tensor
    fooled: Tensor


@dataclass
class Best:
    """Keeps for each image the picture that fools with the smallest L2 distance, or until then the nearest to it."""

    originals: Tensor
    goal: Goal
    _pictures: Tensor = field(init=False)
    _distances: Tensor = field(init=False)
    _leads: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self._pictures = self.originals.clone()
        self._distances = self.originals.new_full((len(self.originals),), torch.inf)
        self._leads = self.originals.new_full((len(self.originals),), -torch.inf)

    def consider(self, places: Tensor, pictures: Tensor, scores: Tensor) -> Tensor:
        """Take note of new pictures of the images at `places`; which of them fool the model."""
        goal = self.goal.at(places)
        lead = goal.lead(scores)
        fooled = goal.reached(lead)
        distances = torch.where(fooled, norms(pictures - self.originals[places]), torch.inf)
        closer = distances < self._distances[places]
        hopeful = self._distances[places].isinf() & (lead > self._leads[places])
        self._leads[places] = torch.maximum(self._leads[places], lead)
        better = closer | hopeful
        self._pictures[places[better]] = pictures[better]
        self._distances[places[better]] = distances[better]
        return fooled

    @property
    def found(self) -> Found:
        """The best so far."""
        return Found(self._pictures, self._distances.isfinite())


def norms(batch: Tensor) -> Tensor:
    """The L2 norm of each image, (b,)."""
    found: Tensor = torch.linalg.vector_norm(batch.flatten(1), dim=1)
    return found


def dots(one: Tensor, other: Tensor) -> Tensor:
    """The inner product of each pair of images, (b,)."""
    found: Tensor = (one * other).flatten(1).sum(1)
    return found


def per_image(numbers: Tensor) -> Tensor:
    """(b,) as (b, 1, 1, 1), to go with images."""
    return numbers[:, None, None, None]
