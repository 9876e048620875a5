"""Preprocessing as people write it: TOML, metadata and flags, and the mistakes in them."""

from pathlib import Path

import pytest

from tests.core.preprocess_cases import GRAY, resolve, write_toml
from viz.core.errors import UnknownName, UsageError
from viz.core.model_options import ModelOptions
from viz.core.preprocess import Preprocess
from viz.core.sources.preprocess import InputFacts, resolve_preprocess

# TOML, and the same table as metadata


def test_every_key_of_the_toml_is_read(model_path: Path):
    write_toml(
        model_path,
        """
        labels = "labels.txt"
        [preprocess]
        size = [240, 320]
        resize_short = 400
        crop = "center"
        interpolation = "bicubic"
        channels = "bgr"
        layout = "nhwc"
        range = [0, 255]
        mean = [1, 2.5, 3]
        std = 58
        """,
    )
    found, warnings = resolve_preprocess(InputFacts(), ModelOptions(), model_path, {})
    assert warnings == []
    assert set(found.origin.values()) == {"resnet.viz.toml"}
    assert found == Preprocess(
        (240, 320), "center", 400, "bicubic", "bgr", "nhwc", (0.0, 255.0), (1.0, 2.5, 3.0), (58.0,)
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("men = 0.5", "no key of resnet.viz.toml is called 'men'; did you mean 'mean'"),
        ("mean = 'a lot'", "resnet.viz.toml: mean is 'a lot', which is not a number"),
        ("mean = []", "which is not a number"),
        ("mean = nan", "which is not a number"),
        ("std = [1, 0, 1]", "free of zeros"),
        ("size = 'big'", "resnet.viz.toml: size is 'big', which is not one whole number"),
        ("size = [224, 224, 3]", "which is not one whole number"),
        ("size = 0", "which is not one whole number"),
        ("size = 224.5", "which is not one whole number"),
        ("size = true", "which is not one whole number"),
        ("resize_short = 'x'", "which is not a whole number"),
        ("crop = 'middle'", "which is not center, none"),
        ("crop = 2", "which is not center, none"),
        ("channels = 'bgrr'", "which is not one of: rgb, bgr"),
        ("layout = ['nchw']", "which is not one of: nchw"),
        ("range = 255", "which is not two numbers"),
        ("range = [1, 1]", "two different numbers"),
        ("preset = 'imagenett'", "did you mean 'imagenet'"),
        ("preset = 3", "which is not a name"),
        ("preprocess = 3", "write \\[preprocess\\]"),
        ("mean = 0.5\n[preprocess]\nstd = 1", "no key of resnet.viz.toml is called 'mean'"),
        ("mean = ", "resnet.viz.toml cannot be read as TOML"),
    ],
)
def test_a_mistake_in_the_toml_names_the_file_and_the_key(model_path: Path, line: str, complaint: str):
    write_toml(model_path, line)
    with pytest.raises(UsageError, match=complaint):
        resolve(model_path)


@pytest.mark.parametrize("text", ["[1, 2]", "{mean: 1}", "12"])
def test_metadata_that_is_no_json_object_is_an_error(text: str):
    with pytest.raises(UsageError, match=r"viz\.preprocess is not a JSON object"):
        resolve(None, metadata={"viz.preprocess": text})


def test_an_unknown_key_in_the_metadata_is_an_error():
    with pytest.raises(UnknownName, match="no key of metadata is called 'sizes'; did you mean 'size'"):
        resolve(None, metadata={"viz.preprocess": '{"sizes": 3}'})


@pytest.mark.parametrize(
    ("flag", "text", "complaint"),
    [
        ("mean", "a,b", "--mean is 'a,b', which is not a number"),
        ("range", "255", "--range is '255', which is not two numbers"),
        ("size", "10x20x30", "--size is '10x20x30'"),
        ("crop", "1.5", "--crop is '1.5'"),
        ("std", "0", "--std is '0', which is not free of zeros"),
    ],
)
def test_a_mistyped_flag_is_shown_back_with_an_example(flag: str, text: str, complaint: str):
    with pytest.raises(UsageError, match=complaint) as problem:
        resolve(None, **{flag: text})
    assert f"for example --{flag}" in problem.value.next_step


def test_onnx_image_metadata_gives_channels_and_range():
    metadata = {"Image.BitmapPixelFormat": "Gray8", "image.nominalpixelrange": "NOMINALRANGE_0_255"}
    found = resolve(None, GRAY, metadata)
    assert (found.channels, found.range, found.mean) == ("gray", (0.0, 255.0), (0.0,))
    assert resolve(None, metadata={"Image.BitmapPixelFormat": "Bgr8"}).channels == "bgr"
