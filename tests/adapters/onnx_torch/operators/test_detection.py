"""NonMaxSuppression: which boxes remain, against onnxruntime for any boxes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.onnx_torch.operator_cases import ints, uniform
from tests.adapters.onnx_torch.single_node import check_against, onnxruntime, run_node

BOXES = np.float32([[[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, 10, 1, 11], [1, 12, 0, 11]]])
SCORES = np.float32([[[0.9, 0.95, 0.5, 0.3]]])


def kept(*limits, **attributes):
    return run_node("NonMaxSuppression", [BOXES, SCORES, *limits], 11, **attributes)[:, 2].tolist()


def test_of_boxes_on_each_other_the_best_remains():
    assert kept(9, np.float32(0.5)) == [1, 2, 3]


def test_no_more_than_asked_for_and_none_by_default():
    assert kept(2, np.float32(0.5)) == [1, 2]
    assert kept() == []


def test_scores_at_the_threshold_fall():
    assert kept(9, np.float32(0.5), np.float32(0.5)) == [1]


def test_boxes_without_area_hide_nothing():
    flat = np.float32([[[0, 0, 0, 1], [0, 0, 0, 1]]])
    limits = [ints(9), np.float32([0.0])]
    check_against(onnxruntime, "NonMaxSuppression", [flat, SCORES[..., :2], *limits], 11)


def test_gathering_what_remains_passes_gradients_to_the_scores():
    scores = torch.from_numpy(SCORES).requires_grad_()
    best = run_node("NonMaxSuppression", [BOXES, scores, 1], 11)
    assert not best.requires_grad
    scores[best[0, 0], best[0, 1], best[0, 2]].backward()
    assert scores.grad.tolist() == [[[0, 1, 0, 0]]]


@pytest.mark.parametrize("centred", [0, 1])
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 999), most=st.integers(0, 6), overlap=st.floats(0, 1), floor=st.floats(0, 1))
def test_every_choice_is_onnxruntimes(centred, seed, most, overlap, floor):
    boxes, scores = uniform(2, 6, 4, seed=seed), uniform(2, 3, 6, seed=seed + 1)
    limits = [ints(most), np.float32([overlap]), np.float32([floor])]
    check_against(onnxruntime, "NonMaxSuppression", [boxes, scores, *limits], 11, center_point_box=centred)
