"""Presets and guesses, and how preprocessing is held against the model's input."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.preprocess_cases import (
    FREE,
    GRAY,
    PHOTO,
    VIT,
    resolve,
    timm_config,
    warnings_of,
    write_json,
    write_toml,
)
from viz.core.errors import UnknownName, UsageError
from viz.core.sources.preprocess import InputFacts

# Presets


@pytest.mark.parametrize(
    ("name", "described"),
    [
        (
            "imagenet",
            "224x224 rgb nchw, short side 256, centre crop (bilinear), 0..1, "
            "mean 0.485/0.456/0.406, std 0.229/0.224/0.225",
        ),
        ("caffe", "224x224 bgr nchw, short side 256, centre crop (bilinear), 0..255, mean 104/117/123, std 1"),
        ("tf", "224x224 rgb nchw, central 87.5% of each side (bilinear), -1..1"),
        ("unit", "224x224 rgb nchw, stretched (bilinear), 0..1"),
        ("raw", "224x224 rgb nchw, stretched (bilinear), 0..255"),
    ],
)
def test_a_preset_describes_itself_and_warns_of_nothing(name: str, described: str):
    assert resolve(None, preprocess=name).describe() == described
    assert warnings_of(None, preprocess=name) == ""


@pytest.mark.parametrize(("side", "short"), [(299, 342), (128, 146), (96, 110), (224, 256)])
def test_the_presets_short_side_grows_with_the_input(side: int, short: int):
    assert resolve(None, InputFacts((side, side), 3), preprocess="imagenet").resize_short == short


@pytest.mark.parametrize("name", ["tf", "unit", "raw"])
@pytest.mark.parametrize(("count", "channels"), [(1, "gray"), (4, "rgba")])
def test_presets_without_colours_fit_any_number_of_channels(name: str, count: int, channels: str):
    assert resolve(None, InputFacts((8, 8), count, "nchw"), preprocess=name).channels == channels


@pytest.mark.parametrize("name", ["imagenet", "caffe"])
@pytest.mark.parametrize("count", [1, 4])
def test_presets_of_three_colours_refuse_other_models(name: str, count: int):
    with pytest.raises(UsageError, match=f"{name} .* is for three channels, and the model's input has {count}"):
        resolve(None, InputFacts((8, 8), count, "nchw"), preprocess=name)


def test_a_misspelt_preset_gets_the_nearest_name():
    with pytest.raises(UnknownName, match="did you mean 'imagenet'"):
        resolve(None, preprocess="imagnet")


def test_a_preprocess_file_that_is_not_there_is_named():
    with pytest.raises(UsageError, match=r"nowhere\.toml: there is no such file"):
        resolve(None, preprocess="nowhere.toml")


# Against the model's input


def test_a_size_flag_against_a_fixed_input_names_both():
    with pytest.raises(UsageError, match=r"flag --size says 256x256 .*model's input is 224x224"):
        resolve(None, size="256")


def test_a_sidecars_size_against_a_fixed_input_names_both(model_path: Path):
    write_toml(model_path, "size = 192")
    with pytest.raises(UsageError, match=r"resnet\.viz\.toml says 192x192 .*model's input is 224x224"):
        resolve(model_path)


def test_a_config_of_another_export_gives_way_with_a_warning(model_path: Path):
    write_json(model_path, "config.json", timm_config(crop_pct=0.875))
    facts = InputFacts((112, 112), 3, "nchw")
    assert (resolve(model_path, facts).size, resolve(model_path, facts).resize_short) == ((112, 112), 128)
    warning = "config.json says 224x224 (height x width), but the model's input is 112x112"
    assert warning in warnings_of(model_path, facts)


def test_a_half_free_size_takes_the_other_half():
    half = InputFacts((None, 320), 3, "nchw")
    assert resolve(None, half, preprocess="unit", size="240x320").size == (240, 320)
    assert resolve(None, half, preprocess="unit").size == (320, 320)
    assert "assumed size 320x320" in warnings_of(None, half, preprocess="unit")
    with pytest.raises(UsageError, match="says 240x240"):
        resolve(None, half, size="240")


def test_a_layout_flag_against_the_inputs_shape_is_refused():
    with pytest.raises(UsageError, match=r"layout is nhwc \(flag --layout\), but the model's input is nchw"):
        resolve(None, layout="nhwc")


@pytest.mark.parametrize(("count", "channels"), [(3, "gray"), (1, "rgb"), (4, "bgr")])
def test_channels_that_the_input_does_not_have_are_refused(count: int, channels: str):
    with pytest.raises(
        UsageError, match=f"channels is {channels} .flag --channels., but the model's input has {count}"
    ):
        resolve(None, InputFacts((8, 8), count, "nchw"), channels=channels)


def test_a_mean_of_three_for_a_gray_model_names_its_source(model_path: Path):
    write_json(model_path, "preprocessor_config.json", VIT)
    with pytest.raises(UsageError, match=r"mean has 3 values \(preprocessor_config\.json\) for 1 channel"):
        resolve(model_path, GRAY)


def test_five_channels_are_refused():
    with pytest.raises(UsageError, match="5 channels"):
        resolve(None, InputFacts((8, 8), 5, "nchw"))


# Guesses


@pytest.mark.parametrize(
    ("facts", "described", "assumed"),
    [
        (PHOTO, "mean 0.485/0.456/0.406", "channels rgb, ImageNet mean/std on values 0..1, short side 256"),
        (GRAY, "28x28 gray nchw, stretched (bilinear), 0..1", "channels gray, values 0..1, stretched"),
        (InputFacts((8, 8), 4, "nchw"), "rgba nchw, stretched", "channels rgba, values 0..1"),
        (InputFacts((160, 160), 3, "nhwc", integer=True), "rgb nhwc, stretched (bilinear), 0..255", "values 0..255"),
        (InputFacts((8, 8), 3, "nhwc", integer=True, signed=True), "-128..127", "values -128..127"),
        (InputFacts(), "224x224 rgb nchw, short side 256", "assumed size 224x224, channels rgb, layout nchw"),
    ],
)
def test_a_guess_is_announced_with_what_was_assumed(facts: InputFacts, described: str, assumed: str):
    assert described in resolve(None, facts).describe()
    assert assumed in warnings_of(None, facts)


def test_the_warning_says_what_to_do(model_path: Path):
    warning = warnings_of(model_path)
    assert "--preprocess (imagenet, caffe, tf, unit, raw)" in warning
    assert "resnet.viz.toml beside the model" in warning
    assert "viz predict" in warning


def test_the_warning_names_only_what_was_guessed(model_path: Path):
    write_toml(model_path, "mean = 0.5")
    warning = warnings_of(model_path)
    assert "assumed short side 256, centre crop." in warning
    assert "mean" not in warning
    write_toml(model_path, "crop = 'none'")
    assert "assumed channels rgb, ImageNet mean/std on values 0..1." in warnings_of(model_path)


def test_a_free_size_that_nobody_names_is_224_with_a_warning():
    assert resolve(None, FREE, preprocess="imagenet").size == (224, 224)
    assert "assumed size 224x224." in warnings_of(None, FREE, preprocess="imagenet")


# Doubts


@pytest.mark.parametrize(
    ("facts", "flags", "warning"),
    [
        (PHOTO, {"preprocess": "unit", "mean": "104,117,123"}, "mean 104 (flag --mean) lies outside of the range 0..1"),
        (PHOTO, {"preprocess": "imagenet", "range": "0,255"}, "would run from"),
        (InputFacts((8, 8), 3, "nhwc", integer=True), {"preprocess": "imagenet"}, "whole numbers 0..255"),
        (InputFacts((8, 8), 3, "nhwc", integer=True, signed=True), {"preprocess": "raw"}, "whole numbers -128..127"),
    ],
)
def test_values_that_do_not_go_together_are_a_warning_with_figures(facts, flags, warning: str):
    assert warning in warnings_of(None, facts, **flags)


@given(st.sampled_from(["imagenet", "caffe", "tf", "unit", "raw"]), st.integers(1, 1000), st.integers(1, 1000))
def test_any_preset_suits_any_size(name: str, height: int, width: int):
    found = resolve(None, InputFacts((height, width), 3, "nchw"), preprocess=name)
    assert found.size == (height, width)
    assert found.resize_short is None or found.resize_short >= max(height, width)
