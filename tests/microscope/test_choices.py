"""What is looked at where nobody says."""

import pytest

from tests.report.surveys import unit
from viz.core.errors import UsageError
from viz.core.model_options import ModelOptions
from viz.microscope import of_this_model, weighted_layers
from viz.microscope.choices import worth_making
from viz.models import open_model


def test_layers_are_taken_after_their_normalization_and_activation():
    found = weighted_layers(open_model("zoo:shapes", ModelOptions()))
    assert found[:5] == ("stem.relu", "stages.0.relu1", "stages.0.norm2", "stages.0.shortcut_norm", "stages.0.relu2")
    assert "logits" not in found and "stem.conv" not in found


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
