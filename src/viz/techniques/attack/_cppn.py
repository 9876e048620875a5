"""CPPN encoding: a small network from a pixel's position to its colour; its pictures have form and repetition."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.random import Generator

from viz.core.result import FloatArray

INPUTS = ("x", "y", "distance", "one")
OUTPUTS = ("red", "green", "blue")

_FAR = np.float32(100)  # keeps long chains of nodes finite
_FAR_FOR_EXP = np.float32(80)
_POINTS_AT_ONCE = 16_384  # what fits a processor's caches is several times faster
_HEAVIEST = 50.0

ACTIVATIONS: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "linear": lambda v: np.clip(v, -_FAR, _FAR),
    "sine": np.sin,
    "gaussian": lambda v: np.float32(2) * np.exp(-(v * v)) - np.float32(1),
    # stretched to -1 .. 1, as the others
    "sigmoid": lambda v: np.float32(1) - np.float32(2) / (np.exp(np.minimum(v, _FAR_FOR_EXP)) + np.float32(1)),
    "absolute": lambda v: np.minimum(np.abs(v), _FAR),
}


@dataclass(frozen=True)
class Network:
    """Nodes in the order in which they are computed: inputs, hidden ones, outputs.

    Attributes:
        activations: of every node; those of the inputs are not used.
        weights: (nodes, nodes); [i, j] is that of the link from node j to a later node i, and 0 where there is none.
    """

    activations: tuple[str, ...]
    weights: FloatArray

    def __post_init__(self) -> None:
        assert not np.triu(self.weights).any(), "a link leads to a node that is computed earlier"

    def colours(self, inputs: FloatArray) -> FloatArray:
        """The outputs (3, points), limited to -1 .. 1, from the inputs (4, points)."""
        values = np.empty((len(self.activations), inputs.shape[1]), np.float32)
        values[: len(INPUTS)] = inputs
        for node in range(len(INPUTS), len(values)):
            values[node] = ACTIVATIONS[self.activations[node]](self.weights[node, :node] @ values[:node])
        return np.clip(values[-len(OUTPUTS) :], -1, 1)

    @property
    def hidden(self) -> int:
        """How many nodes are neither inputs nor outputs."""
        return len(self.activations) - len(INPUTS) - len(OUTPUTS)


@dataclass(frozen=True)
class CppnEncoding:
    """Genomes are networks (compositional pattern-producing networks, Stanley 2007), at first without hidden nodes.

    A child has some weights changed and, now and then, a node put into a link, a new link or another activation, as
    in NEAT (Stanley & Miikkulainen 2002), but without its crossover and species: children have one parent here.
    Source: Nguyen et al. 2015, arXiv 1412.1897, section 2.2; there the outputs are hue, saturation and value, here
    red, green and blue.
    """

    size: tuple[int, int]
    new_node: float = 0.15
    new_link: float = 0.3
    new_activation: float = 0.1
    again: float = 0.6
    most_hidden: int = 40
    restarts: bool = True

    def first(self, count: int, chance: Generator) -> list[Network]:
        """Networks of random links from inputs to outputs."""
        return [_random_network(chance) for _ in range(count)]

    def mutated(self, parents: Sequence[Network], generation: int, chance: Generator) -> list[Network]:
        """One child of each parent."""
        return [self._child(parent, chance) for parent in parents]

    def refined(self, parents: Sequence[Network], generation: int, chance: Generator) -> list[Network]:
        """One child of each parent that draws nearly the same: a few of its weights are slightly different."""
        return [with_weights(parent, chance, largest=0.1, few=True) for parent in parents]

    def drawn(self, genomes: Sequence[Network]) -> FloatArray:
        """The pictures (b, 3, h, w) in [0, 1]: -1 is dark, 1 is bright."""
        pieces = np.array_split(self._inputs, -(-self._inputs.shape[1] // _POINTS_AT_ONCE), axis=1)
        drawn = np.stack([np.hstack([genome.colours(piece) for piece in pieces]) for genome in genomes])
        return (drawn.reshape(len(genomes), len(OUTPUTS), *self.size) + np.float32(1)) / np.float32(2)

    @cached_property
    def _inputs(self) -> FloatArray:
        return inputs_of(self.size)

    def _child(self, parent: Network, chance: Generator) -> Network:
        child = self._changed(parent, chance)
        while chance.random() < self.again:
            child = self._changed(child, chance)
        return child

    def _changed(self, network: Network, chance: Generator) -> Network:
        if chance.random() < self.new_node and network.hidden < self.most_hidden:
            network = with_node(network, chance)
        if chance.random() < self.new_link:
            network = with_link(network, chance)
        if chance.random() < self.new_activation:
            network = with_activation(network, chance)
        return with_weights(network, chance)


def inputs_of(size: tuple[int, int]) -> FloatArray:
    """What a network is told of every pixel, (4, pixels): x, y and the distance from the centre, and a constant 1.

    x and y are -1 and 1 at the outermost pixels' centres of the longer side; the distance is 1 there.
    """
    height, width = size
    reach = max(height, width, 2) - 1
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = (2 * x - (width - 1)) / reach, (2 * y - (height - 1)) / reach
    return np.stack([x.ravel(), y.ravel(), np.hypot(x, y).ravel(), np.ones(x.size, np.float32)]).astype(np.float32)


def _random_network(chance: Generator) -> Network:
    nodes = len(INPUTS) + len(OUTPUTS)
    weights = np.zeros((nodes, nodes), np.float32)
    linked = chance.random((len(OUTPUTS), len(INPUTS))) < 0.7
    weights[len(INPUTS) :, : len(INPUTS)] = linked * chance.normal(0, 1, linked.shape)
    activations = [str(one) for one in chance.choice(list(ACTIVATIONS), len(OUTPUTS))]
    return Network(("linear",) * len(INPUTS) + tuple(activations), weights)


def with_weights(network: Network, chance: Generator, largest: float = 1.0, few: bool = False) -> Network:
    """Some links' weights changed, by steps in proportion to 1 and their own size.

    How many and how far is drawn for each call, evenly by order of magnitude: one weight to all of them, or to an
    eighth of them if `few`; and by a hundredth of `largest` to `largest`.
    """
    links = network.weights != 0
    count = max(1, int(links.sum()))
    rate = max(1.0, count / 8 if few else count) ** chance.random() / count
    size = largest * 10 ** chance.uniform(-2, 0)
    steps = chance.normal(0, size, links.shape) * (1 + np.abs(network.weights))
    changed = links & (chance.random(links.shape) < rate)
    weights = np.clip(network.weights + steps * changed, -_HEAVIEST, _HEAVIEST)
    return replace(network, weights=weights.astype(np.float32))


def with_node(network: Network, chance: Generator) -> Network:
    """A node of a random activation put into a random link; the new link before it has weight 1."""
    links = np.argwhere(network.weights)
    if not len(links):
        return network
    after, before = (int(node) for node in links[chance.integers(len(links))])
    place = min(after, len(network.activations) - len(OUTPUTS))  # outputs stay last
    weights = np.insert(np.insert(network.weights, place, 0, axis=0), place, 0, axis=1)
    after += 1
    weights[place, before], weights[after, place], weights[after, before] = 1, weights[after, before], 0
    kinds = list(network.activations)
    kinds.insert(place, str(chance.choice(list(ACTIVATIONS))))
    return Network(tuple(kinds), weights)


def with_link(network: Network, chance: Generator) -> Network:
    """A link of random weight between two nodes that had none, wherever one may be."""
    nodes = len(network.activations)
    free = np.tril(network.weights == 0, -1)
    free[: len(INPUTS)] = False  # inputs are given
    free[:, nodes - len(OUTPUTS) :] = False  # nothing follows from an output
    places = np.argwhere(free)
    if not len(places):
        return network
    weights = network.weights.copy()
    weights[tuple(places[chance.integers(len(places))])] = chance.normal()
    return replace(network, weights=weights)


def with_activation(network: Network, chance: Generator) -> Network:
    """Another activation for a random node."""
    kinds = list(network.activations)
    kinds[chance.integers(len(INPUTS), len(kinds))] = str(chance.choice(list(ACTIVATIONS)))
    return replace(network, activations=tuple(kinds))
