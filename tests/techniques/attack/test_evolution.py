"""MAP-Elites: what becomes of champions."""

from itertools import cycle, islice

import numpy as np
import pytest

from tests.fakes import LinearModel
from viz.core.making import Watch, rounded
from viz.techniques.attack._cppn import CppnEncoding
from viz.techniques.attack._direct_encoding import DirectEncoding
from viz.techniques.attack._evolution import CHILDREN, Evolution, evolved
from viz.techniques.attack._recognition import Recognition, log_odds_of

SIZE = (6, 6)
GOAL = log_odds_of(0.996)
ENCODINGS = [DirectEncoding(SIZE), CppnEncoding(SIZE)]


class ForwardOnly(LinearModel):
    """Five classes with random weights, and no gradient."""

    def __init__(self, strength: float = 2.0):
        weights = np.random.default_rng(0).normal(0, strength, (5, 3, *SIZE))
        super().__init__(weights, squash="softmax")

    def trace(self, images, layers, rule="plain"):
        raise AssertionError("evolution asked for a gradient")


def odds_of(model, images) -> np.ndarray:
    recognition = Recognition.of(model)
    return recognition.log_odds(recognition.scores(model, rounded(images)))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_champion_is_ever_lost(encoding):
    evolution, before = Evolution(ForwardOnly(0.3), encoding, range(5), GOAL), np.full(5, -np.inf)
    for _ in range(40):
        evolution.advance()
        assert (evolution.odds >= before).all()
        before = evolution.odds
    assert (before > -3).all()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_champion_is_as_sure_as_is_said_when_it_is_drawn_and_rounded_again(encoding):
    model = ForwardOnly()
    evolution = Evolution(model, encoding, range(5), GOAL)
    for _ in range(10):
        evolution.advance()
    drawn = encoding.drawn([niche.champion for niche in evolution.niches])
    assert np.allclose(odds_of(model, drawn)[range(5), range(5)], evolution.odds, atol=1e-4)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_forward_passes_are_enough_to_make_every_class_sure(encoding):
    found = evolved(ForwardOnly(), encoding, range(5), GOAL, 600, 0, Watch())
    for index, one in enumerate(found):
        assert odds_of(ForwardOnly(), one.image[None])[0, index] >= GOAL
        assert one.curve[-1] >= 0.996
        assert len(one.curve) == one.steps
        assert one.evaluations == one.steps * CHILDREN


class Given:
    """Genomes that are gray values: each generation consists of those that were given for it, over and over."""

    restarts = False

    def __init__(self, *generations):
        self.generations = list(generations)

    def first(self, count, chance):
        return self.mutated([None] * count, 0, chance)

    def mutated(self, parents, generation, chance):
        return list(islice(cycle(self.generations.pop(0)), len(parents)))

    def refined(self, parents, generation, chance):
        return [0.2] * len(parents)

    def drawn(self, genomes):
        return np.stack([np.full((3, 1, 1), value, np.float32) for value in genomes])


def brightness() -> LinearModel:
    """Class 0 is bright, class 1 is dark, class 2 is less bright than class 0 and never sure."""
    weights = np.array([10.0, -10.0, 1.0]).reshape(3, 1, 1, 1) / 3
    return LinearModel(np.repeat(weights, 3, axis=1), bias=[-5, 5, 0], squash="softmax")


def test_each_class_keeps_the_picture_that_it_is_most_surely_seen_in():
    evolution = Evolution(brightness(), Given([0.2, 0.4, 1.0], [0.0, 0.6, 0.9]), [0, 1, 2], GOAL)
    evolution.advance()
    assert [niche.champion for niche in evolution.niches] == [1.0, 0.2, 0.4]
    evolution.advance()
    assert [niche.champion for niche in evolution.niches] == [1.0, 0.0, 0.6]


def test_one_child_may_win_several_classes():
    evolution = Evolution(brightness(), Given([0.5]), [0, 1, 2], GOAL)
    evolution.advance()
    assert {niche.champion for niche in evolution.niches} == {0.5}


def test_only_wanted_classes_have_champions():
    evolution = Evolution(brightness(), Given([0.2, 1.0]), [1], GOAL)
    evolution.advance()
    assert [niche.champion for niche in evolution.niches] == [0.2]


