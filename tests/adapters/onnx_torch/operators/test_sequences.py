"""Sequences are lists, optionals are their value or nothing; neither changes what it is given."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.single_node import run_node

A, B, C = (np.float32([[i, i + 1]]) for i in (1, 3, 5))


def as_lists(sequence):
    return [tensor.tolist() for tensor in sequence]


def test_a_sequence_is_built_read_and_measured():
    sequence = run_node("SequenceConstruct", [A, B, C], 11)
    assert as_lists(sequence) == [[[1, 2]], [[3, 4]], [[5, 6]]]
    assert run_node("SequenceAt", [sequence, np.int64(1)], 11).tolist() == [[3, 4]]
    assert run_node("SequenceAt", [sequence, np.int64(-1)], 11).tolist() == [[5, 6]]
    assert run_node("SequenceLength", [sequence], 11).tolist() == 3
    assert run_node("SequenceEmpty", [], 11, dtype=7) == []


@pytest.mark.parametrize("position,wanted", [(None, [1, 3, 5]), (0, [5, 1, 3]), (1, [1, 5, 3]), (-1, [1, 5, 3])])
def test_inserting_makes_a_new_sequence(position, wanted):
    sequence = [torch.from_numpy(t) for t in (A, B)]
    found = run_node("SequenceInsert", [sequence, C, None if position is None else np.int64(position)], 11)
    assert [t[0, 0].item() for t in found] == wanted
    assert len(sequence) == 2


@pytest.mark.parametrize("position,wanted", [(None, [1, 3]), (0, [3, 5]), (-2, [1, 5])])
def test_erasing_makes_a_new_sequence(position, wanted):
    sequence = [torch.from_numpy(t) for t in (A, B, C)]
    found = run_node("SequenceErase", [sequence, None if position is None else np.int64(position)], 11)
    assert [t[0, 0].item() for t in found] == wanted
    assert len(sequence) == 3


def test_sequences_are_joined_or_stacked():
    assert run_node("ConcatFromSequence", [[A, B]], 11, axis=0).tolist() == [[1, 2], [3, 4]]
    assert run_node("ConcatFromSequence", [[A, B]], 11, axis=-1, new_axis=1).shape == (1, 2, 2)


def test_a_tensor_is_split_in_every_way():
    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    assert [len(t) for t in run_node("SplitToSequence", [x, np.int64(2)], 11)] == [2, 2, 1]
    assert [len(t) for t in run_node("SplitToSequence", [x, np.int64([1, 4])], 11)] == [1, 4]
    assert [t.shape for t in run_node("SplitToSequence", [x], 11, axis=1)] == [(5, 1)] * 2
    assert [t.shape for t in run_node("SplitToSequence", [x], 11, axis=1, keepdims=0)] == [(5,)] * 2


def test_gradients_pass_through_a_sequence():
    x = torch.arange(4.0, requires_grad=True)
    parts = run_node("SplitToSequence", [x], 11)
    again = run_node("ConcatFromSequence", [run_node("SequenceErase", [parts, np.int64(1)], 11)], 11, axis=0)
    assert torch.autograd.grad(again.sum(), x)[0].tolist() == [1, 0, 1, 1]


def test_an_optional_has_a_value_or_none():
    assert run_node("OptionalHasElement", [A], 18).tolist() is True
    assert run_node("OptionalHasElement", [None], 18).tolist() is False
    assert run_node("OptionalHasElement", [], 18).tolist() is False
    assert run_node("Optional", [A], 15).tolist() == A.tolist()
    assert run_node("OptionalGetElement", [A], 18).tolist() == A.tolist()
