"""Contestants in turn, round after round: machines change their speed, so ratios are taken within a round."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

Contestant = Callable[[], int]
Rates = dict[str, list[float]]


def rate(contestant: Contestant) -> float:
    """What it says it has done, per second."""
    began = time.perf_counter()
    return contestant() / (time.perf_counter() - began)


def fastest(variants: Mapping[str, Contestant], turns: int = 3) -> str:
    """The variant that is fastest in the median of a few rounds, after one that is not counted.

    Each round's rates are taken relative to their mean, so that it does not matter which rounds fell on a busy hour.
    """
    for variant in variants.values():
        variant()
    relative: Rates = {name: [] for name in variants}
    for _ in range(turns):
        found = {name: rate(variant) for name, variant in variants.items()}
        for name, one in found.items():
            relative[name].append(one / statistics.mean(found.values()))
    medians = {name: statistics.median(found) for name, found in relative.items()}
    print("  " + ", ".join(f"{name}: {one:.2f}" for name, one in medians.items()) + " of the mean", flush=True)
    return max(medians, key=lambda name: medians[name])


def rounds(contestants: Mapping[str, Contestant], count: int) -> Rates:
    """Rates of all contestants in so many rounds; each round begins with another one."""
    rates: Rates = {name: [] for name in contestants}
    names = list(contestants)
    for turn in range(count):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            rates[name].append(rate(contestants[name]))
        print(f"round {turn + 1}: " + ", ".join(f"{n} {r[-1]:.1f}" for n, r in rates.items()), flush=True)
    return rates


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios within the rounds."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def print_table(rates: Rates, ours: str, unit: str) -> None:
    """Medians, the range of the rounds, and how many times faster `ours` is."""
    width = max(map(len, rates))
    for name, found in rates.items():
        spread = f"{min(found):.1f} to {max(found):.1f}"
        times = f"{ours} is {ratio(rates[ours], found):.2f} x" if name != ours else ""
        print(f"{name:{width}s} {statistics.median(found):9.1f} {unit}/s   ({spread})   {times}".rstrip())
