"""Images share a batch only where that changes nothing; the batch is always the first axis."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.adapters.torch_models import adapter, forward, pixels, read
from tests.networks import ARCHITECTURES, seeded
from viz.core.errors import ModelError


def one_by_one(net, images):
    return np.concatenate([forward(net, image[None]) for image in images])


class CountsCalls(nn.Module):
    """Remembers how many images each call had."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def forward(self, x):
        self.sizes.append(len(x))
        return self.scores(x)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_batch_of_three_equals_three_batches_of_one(name):
    net, images = seeded(ARCHITECTURES[name]), pixels(3)
    model = adapter(net)
    assert model.notes == []
    np.testing.assert_allclose(read(model, "output", images), one_by_one(net, images), rtol=1e-4, atol=1e-5)


def test_a_model_that_bakes_its_batch_in_is_run_one_by_one_and_says_so():
    class Baked(CountsCalls):
        def scores(self, x):
            return x.reshape(1, 3, -1).mean(2)

    net, images = Baked(), pixels(4)
    model = adapter(net)
    net.sizes.clear()
    np.testing.assert_allclose(read(model, "output", images), images.mean((2, 3)), atol=1e-6)
    assert net.sizes == [1, 1, 1, 1]
    assert "one image at a time" in model.notes[0]
    assert model.layers["reshape_0"].shape == (None, 3, 1024)


def test_a_model_that_mixes_the_images_of_a_batch_is_run_one_by_one():
    class NormalizesOverTheBatch(CountsCalls):
        def scores(self, x):
            return (x - x.mean((0, 2, 3), keepdim=True)).std((2, 3)) + x.mean((0, 2, 3))

    net, images = NormalizesOverTheBatch(), pixels(3)
    model = adapter(net)
    assert "three together differ from three alone" in model.notes[0]
    np.testing.assert_allclose(read(model, "output", images), one_by_one(net, images), atol=1e-5)


def test_a_random_model_is_named_as_such():
    class Random(nn.Module):
        def forward(self, x):
            return x.mean((2, 3)) + torch.rand(3)

    assert "something in it is random" in adapter(Random()).notes[0]


def test_any_number_of_images_may_be_run_at_once():
    class Free(CountsCalls):
        def scores(self, x):
            return x.mean((2, 3))

    net = Free()
    model = adapter(net)
    net.sizes.clear()
    read(model, "output", pixels(7))
    assert net.sizes == [7]


def test_a_tensor_with_the_batch_on_another_axis_is_given_with_the_batch_in_front():
    class LengthFirst(nn.Module):
        def forward(self, x):
            tokens = x.flatten(2).permute(2, 0, 1)  # (pixels, batch, channels), as attention likes it
            return tokens.mean(0)

    images = pixels()
    model = adapter(LengthFirst())
    assert model.layers["permute_0"].shape == (None, 1024, 3)
    np.testing.assert_array_equal(read(model, "permute_0", images), images.reshape(2, 3, -1).transpose(0, 2, 1))


def test_windows_folded_into_the_batch_are_given_per_image():
    class Windows(nn.Module):
        def forward(self, x):
            parts = x.reshape(-1, 3, 2, 16, 32).transpose(1, 2).flatten(0, 1)  # (batch * 2, 3, 16, 32)
            return parts.relu().mean((2, 3)).reshape(-1, 2, 3).sum(1)

    images = pixels()
    model = adapter(Windows())
    assert model.layers["relu_0"].shape == (None, 2, 3, 16, 32)
    np.testing.assert_array_equal(read(model, "relu_0", images)[1, 0], images[1, :, :16])
    np.testing.assert_array_equal(read(model, "relu_0", images)[1, 1], images[1, :, 16:])


def test_a_tensor_whose_images_lie_in_no_known_order_is_not_listed():
    class BothWays(nn.Module):
        def forward(self, x):
            both = torch.cat([x, x.flip(3) / 2])  # all images, then all flipped ones
            a, b = both.chunk(2)
            return (a - b).mean((2, 3))

    assert [*adapter(BothWays()).layers] == ("flip_0 div_0 chunk_0.0 chunk_0.1 sub_0 mean_0 output").split()


def test_tensors_without_images_are_not_listed():
    class Constants(nn.Module):
        def forward(self, x):
            weights = torch.linspace(0, 1, 3).softmax(0)
            similar = x.flatten(1) @ x.flatten(1).T  # (batch, batch)
            return x.mean((2, 3)) * weights + 0 * similar.sum()

    names = list(adapter(Constants()).layers)
    assert "softmax_0" not in names and "linspace_0" not in names and "matmul_0" not in names
    assert "mul_0" in names


def test_reduced_precision_weights_get_their_own_input_type_and_float32_comes_back():
    net = seeded(ARCHITECTURES["residual"])
    images, expected = pixels(), forward(net, pixels())
    model = adapter(net.to(torch.bfloat16))
    scores = read(model, "output", images)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, atol=0.05)
    assert model.notes == []


def test_outputs_whose_shape_depends_on_the_image_say_so():
    class Boxes(nn.Module):
        def forward(self, x):
            return {"boxes": x[x > float(x.mean())][None], "scores": x.reshape(1, -1)[:, :5]}

    model = adapter(Boxes())
    with pytest.raises(ModelError, match="another shape for every image"):
        model.run(pixels(2), ["boxes"])


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")  # torch gives such tensors up some day
def test_quantized_tensors_are_read_as_the_numbers_that_they_stand_for():
    class Quantized(nn.Module):
        def forward(self, x):
            q = torch.quantize_per_tensor(x, 0.25, 0, torch.quint8)
            return q.dequantize().mean((2, 3))

    images = pixels()
    read_back = read(adapter(Quantized()), "quantize_per_tensor_0", images)
    np.testing.assert_allclose(read_back, np.rint(images * 4) / 4, atol=1e-6)
