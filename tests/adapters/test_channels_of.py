"""Whose channels a layer has: the same answer for a file and for the module that it was made of."""

import pytest

from viz.models import open_model

ANSWERS = {
    "stem.conv": "stem.conv",
    "stem.norm": "stem.conv",
    "stem.relu": "stem.conv",
    "stages.1.conv2": "stages.1.conv2",
    "logits": "logits",
}


@pytest.mark.parametrize("spec", ["zoo:shapes", "zoo:shapes-torch"])
def test_values_may_change_on_the_way_and_a_sum_makes_new_channels(spec: str) -> None:
    model = open_model(spec)
    known = {name: expected for name, expected in ANSWERS.items() if name in model.layers}
    assert len(known) >= 4
    assert {name: model.channels_of(name) for name in known} == known
    after = "stages.1.relu2" if "stages.1.relu2" in model.layers else "stages.1"
    assert model.channels_of(after).startswith("stages.1.add")


def test_the_image_has_its_own_channels() -> None:
    model = open_model("zoo:shapes")
    first = next(iter(model.layers))
    assert model.channels_of(model.layer("Conv_0").name) == first
