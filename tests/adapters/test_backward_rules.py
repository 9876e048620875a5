"""Guided backpropagation and deconvnet: known answers, every way of writing a rectifier, and what is refused."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from torch import nn

from tests.adapters.rules import flowing_back, without_gradients
from tests.networks import PlainConv, Residual, seeded
from viz.adapters.backward_rules import applied, check_changed, check_seen
from viz.adapters.torch_module.watch import watching
from viz.core.errors import NotSupported

RULES = ["guided", "deconvnet"]
X = torch.tensor([[-2.0, -0.5, 0.5, 2.0, 7.0]])
PULL = torch.tensor([[3.0, -1.0, 3.0, -1.0, 5.0]])  # what comes back: positive and negative at both sides of 0


def after(function):
    """The function, and PULL as what comes back to its result."""
    return lambda x: function(x) * PULL


def test_guided_lets_positive_gradients_through_positive_inputs_and_deconvnet_through_all():
    plain, _ = flowing_back("plain", after(F.relu), X)
    guided, changes = flowing_back("guided", after(F.relu), X)
    deconvnet, _ = flowing_back("deconvnet", after(F.relu), X)
    assert plain.tolist() == [[0, 0, 3, -1, 5]]
    assert guided.tolist() == [[0, 0, 3, 0, 5]]
    assert deconvnet.tolist() == [[3, 0, 3, 0, 5]]
    assert changes.counts == {"relu": 1}


def test_two_layers_by_hand():
    def net(x):  # (1, -1) -> hidden (3, -1, 0.5) -> rectified (3, 0, 0.5)
        hidden = F.relu(F.linear(x, torch.tensor([[2.0, -1.0], [-1.0, 0.0], [0.5, 0.0]])))
        return F.linear(hidden, torch.tensor([[1.0, 4.0, -2.0]]))

    x = torch.tensor([[1.0, -1.0]])
    assert flowing_back("plain", net, x)[0].tolist() == [[1, -1]]  # 1 * (2, -1) - 2 * (0.5, 0)
    assert flowing_back("guided", net, x)[0].tolist() == [[2, -1]]  # the third is on and pulls down: stopped
    assert flowing_back("deconvnet", net, x)[0].tolist() == [[-2, -1]]  # and the second, though off: + 4 * (-1, 0)


WAYS = {
    "F.relu": F.relu,
    "F.relu in place": lambda x: F.relu(x, inplace=True),
    "F.relu in place by position": lambda x: F.relu(x, True),
    "F.relu, input named": lambda x: F.relu(input=x),
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "x.relu()": lambda x: x.relu(),
    "x.relu_(), its result unused": lambda x: (x.relu_(), x)[1],
    "module": nn.ReLU(),
    "module in place": nn.ReLU(inplace=True),
    "x.clamp(min=0)": lambda x: x.clamp(min=0),
    "x.clamp_(0)": lambda x: x.clamp_(0),
    "x.clip(0)": lambda x: x.clip(0),
    "x.clamp_min(0)": lambda x: x.clamp_min(0),
    "tensor as bound": lambda x: torch.clamp(x, min=torch.zeros(5)),
    "maximum with zeros": lambda x: torch.maximum(x, torch.zeros(5)),
    "max with zeros, the other way round": lambda x: torch.max(torch.zeros_like(x), x),
    "threshold": lambda x: F.threshold(x, 0.0, 0.0),
    "threshold module": nn.Threshold(0.0, 0.0),
    "aten.relu": torch.ops.aten.relu.default,
    "aten.relu_": torch.ops.aten.relu_.default,
    "aten.clamp_min": lambda x: torch.ops.aten.clamp_min.default(x, 0),
    "PReLU without a leak": lambda x: F.prelu(x, torch.zeros(1)),
    "CELU": F.celu,
    "ELU in place": lambda x: F.elu(x, inplace=True),
    "LeakyReLU": F.leaky_relu,
    "RReLU": nn.RReLU().eval(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rule", RULES)
def test_every_way_of_writing_a_rectifier_gives_the_same(rule, way):
    expected, _ = flowing_back(rule, after(F.relu), X)
    found, changes = flowing_back(rule, after(WAYS[way]), X)
    assert torch.equal(found, expected)
    assert changes.counts.total() == 1, changes.counts


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rule", RULES)
def test_forward_values_are_those_without_a_rule(rule, way):
    x = X.clone().requires_grad_()
    with applied(rule):
        found = WAYS[way](x * 1.0)
    assert torch.equal(found, WAYS[way](X.clone()))


CLIPS = {
    "relu6": F.relu6,
    "relu6 in place": nn.ReLU6(inplace=True),
    "hardtanh": lambda x: F.hardtanh(x, 0.0, 6.0),
    "clamp": lambda x: x.clamp(0, 6),
    "aten.hardtanh": lambda x: torch.ops.aten.hardtanh.default(x, 0, 6),
}


@pytest.mark.parametrize("way", CLIPS)
def test_nothing_passes_above_the_upper_end_of_a_clip(way):
    assert flowing_back("guided", after(CLIPS[way]), X)[0].tolist() == [[0, 0, 3, 0, 0]]
    assert flowing_back("deconvnet", after(CLIPS[way]), X)[0].tolist() == [[3, 0, 3, 0, 0]]


def test_selu_keeps_its_scale():
    found, _ = flowing_back("guided", after(F.selu), X)
    torch.testing.assert_close(found, 1.0507009873554805 * flowing_back("guided", after(F.relu), X)[0])


NO_RECTIFIERS = {
    "guards a division": lambda x: x.clamp(min=1e-6),
    "saturates on both sides": lambda x: x.clamp(-1, 1),
    "hardtanh": F.hardtanh,
    "only an upper end": lambda x: x.clamp(max=1),
    "maximum with ones": lambda x: torch.maximum(x, torch.ones(5)),
    "maximum of two that follow from the image": lambda x: torch.maximum(x, -x),
    "largest value": lambda x: x.max(dim=1, keepdim=True).values,
    "tanh": torch.tanh,
    "not written as one": lambda x: x * (x > 0),
}


@pytest.mark.parametrize("way", NO_RECTIFIERS)
def test_what_is_no_rectifier_keeps_its_gradient_and_is_not_counted(way):
    expected, _ = flowing_back("plain", after(NO_RECTIFIERS[way]), X)
    found, changes = flowing_back("guided", after(NO_RECTIFIERS[way]), X)
    assert torch.equal(found, expected) and not changes.counts
    with pytest.raises(NotSupported, match="no operation that it could change"):
        check_changed(changes, "guided", "net")


SMOOTH = {
    "silu": F.silu,
    "silu in place": lambda x: F.silu(x, inplace=True),
    "gelu": F.gelu,
    "mish": F.mish,
    "hardswish": F.hardswish,
    "softplus": F.softplus,
    "SiLU written out": lambda x: x * torch.sigmoid(x),
    "SiLU written out in place": lambda x: x.mul_(x.sigmoid()),
    "SiLU as a quotient": lambda x: x / (1 + torch.exp(-x)),
    "quick GELU": lambda x: x * torch.sigmoid(1.702 * x),
    "GELU written out": lambda x: 0.5 * x * (1 + torch.erf(x / 2**0.5)),
    "GELU with tanh": lambda x: 0.5 * x * (1 + torch.tanh(0.8 * (x + 0.045 * torch.pow(x, 3)))),
    "Mish written out": lambda x: x * torch.tanh(torch.log1p(torch.exp(x))),
    "hard swish written out": lambda x: x * F.relu6(x + 3) / 6,
    "hard swish written out, a part in place": lambda x: x * F.relu6(x + 3, inplace=True) / 6,
    "SiLU of something clipped": lambda x: (y := F.relu6(x)) * torch.sigmoid(y),
}


@pytest.mark.parametrize("way", SMOOTH)
@pytest.mark.parametrize("rule", RULES)
def test_smooth_activations_are_refused_also_next_to_rectifiers(rule, way):
    with pytest.raises(NotSupported, match=rf"{rule} is defined for rectifiers.*"):
        flowing_back(rule, lambda x: F.relu(SMOOTH[way](x)), X)


def test_a_model_with_smooth_activations_only_is_told_how_many():
    with applied("guided") as changes:
        F.gelu(F.gelu(X.clone().requires_grad_()))
    with pytest.raises(NotSupported, match="the model has none; it has 2 gelu"):
        check_changed(changes, "guided", "net")


def test_a_smooth_activation_off_the_path_does_no_harm():
    found, changes = flowing_back("guided", after(lambda x: (F.gelu(x), F.relu(x))[1]), X)
    assert found.tolist() == [[0, 0, 3, 0, 5]] and changes.refused == {"gelu": 1}


def test_a_gate_from_elsewhere_is_no_smooth_activation():
    def squeeze_excite(x):
        return F.relu(x) * torch.sigmoid(x.mean(dim=1, keepdim=True))

    found, changes = flowing_back("guided", squeeze_excite, X)
    assert changes.counts == {"relu": 1} and found.abs().sum() > 0


def test_a_module_called_twice_counts_twice():
    relu = nn.ReLU()
    _, changes = flowing_back("guided", lambda x: relu(relu(x) - 1), X)
    assert changes.counts == {"relu": 2}


def test_what_a_function_of_torch_does_inside_is_counted_once():
    block = without_gradients(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True))
    _, changes = flowing_back("guided", block, torch.randn(2, 3, 4))
    assert changes.counts == {"relu": 1}


@pytest.mark.parametrize("rule", RULES)
def test_inside_vmap_it_is_the_same(rule):
    net = without_gradients(seeded(PlainConv))
    for part in net.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = False
    images = torch.rand(3, 3, 32, 32)
    together, changes = flowing_back(rule, net, images)
    mapped, in_vmap = flowing_back(rule, torch.vmap(lambda image: net(image[None])[0]), images)
    torch.testing.assert_close(mapped, together, atol=1e-7, rtol=1e-5)
    assert changes.counts == in_vmap.counts == {"relu": 2}


def hooked(net, rule, images):
    """The slow twin: hooks on every ReLU module, none of them in place."""

    def change(module, gradients_in, gradients_out):
        source = gradients_in if rule == "guided" else gradients_out
        return (source[0].clamp(min=0),)

    handles = []
    for part in net.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = False
            handles.append(part.register_full_backward_hook(change))
    images = images.clone().requires_grad_()
    (found,) = torch.autograd.grad(net(images)[:, 3].sum(), [images])
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.parametrize("rule", RULES)
def test_modules_in_place_agree_with_hooks_on_modules(rule):
    net, images = without_gradients(seeded(PlainConv)), torch.rand(2, 3, 32, 32)
    found, _ = flowing_back(rule, lambda x: net(x)[:, 3], images)
    assert found.abs().max() > 0
    torch.testing.assert_close(found, hooked(net, rule, images), atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("rule", [*RULES, "lrp-epsilon", "lrp-epsilon-plus-flat"])
def test_layers_are_called_the_same_with_a_rule(rule):
    def names(rule):
        seen, net = [], without_gradients(seeded(Residual))
        with applied(rule), watching(net, lambda step: seen.append((step.name, step.op, step.inner))):
            net(torch.rand(1, 3, 32, 32).requires_grad_() * 1.0)
        return seen

    assert names(rule) == names("plain")


def test_the_plain_rule_is_no_mode_at_all():
    before = torch._C._len_torch_function_stack()
    with applied("plain"):
        assert torch._C._len_torch_function_stack() == before
    with applied("guided"):
        assert torch._C._len_torch_function_stack() == before + 1
    assert torch._C._len_torch_function_stack() == before


class OwnRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


@pytest.mark.parametrize("unseen", [OwnRelu.apply, torch.jit.script(F.relu)], ids=["own function", "TorchScript"])
def test_what_passes_below_the_rule_is_found_in_the_graph(unseen):
    x = X.clone().requires_grad_()
    with applied("guided"):
        result = F.relu(unseen(F.relu(x)))
    with pytest.raises(NotSupported, match="guided cannot see"):
        check_seen([result], "guided", "net")
    with applied("guided"):
        seen = F.relu(x.clone(), inplace=True)
    check_seen([seen], "guided", "net")
