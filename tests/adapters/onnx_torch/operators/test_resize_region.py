"""Resize to a region that the image decides: as with a fixed one, and with a gradient to its edges."""

import pytest
import torch

from tests.adapters.onnx_torch.single_node import call_node, make_node
from viz.adapters.onnx_torch.operator_table import Unsupported

X = torch.arange(1.0, 41.0).reshape(1, 2, 4, 5).sin()
SIZES = torch.tensor([3, 2])
REGIONS = [[0.1, 0.3, 0.8, 0.9], [0.0, 0.0, 1.0, 1.0], [-0.3, 0.2, 1.1, 0.5], [0.7, 0.9, 0.2, 0.1]]


def cropped(x, roi, sizes=SIZES, **attributes):
    inputs = [x, roi, None, sizes]
    how = {"mode": "linear", "axes": [2, 3], "coordinate_transformation_mode": "tf_crop_and_resize"} | attributes
    return call_node(make_node("Resize", inputs, 18, **how), inputs)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("sizes", [[3, 2], [1, 6]])
def test_values_are_those_of_a_fixed_region(region, sizes):
    fixed = cropped(X, torch.tensor(region), torch.tensor(sizes), extrapolation_value=7.0)
    moving = cropped(X, torch.tensor(region, requires_grad=True), torch.tensor(sizes), extrapolation_value=7.0)
    torch.testing.assert_close(moving.detach(), fixed)


def test_gradients_are_central_differences_for_the_image_and_for_the_edges():
    x, roi = X.double().requires_grad_(), torch.tensor(REGIONS[0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(cropped, (x, roi))


def test_images_side_by_side_have_regions_of_their_own():
    regions = torch.tensor(REGIONS)
    images = torch.stack([X, X + 1, X * 2, -X])
    together = torch.vmap(cropped)(images, regions)
    torch.testing.assert_close(together, torch.stack([cropped(*pair) for pair in zip(images, regions, strict=True)]))


def test_what_is_not_linear_is_left_to_the_tiers_below():
    with pytest.raises(Unsupported, match="mode 'cubic' with a region that depends on the image"):
        cropped(X, torch.tensor(REGIONS[0], requires_grad=True), mode="cubic")
