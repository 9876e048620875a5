"""Does a technique over a whole folder work on this model: does it run, and can its states be merged in any order?"""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import NotSupported
from viz.core.fingerprints import fingerprint
from viz.core.result import FloatArray
from viz.core.surveying import Found, Plan, Seen, State
from viz.smoke.check import Check, Failed, check, reason

_CLASSES = ("one", "other")


def survey_checks(technique: Any, model: Adapter, images: FloatArray) -> Iterator[Check]:
    """Two folders of one image each at the technique's tiny settings; one that does not apply is skipped."""
    name, started = technique.info.name, time.perf_counter()
    try:
        chosen = technique(**technique.info.smoke)
        plan = chosen.plan(model, _CLASSES)
        states = [chosen.add(model, plan, chosen.begin(plan), [_seen(images, index)]) for index in range(2)]
        found = list(chosen.findings(plan, chosen.merge(plan, *states)))
    except Exception as problem:  # a technique may come from anywhere: whatever it raises is what is wrong with it
        outcome = "skipped" if isinstance(problem, NotSupported) else "failed"
        yield Check(name, "runs", outcome, time.perf_counter() - started, reason(problem))  # type: ignore[arg-type]
        return
    yield Check(name, "runs", "passed", time.perf_counter() - started)
    yield check(name, "finite", partial(_finite, found))
    yield check(name, "counts the images", partial(_counts, chosen, plan, states))
    yield check(name, "merges in any order", partial(_merges, chosen, plan, states))
    yield check(name, "same again", partial(_again, chosen, model, plan, images, states))


def _seen(images: FloatArray, index: int) -> Seen:
    pixels = images[index]
    return Seen(index, f"sample-{index}.png", pixels, index % len(_CLASSES), fingerprint(pixels))


def _finite(found: Sequence[Found]) -> None:
    if not any(one.units for one in found):
        raise Failed("no unit was found")
    for one in found:
        for unit in one.units:
            values = {**unit.numbers, **{f"value of cut {i}": cut.value for i, cut in enumerate(unit.cuts)}}
            for what, value in values.items():
                if isinstance(value, float) and not np.isfinite(value):
                    raise Failed(f"{what} of {one.layer}:{unit.channel} is {value}")


def _counts(chosen: Any, plan: Plan, states: Sequence[State]) -> None:
    nothing = chosen.begin(plan)
    for state in [*states, chosen.merge(plan, *states)]:
        if not _differ(state, nothing):
            raise Failed("a state of images is that of no image")


def _merges(chosen: Any, plan: Plan, states: Sequence[State]) -> None:
    one, other = states
    _same(chosen.merge(plan, one, other), chosen.merge(plan, other, one), "the order of two states matters")
    _same(chosen.merge(plan, chosen.begin(plan), one), one, "a state changes when it is merged with that of no image")


def _again(chosen: Any, model: Adapter, plan: Plan, images: FloatArray, states: Sequence[State]) -> None:
    again = chosen.add(model, plan, chosen.begin(plan), [_seen(images, 0)])
    if model.source.device == "cpu":  # sums on a GPU may run in another order each time
        _same(again, states[0], "the same image gave another state")


def _same(one: State, other: State, problem: str) -> None:
    if names := _differ(one, other):
        raise Failed(f"{problem}: {', '.join(names)}")


def _differ(one: State, other: State) -> list[str]:
    """The arrays that are not the same in both states."""
    names = sorted(one.keys() | other.keys())
    return [n for n in names if n not in one or n not in other or one[n].tobytes() != other[n].tobytes()]
