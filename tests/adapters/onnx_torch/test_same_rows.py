"""Rows that are, and are not, what each image gives alone."""

import pytest
import torch
from torch import Tensor

from viz.adapters.onnx_torch.same_rows import why_rows_differ

ALONE = torch.tensor([[1.0, 0.0], [0.0, 2.0], [4.0, 4.0]])


def why(found: Tensor, alone: Tensor = ALONE, tolerance: float = 1e-2, telling_apart: bool = True) -> str:
    return why_rows_differ({"x": alone}, {"x": found}, tolerance, telling_apart)


def test_equal_rows_are_the_same() -> None:
    assert why(ALONE.clone()) == ""


def test_a_difference_is_measured_in_units_of_the_largest_value() -> None:
    assert why(ALONE + 0.03) == ""
    assert why(ALONE + 0.05) == "'x' differs from images run alone by 0.013 of the range"


def test_rows_in_another_order_differ() -> None:
    assert "differs from images run alone by 0.5" in why(ALONE[[1, 0, 2]])


def test_another_shape_differs() -> None:
    assert why(ALONE[:1]) == "'x' has shape (1, 2), alone (3, 2)"


def test_infinities_must_be_in_the_same_places() -> None:
    masked = torch.tensor([[1.0, -torch.inf], [0.0, 2.0]])
    assert why(masked, masked) == ""
    assert why(torch.tensor([[1.0, 0.0], [0.0, 2.0]]), masked) == "'x' is not finite in the same places as alone"


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_whole_numbers_and_booleans_are_compared_too(dtype: torch.dtype) -> None:
    alone = torch.tensor([[1, 0], [0, 1], [0, 0]]).to(dtype)
    assert why(alone, alone) == ""
    assert why(alone.flip(0), alone) != ""


def test_values_closer_to_each_other_than_the_tolerance_must_still_be_told_apart() -> None:
    alike = torch.tensor([[1.0], [1.004], [1.008]])
    assert why(alike, alike) == ""
    assert "images among each other by" in why(alike[[1, 2, 0]], alike)
    assert why(alike[[1, 2, 0]], alike, telling_apart=False) == ""


def test_equal_images_show_nothing() -> None:
    same = torch.ones(3, 2)
    assert "is the same for different images" in why(same, same)
    assert why(same, same, telling_apart=False) == ""
