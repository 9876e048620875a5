"""Layer-wise relevance propagation: known answers, a slow twin with matrices, conservation, what has no rule."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import nn

from tests.adapters.rules import relevance, without_gradients
from tests.adapters.torch_models import adapter, pixels
from tests.networks import PlainConv, Residual, SqueezeExcite, TinyViT, seeded
from viz.adapters.torch_module.adapter import TorchAdapter
from viz.core.adapter import ModelSource
from viz.core.errors import NotSupported
from viz.core.gradients import input_gradients
from viz.core.preprocess import GRAY_WEIGHTS, Preprocess
from viz.core.target import class_target

RULES = ["lrp-epsilon", "lrp-epsilon-plus-flat"]
EPSILON = 1e-6


@pytest.fixture(autouse=True)
def same_numbers_in_every_run():
    torch.manual_seed(1)


def test_two_dense_layers_by_hand():
    def net(x):  # (1, 2) -> (4, -1) -> (4, 0) -> 8
        return F.linear(F.relu(F.linear(x, torch.tensor([[2.0, 1.0], [1.0, -1.0]]))), torch.tensor([[2.0, 5.0]]))

    x = torch.tensor([[1.0, 2.0]])
    found, score, changes = relevance("lrp-epsilon", net, x)
    assert score.item() == 8
    torch.testing.assert_close(found, torch.tensor([[4.0, 4.0]]))  # 8 * (2 * 1, 1 * 2) / 4
    assert changes.counts == {"linear": 2, "relu": 1}


def test_a_bias_keeps_its_part():
    def net(x):
        return F.linear(x, torch.tensor([[1.0, 3.0]]), torch.tensor([4.0]))

    found, score, _ = relevance("lrp-epsilon", net, torch.tensor([[1.0, 1.0]]))
    assert score.item() == 8
    torch.testing.assert_close(found, torch.tensor([[1.0, 3.0]]))


def test_only_positive_contributions_count_in_convolutions_behind_the_first():
    def net(x):  # the first layer copies the pixel, flat; the second adds 3x and -x
        copied = F.conv2d(x, torch.tensor([1.0, 1.0]).view(2, 1, 1, 1))
        return F.conv2d(copied, torch.tensor([3.0, -1.0]).view(1, 2, 1, 1)).flatten(1)

    x = torch.tensor([[[[2.0]]]])
    found, score, _ = relevance("lrp-epsilon-plus-flat", net, x)
    assert score.item() == 4 and found.item() == pytest.approx(4, rel=1e-5)
    found, _, _ = relevance("lrp-epsilon", net, x)
    assert found.item() == pytest.approx(4, rel=1e-5)


def test_the_first_layer_is_flat():
    def net(x):
        return F.conv2d(x, torch.tensor([[[[5.0, -1.0, 0.0]]]])).flatten(1)

    found, score, _ = relevance("lrp-epsilon-plus-flat", net, torch.tensor([[[[2.0, 1.0, 7.0]]]]))
    torch.testing.assert_close(found, torch.full((1, 1, 1, 3), score.item() / 3))


def test_without_biases_epsilon_is_gradient_times_input():
    net = without_gradients(
        nn.Sequential(nn.Conv2d(3, 6, 3, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(54, 4, False))
    ).double()
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(net(x)[:, 1].sum(), [x])
    found, score, _ = relevance("lrp-epsilon", net, x.detach(), 1)
    torch.testing.assert_close(found, (gradient * x).detach(), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(found.sum((1, 2, 3)), score, atol=1e-4, rtol=1e-3)


def small_net(bias):
    torch.manual_seed(3)
    return without_gradients(
        nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1, bias=bias),
            nn.ReLU(inplace=True),
            nn.Conv2d(4, 3, 2, stride=2, bias=bias),
            nn.LeakyReLU(),
            nn.ConvTranspose2d(3, 3, 2, bias=bias),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(12, 5, bias=bias),
            nn.ReLU(),
            nn.Linear(5, 3, bias=bias),
        )
    ).double()


@pytest.mark.parametrize("rule", RULES)
def test_relevance_is_conserved_where_there_are_no_biases(rule):
    images = torch.rand(2, 2, 8, 8, dtype=torch.float64)
    found, score, _ = relevance(rule, small_net(bias=False), images)
    assert (score.abs() > 1e-3).all()
    torch.testing.assert_close(found.sum((1, 2, 3)), score, rtol=5e-3, atol=0)  # epsilon keeps a little


def matrix_of(part, shape):
    """A layer as what it is: (outputs, inputs), and the biases (outputs)."""
    basis = torch.eye(shape.numel(), dtype=torch.float64).reshape(-1, *shape)
    bias = part(torch.zeros(1, *shape, dtype=torch.float64)).flatten()
    return part(basis).flatten(1).T - bias[:, None], bias


def shared_out(weights, bias, x, arriving):
    """R_i = sum over j of x_i w_ji / (z_j + eps sign z_j) R_j, in two loops."""
    z = weights @ x + bias
    back = torch.zeros_like(x)
    for j in range(len(z)):
        for i in range(len(x)):
            back[i] += x[i] * weights[j, i] / (z[j] + (EPSILON if z[j] >= 0 else -EPSILON)) * arriving[j]
    return back


def slow(net, rule, image, channel):
    """The twin: layer by layer, from the end, every layer as a matrix."""
    values = [image]
    for part in net:
        values.append(part(values[-1][None].clone())[0])
    arriving = torch.zeros_like(values[-1])
    arriving[channel] = values[-1][channel]
    for part, before in reversed(list(zip(net, values[:-1], strict=True))):
        if isinstance(part, nn.ReLU | nn.LeakyReLU | nn.Flatten):
            continue
        weights, bias = matrix_of(part, before.shape)
        x, back = before.flatten(), arriving.flatten()
        if rule == "lrp-epsilon" or isinstance(part, nn.Linear | nn.AvgPool2d):
            arriving = shared_out(weights, bias, x, back)
        elif part is net[0]:
            arriving = shared_out((weights != 0).double(), 0 * bias, torch.ones_like(x), back)
        else:  # inputs and weights apart by sign, as one layer of twice as many inputs
            apart = torch.cat([weights.clamp(min=0), weights.clamp(max=0)], 1)
            both = shared_out(apart, bias.clamp(min=0), torch.cat([x.clamp(min=0), x.clamp(max=0)]), back)
            arriving = both[: len(x)] + both[len(x) :]
    return arriving.reshape(image.shape)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_it_is_what_the_slow_twin_gives(rule, bias):
    net, images = small_net(bias), torch.rand(2, 2, 8, 8, dtype=torch.float64)
    found, _, _ = relevance(rule, net, images, 2)
    expected = torch.stack([slow(net, rule, image, 2) for image in images])
    assert expected.abs().max() > 1e-5
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-12)


def normalizing(net):
    """Batch normalizations that do something, with scales of both signs."""
    torch.manual_seed(5)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor in (part.running_mean, part.weight, part.bias):
                nn.init.normal_(tensor)
            nn.init.uniform_(part.running_var, 0.5, 2)
    return without_gradients(net)


@pytest.mark.parametrize("rule", RULES)
def test_a_batch_normalization_is_one_layer_with_the_convolution_before(rule):
    conv, norm, rest = nn.Conv2d(4, 4, 3, groups=2), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 3)
    first = nn.Conv2d(3, 4, 1)
    net = normalizing(nn.Sequential(first, conv, norm, nn.ReLU(), rest, nn.Flatten(2))).double()
    merged = nn.utils.fusion.fuse_conv_bn_eval(conv, norm)
    images = torch.rand(2, 3, 6, 6, dtype=torch.float64)
    found, score, changes = relevance(rule, lambda x: net(x)[..., 0], images)
    expected, same, _ = relevance(rule, lambda x: rest(F.relu(merged(first(x)))).flatten(2)[..., 0], images)
    torch.testing.assert_close(score, same)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)
    assert changes.counts["batch_norm"] == 1


def test_a_layer_whose_input_was_overwritten_since_is_not_merged():
    first, conv, norm = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)
    normalizing(nn.Sequential(first, conv, norm)).double()

    def net(x, overwrite):
        inside = first(x)
        after = conv(inside)
        if overwrite:
            inside.mul_(0)
        return norm(after).flatten(1)

    images = torch.rand(1, 3, 1, 1, dtype=torch.float64)
    found, _, _ = relevance("lrp-epsilon", lambda x: net(x, True), images)
    expected, _, _ = relevance("lrp-epsilon", lambda x: net(x, False), images)
    assert expected.abs().sum() > 0.01
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=0)  # one layer or two: the same but for epsilon


def test_a_rectifier_in_place_between_convolution_and_normalization_keeps_them_apart():
    first, conv, norm = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)
    normalizing(nn.Sequential(first, conv, norm)).double()
    images = torch.rand(1, 3, 1, 1, dtype=torch.float64)
    in_place, _, _ = relevance(RULES[1], lambda x: norm(F.relu(conv(first(x)), inplace=True)).flatten(1), images)
    apart, _, _ = relevance(RULES[1], lambda x: norm(F.relu(conv(first(x)))).flatten(1), images)
    torch.testing.assert_close(in_place, apart)


NORMALIZED_INSIDE = {
    "batch normalization": lambda x: F.batch_norm(x, torch.full((3,), 0.4), torch.full((3,), 0.04)),
    "arithmetic": lambda x: (x - 0.4) / 0.2,
    "moved first": lambda x: ((x.permute(0, 2, 3, 1) - 0.4) / 0.2).permute(0, 3, 1, 2),
}


@pytest.mark.parametrize("way", NORMALIZED_INSIDE)
@pytest.mark.parametrize("rule", RULES)
def test_a_model_that_normalizes_pixels_itself_passes_all_to_them(rule, way):
    net = small_net(bias=True).float()
    images = torch.rand(2, 3, 8, 8)
    found, score, _ = relevance(rule, lambda x: net(NORMALIZED_INSIDE[way](x)[:, :2]), images)
    normalized = NORMALIZED_INSIDE[way](images)
    expected, same, _ = relevance(rule, net, normalized[:, :2])
    torch.testing.assert_close(score, same)
    torch.testing.assert_close(found[:, :2], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("rule", RULES)
def test_a_residual_net_in_place_gives_what_it_gives_out_of_place(rule):
    def out_of_place(net, x):
        x = F.relu(net.stem(x))
        for block in net.layer1:
            x = F.relu(block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x))))) + x)
        return net.fc(x.mean((2, 3)))

    net, images = normalizing(seeded(Residual)).double(), torch.rand(2, 3, 32, 32, dtype=torch.float64)
    found, _, _ = relevance(rule, net, images)
    expected, _, _ = relevance(rule, lambda x: out_of_place(net, x), images)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


def test_a_sum_is_split_in_proportion_and_a_maximum_goes_to_the_winner():
    x = torch.tensor([[3.0, 1.0]])
    found, _, _ = relevance("lrp-epsilon", lambda x: x[:, :1] + x[:, 1:], x)
    torch.testing.assert_close(found, torch.tensor([[3.0, 1.0]]))
    found, _, _ = relevance("lrp-epsilon", lambda x: x.max(dim=1, keepdim=True).values, x)
    torch.testing.assert_close(found, torch.tensor([[3.0, 0.0]]))


GATED = {
    "sigmoid": lambda x, gate: x * torch.sigmoid(gate),
    "sigmoid first": lambda x, gate: torch.sigmoid(gate) * x,
    "hard sigmoid in pieces": lambda x, gate: x * (F.relu6(gate + 3, inplace=True) / 6),
    "one for a whole channel": lambda x, gate: x * gate.mean((2, 3), keepdim=True),
    "divided by a norm": lambda x, gate: x / gate.square().sum(1, keepdim=True).sqrt(),
}


@pytest.mark.parametrize("way", GATED)
def test_a_gate_gets_nothing(way):
    x = torch.rand(1, 4, 3, 3) + 0.5

    def net(x):
        return GATED[way](x[:, :2], x[:, 2:]).flatten(1)

    found, score, _ = relevance("lrp-epsilon", net, x)
    assert found[0, 0, 0, 0].item() == pytest.approx(score.item(), rel=1e-3)
    assert found.count_nonzero() == 1


def test_smooth_activations_pass_all_fused_and_written_out():
    x = torch.randn(2, 5)
    weights = torch.randn(3, 5)
    found, _, _ = relevance("lrp-epsilon", lambda x: F.linear(F.silu(x), weights), x)
    written, _, _ = relevance("lrp-epsilon", lambda x: F.linear(x * torch.sigmoid(x), weights), x)
    torch.testing.assert_close(found, written)
    torch.testing.assert_close(found, F.silu(x) * weights[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("norm", [nn.LayerNorm([4, 5, 5]), nn.GroupNorm(2, 4), nn.GroupNorm(1, 4)], ids=str)
def test_normalizations_by_the_image_are_linear_with_their_deviation_as_a_constant(norm):
    nn.init.normal_(norm.weight)
    without_gradients(norm.double())
    x = torch.randn(2, 4, 5, 5, dtype=torch.float64)
    found, score, _ = relevance("lrp-epsilon", lambda x: norm(x).flatten(1), x, 7)
    torch.testing.assert_close(found.sum((1, 2, 3)), score, rtol=1e-3, atol=1e-5)
    assert found.count_nonzero() > 2 * 30, "the mean of the others has its part"


NO_RULE = {
    "softmax": lambda x: F.softmax(x, 1),
    "matmul": lambda x: x @ x.T,
    "scaled_dot_product_attention": lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None])[0],
    "pow": lambda x: x**2,
    "sqrt": torch.sqrt,
    "mul": lambda x: x * x.flip(1),
    "my_library::double": lambda x: torch.ops.my_library.double(x),
}
torch.library.define("my_library::double", "(Tensor x) -> Tensor")
torch.library.impl("my_library::double", "CompositeImplicitAutograd")(lambda x: x * 2)


@pytest.mark.parametrize("name", NO_RULE)
def test_an_operation_without_a_rule_is_named(name):
    with pytest.raises(NotSupported, match=f"lrp-epsilon has no rule for {name}"):
        relevance("lrp-epsilon", lambda x: NO_RULE[name](F.relu(x)), torch.rand(3, 3))


def test_an_operation_without_a_rule_off_the_path_does_no_harm():
    found, score, changes = relevance("lrp-epsilon", lambda x: (F.softmax(x, 1), F.relu(x))[1], torch.rand(2, 3))
    torch.testing.assert_close(found.sum(1), score)
    assert changes.refused == {"softmax": 1}


class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient


@pytest.mark.parametrize("strict", [False, True])
def test_an_autograd_function_of_the_models_own_is_refused(strict):
    with pytest.raises(NotSupported, match="cannot see the operation Own"):
        relevance("lrp-epsilon", lambda x: F.relu(Own.apply(F.relu(x))), torch.rand(2, 3), strict=strict)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("make", [PlainConv, SqueezeExcite])
def test_inside_vmap_it_is_the_same(rule, make):
    net = normalizing(seeded(make))
    for part in net.modules():
        part.inplace = False
    images = torch.rand(3, 3, 32, 32)
    together, _, _ = relevance(rule, net, images)
    mapped, _, _ = relevance(rule, torch.vmap(lambda image: net(image[None])[0]), images)
    torch.testing.assert_close(mapped, together, rtol=1e-3, atol=1e-4 * together.abs().max().item())


@pytest.mark.parametrize("channels", ["bgr", "gray"])
@pytest.mark.parametrize("rule", RULES)
def test_preprocessing_passes_relevance_to_the_pixels_it_was_made_of(rule, channels):
    count = 3 if channels == "bgr" else 1
    net = without_gradients(nn.Sequential(nn.Conv2d(count, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 900, 10)))
    statistics = Preprocess(size=(32, 32), mean=(0.5,), std=(0.2,), channels=channels)
    model = TorchAdapter(net, ModelSource("net", "net", "", "torch"), preprocess=statistics)
    images = pixels()
    found = input_gradients(model, images, [class_target(model, 3)] * 2, rule)
    expected, score, _ = relevance(rule, net, torch.from_numpy(statistics.encode(images)), 3)
    weights = torch.tensor(GRAY_WEIGHTS).view(3, 1, 1)
    expected = expected.flip(1) if channels == "bgr" else expected * weights
    torch.testing.assert_close(torch.from_numpy(found.pixels), expected, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(torch.from_numpy(found.values), score)


def test_attention_is_refused_by_name():
    model = adapter(seeded(TinyViT))
    with pytest.raises(NotSupported, match="no rule for multi_head_attention_forward"):
        input_gradients(model, pixels(), [class_target(model, 3)] * 2, "lrp-epsilon")


def test_a_difference_of_classes_starts_with_both_scores():
    model, images = adapter(seeded(PlainConv)), pixels(1)
    one, other = class_target(model, 3), class_target(model, 5)
    parts = [input_gradients(model, images, [target], "lrp-epsilon").pixels for target in (one, other)]
    both = input_gradients(model, images, [one - other], "lrp-epsilon").pixels
    torch.testing.assert_close(torch.from_numpy(both), torch.from_numpy(parts[0] - parts[1]), rtol=1e-3, atol=1e-6)
