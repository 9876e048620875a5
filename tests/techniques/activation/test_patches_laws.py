"""Any split of the images, in any order, gives the same state to the last bit."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import TensorModel
from tests.techniques.activation.surveying import LocalModel, in_bytes
from viz.core.surveying import Seen, State
from viz.techniques.activation.patches import Patches

SIZE = (5, 4)
CLASSES = ("a", "b")
MODEL = LocalModel(np.random.default_rng(0).integers(-2, 3, (3, 3, *SIZE)).astype(np.float32))


@st.composite
def image_lists(draw: st.DrawFn) -> list[Seen]:
    """Few values, so that responses tie; few fingerprints, so that photos come several times; signed zeros."""
    count = draw(st.integers(1, 14))
    seed = draw(st.integers(0, 1 << 30))
    random = np.random.default_rng(seed)
    levels = draw(st.sampled_from([(0.0,), (0.0, 1.0), (0.0, 0.25, 0.5, 1.0)]))
    pixels = random.choice(np.array(levels, np.float32), (count, 3, *SIZE))
    prints = random.integers(0, draw(st.sampled_from([1, 4, 1 << 20])), count)
    indices = random.permutation(100)[:count]
    truths = [None if t == 2 else int(t) for t in random.integers(0, 3, count)]
    return [Seen(int(indices[i]), "", pixels[i], truths[i], int(prints[i])) for i in range(count)]


@st.composite
def surveys(draw: st.DrawFn) -> Patches:
    return Patches(
        layer=("products", "scores"),
        top=draw(st.integers(1, 3)),
        per_image=draw(st.integers(1, 2)),
        rank=draw(st.sampled_from(["max", "max", "mean", "relevance"])),
        keep_duplicates=draw(st.booleans()),
    )


@settings(max_examples=120, deadline=None)
@given(surveys(), image_lists(), st.data())
def test_any_split_in_any_order_gives_the_same_bytes(
    technique: Patches, images: list[Seen], data: st.DataObject
) -> None:
    plan = technique.plan(MODEL, CLASSES)
    whole = technique.add(MODEL, plan, technique.begin(plan), images)
    order = data.draw(st.permutations(images))
    parts = np.split(np.arange(len(images)), sorted(data.draw(cuts(len(images)))))
    states = [technique.add(MODEL, plan, technique.begin(plan), [order[i] for i in part]) for part in parts]
    assert in_bytes(merged_in_some_order(technique, plan, states, data)) == in_bytes(whole)


@settings(max_examples=120, deadline=None)
@given(surveys(), image_lists(), st.integers(0, 14))
def test_adding_is_merging_and_changes_nothing_that_is_given(technique: Patches, images: list[Seen], at: int) -> None:
    plan = technique.plan(MODEL, CLASSES)
    begun = technique.begin(plan)
    first = technique.add(MODEL, plan, begun, images[:at])
    before = in_bytes(first)
    second = technique.add(MODEL, plan, begun, images[at:])
    assert in_bytes(technique.add(MODEL, plan, first, images[at:])) == in_bytes(technique.merge(plan, first, second))
    assert in_bytes(first) == before
    assert in_bytes(begun) == in_bytes(technique.begin(plan))


@settings(max_examples=30, deadline=None)
@given(surveys(), image_lists())
def test_the_state_of_no_image_changes_none(technique: Patches, images: list[Seen]) -> None:
    plan = technique.plan(MODEL, CLASSES)
    state = technique.add(MODEL, plan, technique.begin(plan), images)
    assert in_bytes(technique.merge(plan, state, technique.begin(plan))) == in_bytes(state)
    assert in_bytes(technique.merge(plan, technique.begin(plan), state)) == in_bytes(state)


def test_zeros_of_both_signs_are_the_same_zero() -> None:
    model = TensorModel({"maps": lambda images: images}, SIZE)
    zeros = [np.full((3, *SIZE), zero, np.float32) for zero in (0.0, -0.0)]
    images = [Seen(index, "", pixels, None, index) for index, pixels in enumerate(zeros)]
    for rank in ("max", "mean"):
        technique = Patches(layer=("maps",), rank=rank)
        plan = technique.plan(model, CLASSES)
        first, second = (technique.add(model, plan, technique.begin(plan), [image]) for image in images)
        assert in_bytes(technique.merge(plan, first, second)) == in_bytes(technique.merge(plan, second, first))


def test_a_state_does_not_grow_with_the_images() -> None:
    technique = Patches(layer=("products",), top=2)
    plan = technique.plan(MODEL, CLASSES)
    random = np.random.default_rng(1)
    images = [Seen(i, "", random.random((3, *SIZE)).astype(np.float32), 0, i) for i in range(700)]
    few = technique.add(MODEL, plan, technique.begin(plan), images[:3])
    many = technique.add(MODEL, plan, few, images[3:])
    assert {n: a.shape for n, a in many.items()} == {n: a.shape for n, a in few.items()}


def test_a_plan_is_the_same_again() -> None:
    technique = Patches(layer=("products", "scores"))
    assert technique.plan(MODEL, CLASSES) == technique.plan(MODEL, CLASSES)


def cuts(count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, count), max_size=4)


def merged_in_some_order(technique: Patches, plan: object, states: list[State], data: st.DataObject) -> State:
    left = list(states)
    while len(left) > 1:
        first = left.pop(data.draw(st.integers(0, len(left) - 1)))
        second = left.pop(data.draw(st.integers(0, len(left) - 1)))
        left.append(technique.merge(plan, first, second))  # type: ignore[arg-type]
    return left[0]
