"""`--layer`, `--channel` and `--at` say the same as one text."""

import pytest

from viz.core.errors import UsageError
from viz.core.neuron_options import NeuronOptions


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ({}, None),
        ({"layer": "a/b:0", "channel": 3}, "a/b:0:3"),
        ({"layer": "x", "channel": 0, "at": "4,5"}, "x:0@4,5"),
        ({"layer": "x", "channel": 0, "at": " 4 , 5 "}, "x:0@4,5"),
    ],
)
def test_flags_are_one_text(flags, text):
    assert NeuronOptions(**flags).target == text


@pytest.mark.parametrize(
    ("flags", "complaint", "next_step"),
    [
        ({"channel": 3}, "no layer is named", "--layer NAME"),
        ({"at": "1,2"}, "no layer is named", "--layer NAME"),
        ({"layer": "x"}, "--layer x names no neuron yet", "--target x:norm"),
        ({"layer": "x", "at": "1,2"}, "--layer x names no neuron yet", "--channel C"),
        ({"layer": "x", "channel": 1, "at": "1"}, "--at 1 is not a row and a column", "--at 6,8"),
        ({"layer": "x", "channel": 1, "at": "-1,2"}, "--at -1,2 is not", "--at 6,8"),
    ],
)
def test_parts_of_a_neuron_are_refused(flags, complaint, next_step):
    with pytest.raises(UsageError, match=complaint) as problem:
        _ = NeuronOptions(**flags).target
    assert next_step in problem.value.next_step


def test_flags_and_a_text_must_agree_where_both_are_given():
    flags = NeuronOptions(layer="x", channel=1)
    assert flags.or_target("top1", both_given=False) == "x:1"
    assert flags.or_target("x:1", both_given=True) == "x:1"
    assert NeuronOptions().or_target("dog", both_given=True) == "dog"
    with pytest.raises(UsageError, match="--target dog and --layer x --channel 1 say different things"):
        flags.or_target("dog", both_given=True)
