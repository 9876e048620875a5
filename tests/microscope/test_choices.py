"""What is looked at where nobody says."""

import numpy as np
import pytest

from tests.fakes import TensorModel
from tests.report.surveys import unit
from viz.core.errors import UsageError
from viz.core.kernel import Kernel
from viz.core.model_options import ModelOptions
from viz.microscope import of_this_model, weighted_layers
from viz.microscope.choices import worth_making
from viz.models import open_model


def test_layers_are_taken_after_their_normalization_and_activation():
    found = weighted_layers(open_model("zoo:shapes", ModelOptions()))
    assert found[:5] == ("stem.relu", "stages.0.relu1", "stages.0.norm2", "stages.0.shortcut_norm", "stages.0.relu2")
    assert "logits" not in found and "stem.conv" not in found


def test_a_layer_is_taken_before_it_is_pooled():
    class Pooled(TensorModel):
        def kernels(self):
            return ("conv",)

        def kernel(self, name):
            return Kernel("conv", "Conv", np.ones((3, 3, 1, 1), np.float32), np.zeros(3, np.float32))

        def channels_of(self, name):
            return "conv"

    model = Pooled(
        {
            "conv": lambda images: images * 2.0,
            "relu": lambda images: images * 1.0,
            "pool": lambda images: images[:, :, ::2, ::2] * 1.0,
        },
        (8, 8),
    )
    assert weighted_layers(model) == ("relu",)


def test_images_are_made_for_the_most_selective_units_that_are_alive():
    records = [unit("c", channel) for channel in range(4)]  # selectivity 0, 0.37, 0.74, 0.11
    assert worth_making(records, 2) == ["c:2", "c:1"]
    records[2]["flags"] = ["dead"]
    assert worth_making(records, 9) == ["c:1", "c:3", "c:0"]


def test_without_classes_the_first_units_are_taken():
    records = [unit("c", channel, numbers={"max": 1.0}) for channel in range(3)]
    assert worth_making(records, 2) == ["c:0", "c:1"]


def test_a_run_of_another_model_is_refused():
    model = open_model("zoo:shapes", ModelOptions())
    of_this_model({"model": {"name": "x", "spec": "x", "sha256": model.source.sha256}}, model)
    with pytest.raises(UsageError, match=r"the run is of other \(other.onnx\)"):
        of_this_model({"model": {"name": "other", "spec": "other.onnx", "sha256": "ab" * 32}}, model)
