"""A comparison is a plan without a file: the same things asked for are the same plan."""

from pathlib import Path

import pytest

from viz.batch.comparing import comparison, technique_names
from viz.core.errors import UnknownName, UsageError
from viz.core.model_options import ModelOptions
from viz.core.run_options import RunOptions


def plan(settings=(), techniques=("saliency", "occlusion"), model="models/net.onnx", sources=("photos",), **more):
    options = more.get("options", RunOptions())
    return comparison(model, more.get("model_options", ModelOptions()), techniques, settings, sources, options)


def test_every_technique_is_a_cell_of_the_one_model_over_the_one_source():
    found = plan()
    cells = found.cells()
    assert [cell.name for cell in cells] == ["net/saliency", "net/occlusion"]
    assert {cell.source.images for cell in cells} == {("photos",)}
    assert [cell.folder for cell in cells] == [found.out / "net" / "saliency", found.out / "net" / "occlusion"]
    assert found.title == "net: saliency, occlusion"


@pytest.mark.parametrize(
    ("text", "option", "value"),
    [
        ("occlusion.patch=24", "patch", 24),
        ("occlusion.fill=blur", "fill", "blur"),
        ("occlusion.fill=1,2,3", "fill", "1,2,3"),
        ("saliency.signed=true", "signed", True),
    ],
)
def test_settings_have_the_types_of_the_options(text, option, value):
    name = text.partition(".")[0]
    (technique,) = [one.technique for one in plan([text]).techniques if one.name == name]
    assert getattr(technique, option) == value


def test_dashes_in_options_are_as_good_as_underscores():
    (one,) = plan(["integrated-gradients.steps=3"], ["integrated-gradients"]).techniques
    assert one.technique.steps == 3


def test_of_two_settings_of_one_option_the_last_counts():
    (one, _) = plan(["saliency.signed=true", "saliency.signed=false"]).techniques
    assert one.technique.signed is False


@pytest.mark.parametrize(
    "other",
    [
        {"settings": ["occlusion.patch=9"]},
        {"techniques": ("saliency",)},
        {"sources": ("others",)},
        {"options": RunOptions(target="3")},
        {"model_options": ModelOptions(preprocess="tf")},
    ],
)
def test_what_changes_the_pictures_changes_the_folder(other):
    assert plan().out == plan().out
    assert plan(**other).out != plan().out
    assert plan().out.parent == Path("runs/net")


def test_out_is_taken_as_it_is():
    assert plan(options=RunOptions(out="here")).out == Path("here")


@pytest.mark.parametrize(
    ("model", "name"),
    [("a/b/net.onnx", "net"), ("net.pt2", "net"), ("zoo:shapes", "shapes"), ("package.module:factory", "factory")],
)
def test_models_are_called_by_their_names(model, name):
    assert plan(model=model).models[0].name == name


def test_techniques_are_named_with_commas_each_once():
    assert technique_names(" saliency, occlusion,saliency ,") == ["saliency", "occlusion"]
    with pytest.raises(UsageError, match="names none"):
        technique_names(" , ")
    with pytest.raises(UnknownName, match="did you mean 'saliency'"):
        technique_names("salience")


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("occlusion.patch", UsageError, "is not [A-Z]+.OPTION=VALUE"),
        ("patch=3", UsageError, "is not [A-Z]+.OPTION=VALUE"),
        ("rise.masks=3", UnknownName, "no technique of this comparison is called 'rise'"),
        ("occlusion.pach=3", UnknownName, "did you mean 'patch'"),
        ("occlusion.patch=big", UsageError, "patch"),
        ("occlusion.patch=0", UsageError, "patch"),
    ],
)
def test_a_setting_that_cannot_be_is_an_error_in_words(text, error, said):
    with pytest.raises(error, match=said):
        plan([text])