def test_pictures_are_judged_as_8_bits_have_them():
    # 0.5019 and 0.5020 are both 128/255: the first child stays.
    evolution = Evolution(brightness(), Given([0.5019], [0.5020]), [0], GOAL)
    evolution.advance()
    evolution.advance()
    assert evolution.niches[0].champion == 0.5019


class Numbered:
    """Every genome that there ever was is another object: a list of its gray value and who it comes from."""

    restarts = True

    def first(self, count, chance):
        return [[float(value), "first"] for value in chance.random(count) * 0.5]

    def mutated(self, parents, generation, chance):
        return [[min(1.0, parent[0] + 0.1 * chance.random()), "mutated", parent] for parent in parents]

    def refined(self, parents, generation, chance):
        return [[min(1.0, parent[0] + 0.01 * chance.random()), "refined", parent] for parent in parents]

    def drawn(self, genomes):
        return np.stack([np.full((3, 1, 1), genome[0], np.float32) for genome in genomes])


def test_after_an_epoch_all_lineages_begin_anew_and_champions_stay(monkeypatch):
    monkeypatch.setattr("viz.techniques.attack._evolution.EPOCH", 20)
    evolution = Evolution(brightness(), Numbered(), [0, 1, 2], 99.0)
    for _ in range(20):
        evolution.advance()
    champion, odds = evolution.niches[0].champion, evolution.niches[0].odds
    assert evolution.niches[0].lineage is champion
    evolution.advance()
    assert evolution.niches[0].champion is champion
    assert evolution.niches[0].odds == odds > evolution.niches[0].lineage_odds
    assert [niche.lineage[1] for niche in evolution.niches] == ["first"] * 3


def test_children_of_an_earlier_epochs_champion_join_no_lineage(monkeypatch):
    """Else the old lineage would take the place of the new one at once, and get stuck where it was."""
    monkeypatch.setattr("viz.techniques.attack._evolution.EPOCH", 20)
    evolution = Evolution(brightness(), Numbered(), [0, 1, 2], 99.0)
    evolution.advance()
    for niche in evolution.niches:
        niche.champion, niche.odds = [0.98, "old"], 3.0
    refined, first = 0, evolution.niches[0].lineage[0]
    for _ in range(4):
        evolution.advance()
        refined += evolution.niches[0].champion[1] == "refined"
        assert all(niche.lineage[0] < 0.95 for niche in evolution.niches)
    assert refined
    assert evolution.niches[0].lineage[0] > first + 0.2


def test_without_restarts_there_is_one_epoch(monkeypatch):
    monkeypatch.setattr("viz.techniques.attack._evolution.EPOCH", 5)
    evolution, best = Evolution(ForwardOnly(0.3), DirectEncoding(SIZE), [0, 1], 99.0), -np.inf
    for _ in range(30):
        evolution.advance()
        assert evolution.niches[0].lineage_odds >= best
        best = evolution.niches[0].lineage_odds


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    def bytes_of(seed):
        return [one.image.tobytes() for one in evolved(ForwardOnly(), CppnEncoding(SIZE), [0, 3], 50, 8, seed, Watch())]

    assert bytes_of(1) == bytes_of(1)
    assert bytes_of(1) != bytes_of(2)


def test_ctrl_c_gives_the_champions_so_far():
    class Impatient(Watch):
        def step(self, done, value):
            if done == 3:
                raise KeyboardInterrupt

    watch = Impatient()
    found = evolved(ForwardOnly(), DirectEncoding(SIZE), [0, 1], 50, 100, 0, watch)
    assert watch.interrupted
    assert [one.steps for one in found] == [3, 3]
    assert all((np.diff(one.curve) >= 0).all() for one in found)


def test_progress_is_that_of_the_class_that_is_furthest_behind():
    heard = []

    class Listening(Watch):
        def begin(self, steps, what="objective"):
            heard.append((steps, what))

        def step(self, done, value):
            heard.append((done, value))

    found = evolved(ForwardOnly(), DirectEncoding(SIZE), [0, 1], 50, 4, 0, Listening())
    assert heard[0] == (4, "lowest confidence")
    assert [done for done, _ in heard[1:]] == [1, 2, 3, 4]
    assert np.allclose([value for _, value in heard[1:]], np.min([one.curve for one in found], axis=0))
