"""Frames of a search that may stop at any step."""

from itertools import pairwise

import pytest

from viz.techniques.attack._kept_frames import KeptFrames


def frames_of(steps: int, wanted: int) -> list[int]:
    kept = KeptFrames(wanted)
    for step in range(steps):
        if kept.due(step):
            kept.add(step)
    return list(kept.chosen(steps))


def test_a_short_way_is_kept_whole():
    assert frames_of(3, 8) == [0, 1, 2, 3]


@pytest.mark.parametrize("steps", [8, 20, 100, 777])
def test_a_long_way_gives_as_many_as_were_wanted_from_the_first_to_the_last(steps):
    frames = frames_of(steps, 8)
    assert len(frames) == 8
    assert frames[0] == 0
    assert frames[-1] == steps


@pytest.mark.parametrize("steps", [64, 100, 1000])
def test_they_are_about_equally_far_apart(steps):
    frames = frames_of(steps, 8)
    gaps = [after - before for before, after in pairwise(frames)]
    assert max(gaps) <= 3 * min(gaps)


def test_one_is_the_last():
    assert frames_of(50, 1) == [50]


def test_none_are_none():
    assert frames_of(50, 0) == []


def test_no_more_than_twice_as_many_are_held():
    kept = KeptFrames(4)
    for step in range(500):
        if kept.due(step):
            kept.add(step)
        assert len(kept._kept) <= 8
