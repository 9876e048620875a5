"""Class scores are found among the outputs, before the softmax where there is one; NaN never passes."""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.adapters.torch_models import Wrapped, adapter, forward, pixels, read
from tests.networks import CLASSES, PlainConv, SqueezeExcite, seeded
from viz.core.adapter import Scores, per_image, probabilities
from viz.core.errors import ModelError, OutOfMemory, UnknownName, UsageError


def ending_in(after, network=PlainConv):
    return adapter(seeded(lambda: Wrapped(network(), after)))


def test_a_model_that_ends_in_plain_scores_shows_logits_only():
    assert ending_in(lambda x: x).scores == Scores(CLASSES, "output", None, "none")


@pytest.mark.parametrize(
    ("after", "squash"),
    [
        (nn.Softmax(dim=1), "softmax"),
        (lambda x: torch.softmax(x, 1), "softmax"),
        (lambda x: x.softmax(-1), "softmax"),
        (nn.Sigmoid(), "sigmoid"),
        (torch.sigmoid, "sigmoid"),
        (Tensor.sigmoid_, "sigmoid"),
        (lambda x: torch.softmax(x, 1).view(-1, CLASSES), "softmax"),
    ],
)
def test_a_softmax_or_sigmoid_at_the_end_is_found_with_the_scores_before_it(after, squash):
    model = ending_in(after)
    assert model.scores is not None and model.scores.to_probability == squash
    assert model.scores.probabilities == "output"
    values = model.run(pixels(), [model.scores.logits, "output"])
    np.testing.assert_allclose(probabilities(values[model.scores.logits], squash), values["output"], atol=1e-6)
    assert values[model.scores.logits].min() < 0


def test_a_log_softmax_at_the_end_is_read_before_it():
    model = ending_in(nn.LogSoftmax(dim=1))
    assert model.scores == Scores(CLASSES, "net", None, "softmax")


def test_a_softmax_over_the_batch_is_no_softmax_over_classes():
    model = ending_in(lambda x: x.softmax(0))
    assert model.scores is not None and model.scores.to_probability == "none"


def test_a_sigmoid_that_is_scaled_afterwards_is_no_probability():
    assert ending_in(lambda x: torch.sigmoid(x).mul_(2)).scores == Scores(CLASSES, "output", None, "none")


def test_a_part_of_a_sigmoid_is_still_probabilities():
    assert ending_in(lambda x: torch.sigmoid(x)[:, :5]).scores == Scores(5, None, "output", "none")


def test_a_softmax_inside_the_model_is_not_taken_for_its_end():
    model = ending_in(lambda x: nn.functional.linear(x.softmax(1), torch.eye(CLASSES) - 0.5))
    assert model.scores == Scores(CLASSES, "output", None, "none")
    assert ending_in(lambda x: x, SqueezeExcite).scores == Scores(CLASSES, "output", None, "none")


def test_scores_with_axes_of_length_1_are_scores():
    model = ending_in(lambda x: x[:, :, None, None])
    assert model.scores is not None and model.scores.classes == CLASSES
    assert per_image(read(model, "output", pixels())).shape == (2, CLASSES)


@dataclass
class Output:
    loss: Tensor | None
    logits: Tensor
    maps: Tensor


Pair = namedtuple("Pair", "logits aux")


@pytest.mark.parametrize(
    ("after", "outputs", "scores"),
    [
        (lambda x: {"maps": x[:, :, None].tile(1, 1, 3), "logits": x}, ("maps", "logits"), "logits"),
        (lambda x: Output(None, x, x[:, None].tile(1, 3, 1)), ("logits", "maps"), "logits"),
        (lambda x: Pair(x, x / 2), ("logits", "aux"), "logits"),
        (lambda x: (x[:, None].tile(1, 3, 1), [x]), ("output.0", "output.1.0"), "output.1.0"),
        (lambda x: [x], ("output",), "output"),
        (lambda x: {"net": x, "count": 3}, ("model_net",), "model_net"),
    ],
)
def test_outputs_in_any_structure_are_named_and_the_scores_found(after, outputs, scores):
    model = ending_in(after)
    assert model.outputs == outputs
    assert model.scores is not None and model.scores.logits == scores
    np.testing.assert_allclose(read(model, scores, pixels()), read(model, "net", pixels()), atol=1e-6)


def test_the_output_may_be_chosen_and_the_choice_is_mentioned():
    net = seeded(lambda: Wrapped(PlainConv(), lambda x: Pair(x, x[:, :3])))
    assert "--output chooses among ['logits', 'aux']" in adapter(net).notes[0]
    assert adapter(net, output="aux").scores == Scores(3, "aux", None, "none")
    with pytest.raises(UnknownName, match="aux"):
        adapter(net, output="auxx")


def test_a_chosen_output_that_is_no_scores_is_refused():
    with pytest.raises(UsageError, match=r"\(None, 10, 5\), which is not \(batch, classes\)"):
        adapter(seeded(lambda: Wrapped(PlainConv(), lambda x: x[:, :, None].tile(1, 1, 5))), output="output")


def test_a_model_without_class_scores_has_none_and_shows_its_layers():
    model = adapter(nn.Conv2d(3, 4, 3))
    assert model.scores is None
    assert read(model, "output", pixels()).shape == (2, 4, 30, 30)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity_in_the_scores_are_errors(value):
    class BreaksOnBlack(nn.Module):
        def forward(self, x):
            means = x.mean((2, 3))
            return torch.where(means == 0, value, means)

    model = adapter(BreaksOnBlack())
    read(model, "output", pixels())
    with pytest.raises(ModelError, match="class scores 'output' hold NaN or infinity"):
        model.run(np.zeros((2, 3, 32, 32), np.float32), ["output"])
    with pytest.raises(ModelError, match="hold NaN"):
        adapter(Wrapped(nn.Flatten(), lambda x: x[:, :4] * value))


def test_running_out_of_memory_is_told_apart_from_other_failures():
    class Greedy(nn.Module):
        def forward(self, x):
            if len(x) > 5:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")
            return x.mean((2, 3))

    class Huge(Greedy):
        def forward(self, x):
            return torch.empty(10**13 if len(x) > 5 else 1).new_zeros(1) + x.mean((2, 3))

    for network in (Greedy, Huge):
        with pytest.raises(OutOfMemory, match="does not fit in memory"):
            adapter(network()).run(pixels(6), ["output"])


def test_a_model_that_wants_another_input_fails_with_torchs_message_and_what_to_try():
    with pytest.raises(ModelError, match=r"(?s)expected input.*to have 1 channels.*--channels"):
        adapter(nn.Conv2d(1, 4, 3))


def test_scores_of_a_known_input_are_those_of_plain_torch():
    net, images = seeded(PlainConv), pixels(5)
    np.testing.assert_allclose(read(adapter(net), "output", images), forward(net, images), atol=1e-6)
