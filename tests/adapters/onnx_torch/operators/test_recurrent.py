"""RNN, GRU and LSTM: every attribute against onnxruntime, and torch's own cells as a second opinion."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.single_node import (
    check_against,
    check_gradient,
    check_vmap,
    onnxruntime,
    reference,
    run_node,
)

STEPS, BATCH, CHANNELS, HIDDEN = 5, 3, 4, 2
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
KINDS = list(GATES)
random = np.random.default_rng(0)


def values(*shape):
    return random.standard_normal(shape).astype(np.float32)


def inputs_of(kind, directions=1, lengths=None, states=False, peepholes=False):
    rows = GATES[kind] * HIDDEN
    found = [values(STEPS, BATCH, CHANNELS), values(directions, rows, CHANNELS), values(directions, rows, HIDDEN)]
    found += [values(directions, 2 * rows), lengths]
    found += [values(directions, BATCH, HIDDEN) if states else None]
    if kind == "LSTM":
        found += [values(directions, BATCH, HIDDEN) if states else None]
        found += [values(directions, 3 * HIDDEN) if peepholes else None]
    return found


def outputs_of(kind):
    return 3 if kind == "LSTM" else 2


def check(kind, inputs, **attributes):
    how = {"outputs": outputs_of(kind), "hidden_size": HIDDEN, "rtol": 1e-4, "atol": 1e-5}
    check_against(onnxruntime, kind, inputs, 14, **how, **attributes)


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_onnx_without_bias_and_states(kind):
    check_against(reference, kind, inputs_of(kind)[:3], 14, outputs=2, hidden_size=HIDDEN, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("states", [False, True])
def test_directions_and_initial_states(kind, direction, states):
    directions = 2 if direction == "bidirectional" else 1
    check(kind, inputs_of(kind, directions, states=states), direction=direction)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_sequences_of_different_lengths(kind, direction):
    directions = 2 if direction == "bidirectional" else 1
    check(kind, inputs_of(kind, directions, np.int32([5, 2, 3]), states=True), direction=direction)


@pytest.mark.parametrize("kind", KINDS)
def test_clipped_gates(kind):
    check(kind, inputs_of(kind), clip=0.4)


@pytest.mark.parametrize("reset_late", [0, 1])
def test_when_the_gru_resets(reset_late):
    check("GRU", inputs_of("GRU", states=True), linear_before_reset=reset_late)


def test_lstm_with_peepholes():
    check("LSTM", inputs_of("LSTM", states=True, peepholes=True))


def test_a_forget_gate_coupled_to_the_input_gate_is_its_complement():
    x, *weights = inputs_of("LSTM")[:4]

    def with_opposite_forget_gate(rows):  # 1 - sigmoid(i) is sigmoid(-i)
        i, o, _, c = np.split(rows, 4, axis=1)
        return np.concatenate([i, o, -i, c], axis=1)

    w, r, b = weights
    biases = np.concatenate([with_opposite_forget_gate(half) for half in np.split(b, 2, axis=1)], axis=1)
    twin = [x, with_opposite_forget_gate(w), with_opposite_forget_gate(r), biases]
    coupled = run_node("LSTM", [x, *weights], 14, outputs=3, input_forget=1)
    for ours, theirs in zip(coupled, run_node("LSTM", twin, 14, outputs=3), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "name,alpha,beta",
    [
        ("Relu", None, None),
        ("Tanh", None, None),
        ("Softsign", None, None),
        ("Softplus", None, None),
        ("LeakyRelu", 0.3, None),
        ("ThresholdedRelu", 0.1, None),
        ("Elu", 0.7, None),
        ("HardSigmoid", 0.3, 0.4),
        ("ScaledTanh", 0.8, 1.2),
        ("Affine", 0.5, 0.1),
        ("Sigmoid", None, None),
    ],
)
def test_every_activation(name, alpha, beta):
    parameters = {"activation_alpha": [alpha]} if alpha is not None else {}
    parameters |= {"activation_beta": [beta]} if beta is not None else {}
    check("RNN", inputs_of("RNN"), activations=[name], **parameters)


def test_activations_take_their_parameters_in_turn():
    three = {"activations": ["HardSigmoid", "ScaledTanh", "tanh"]}
    check("LSTM", inputs_of("LSTM"), activation_alpha=[0.3, 0.8], activation_beta=[0.4, 1.2], **three)
    check("GRU", inputs_of("GRU", 2), direction="bidirectional", activations=["Sigmoid", "Tanh", "Tanh", "Relu"])


@pytest.mark.parametrize("kind", KINDS)
def test_batch_first_is_the_same_with_two_axes_exchanged(kind):
    inputs = inputs_of(kind, 2, np.int32([5, 2, 3]), states=True)
    plain = run_node(kind, inputs, 14, outputs=outputs_of(kind), direction="bidirectional")
    turned = list(inputs)
    for place in (0, *range(5, len(inputs))):
        if inputs[place] is not None:
            turned[place] = inputs[place].swapaxes(0, 1)
    y, *states = run_node(kind, turned, 14, outputs=outputs_of(kind), direction="bidirectional", layout=1)
    np.testing.assert_array_equal(y, plain[0].permute(2, 0, 1, 3))
    for ours, theirs in zip(states, plain[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs.transpose(0, 1))


def test_lstm_gives_the_values_and_gradients_of_torchs_own():
    x, w, r, b = (torch.from_numpy(t) for t in inputs_of("LSTM")[:4])
    own = torch.nn.LSTM(CHANNELS, HIDDEN)
    for mine, theirs in zip((w[0], r[0], *b[0].chunk(2)), own.parameters(), strict=True):
        i, o, f, c = mine.chunk(4)
        theirs.data.copy_(torch.cat([i, f, c, o]))
    ours, twin = x.clone().requires_grad_(), x.clone().requires_grad_()
    found, wanted = run_node("LSTM", [ours, w, r, b], 14)[:, 0], own(twin)[0]
    torch.testing.assert_close(found, wanted)
    gradients = (torch.autograd.grad(y.square().sum(), t)[0] for y, t in ((found, ours), (wanted, twin)))
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_agree_with_central_differences(kind):
    inputs = inputs_of(kind, 2, np.int32([5, 2, 3]), states=True, peepholes=True)
    check_gradient(kind, inputs, 14, outputs=2, direction="bidirectional", wrt=[0, 1, 2, 3, 5])


@pytest.mark.parametrize("kind", KINDS)
def test_a_vmapped_batch_equals_the_loop(kind):
    check_vmap(kind, inputs_of(kind, lengths=np.int32([5, 2, 3]))[:5], 14, outputs=2, clip=0.5)
