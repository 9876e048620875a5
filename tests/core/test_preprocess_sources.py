"""Where preprocessing comes from: the order of sources, and what belongs together."""

from pathlib import Path

import pytest

from tests.core.preprocess_cases import VIT, resolve, timm_config, write_json, write_toml
from viz.core.errors import UsageError
from viz.core.sources.preprocess import InputFacts

# The order of sources


def test_each_source_is_found_only_when_all_above_it_are_silent(model_path: Path):
    write_toml(model_path, "mean = 0.02\n", "given.toml")
    write_toml(model_path, "mean = 0.03\n")
    write_json(model_path, "preprocessor_config.json", VIT | {"image_mean": [0.05] * 3})
    write_json(model_path, "config.json", timm_config(mean=[0.06] * 3))
    metadata = {"viz.preprocess": '{"mean": 0.04}', "Image.NominalPixelRange": "NominalRange_0_255"}
    zoo = {"mean": 0.07}
    given = str(model_path.parent / "given.toml")

    def mean(**flags) -> tuple[float, str, tuple[float, float]]:
        found = resolve(model_path, metadata=metadata, zoo=zoo, **flags)
        return found.mean[0], found.origin["mean"], found.range

    assert mean(mean="0.01", preprocess=given) == (0.01, "flag --mean", (0, 1))
    assert mean(preprocess=given) == (0.02, "given.toml", (0, 1))
    assert mean() == (0.03, "resnet.viz.toml", (0, 1))
    (model_path.parent / "resnet.viz.toml").unlink()
    assert mean() == (0.04, "metadata", (0, 1))
    del metadata["viz.preprocess"]
    assert mean() == (0.0, "metadata Image.*", (0, 255))
    metadata.clear()
    assert mean() == (0.05, "preprocessor_config.json", (0, 1))
    (model_path.parent / "preprocessor_config.json").unlink()
    assert mean() == (0.06, "config.json", (0, 1))
    (model_path.parent / "config.json").unlink()
    assert mean() == (0.07, "zoo", (0, 1))
    zoo.clear()
    assert mean() == (0.485, "inferred", (0, 1))


@pytest.mark.parametrize(
    ("flag", "text", "value"),
    [
        ("mean", "0.5", (0.5,)),
        ("std", "0.25,0.5,1", (0.25, 0.5, 1.0)),
        ("range", "-1,1", (-1.0, 1.0)),
        ("channels", "bgr", "bgr"),
        ("layout", "nhwc", "nhwc"),
        ("size", "320x240", (320, 240)),
        ("size", "320", (320, 320)),
        ("resize_short", 300, 300),
        ("crop", "none", "none"),
        ("crop", "0.875", 0.875),
        ("interpolation", "lanczos", "lanczos"),
    ],
)
def test_a_single_flag_replaces_one_value_of_the_preset(flag: str, text: object, value: object):
    facts = InputFacts(channels=3)
    preset = resolve(None, facts, preprocess="imagenet").as_dict()
    changed = resolve(None, facts, preprocess="imagenet", **{flag: text})
    assert getattr(changed, flag) == value
    assert changed.origin[flag] == f"flag --{flag.replace('_', '-')}"
    follows = {"size": {"resize_short"}, "crop": {"resize_short"}, "channels": {"mean", "std"}}.get(flag, set())
    same = preset.keys() - {flag, "origin"} - follows
    assert {key: changed.as_dict()[key] for key in same} == {key: preset[key] for key in same}


def test_origin_names_the_source_of_every_field(model_path: Path):
    write_toml(model_path, "channels = 'bgr'\n")
    found = resolve(model_path, zoo={"preset": "unit"}, mean="0.1", resize_short=256)
    assert found.origin == {
        "size": "model input",
        "layout": "model input",
        "mean": "flag --mean",
        "resize_short": "flag --resize-short",
        "crop": "flag --resize-short",
        "channels": "resnet.viz.toml",
        "std": "zoo",
        "range": "zoo",
        "interpolation": "zoo",
    }


def test_the_sidecar_with_the_models_whole_name_wins(model_path: Path):
    write_toml(model_path, "mean = 0.1")
    write_toml(model_path, "mean = 0.2", "resnet.onnx.viz.toml")
    assert resolve(model_path).origin["mean"] == "resnet.onnx.viz.toml"


def test_configs_are_found_above_an_onnx_folder(model_path: Path):
    inner = model_path.parent / "onnx" / "model.onnx"
    inner.parent.mkdir()
    write_json(model_path, "preprocessor_config.json", VIT)
    assert resolve(inner).origin["mean"] == "preprocessor_config.json"


# Groups


def test_a_source_with_only_a_mean_takes_no_range_or_std_from_another(model_path: Path):
    write_toml(model_path, "[preprocess]\nmean = 0.25\n")
    found = resolve(model_path, zoo={"preset": "raw", "std": 58})
    assert (found.mean, found.std, found.range) == ((0.25,), (1.0,), (0.0, 1.0))
    assert found.origin["range"] == "resnet.viz.toml"


def test_a_source_with_only_a_crop_takes_no_resize_from_another(model_path: Path):
    write_toml(model_path, "crop = 'center'\n")
    found = resolve(model_path, zoo={"preset": "imagenet", "interpolation": "bicubic"})
    assert (found.crop, found.resize_short, found.interpolation) == ("center", None, "bilinear")
    assert found.mean == (0.485, 0.456, 0.406)


def test_a_lone_range_flag_takes_no_mean_from_a_guess(model_path: Path):
    found = resolve(model_path, range="-1,1")
    assert (found.range, found.mean, found.std) == ((-1.0, 1.0), (0.0,), (1.0,))
    assert found.origin["mean"] == "default beside the flags"


def test_a_resize_short_means_a_centre_crop(model_path: Path):
    write_toml(model_path, "resize_short = 256\n")
    assert resolve(model_path).crop == "center"
    assert resolve(None, preprocess="unit", resize_short=232).crop == "center"


@pytest.mark.parametrize(("table", "flags"), [("crop = 'none'\nresize_short = 256", {}), ("", {"crop": "0.5"})])
def test_a_resize_short_without_a_centre_crop_is_refused(model_path: Path, table: str, flags: dict[str, str]):
    write_toml(model_path, table)
    with pytest.raises(UsageError, match="resize_short is 256, but crop is"):
        resolve(model_path, resize_short=256 if flags else None, **flags)


def test_a_mean_of_red_stays_with_red_when_the_order_turns(model_path: Path):
    write_json(model_path, "preprocessor_config.json", VIT)
    assert resolve(model_path).mean == (0.5, 0.4, 0.3)
    assert resolve(model_path, channels="bgr").mean == (0.3, 0.4, 0.5)
    write_toml(model_path, "channels = 'bgr'\n")
    assert resolve(model_path).mean == (0.3, 0.4, 0.5)
    write_toml(model_path, "preset = 'imagenet'\nchannels = 'bgr'\n")
    assert resolve(model_path).mean == (0.406, 0.456, 0.485)
    write_toml(model_path, "preset = 'imagenet'\nchannels = 'bgr'\nmean = [1, 2, 3]\nrange = [0, 255]")
    assert resolve(model_path).mean == (1, 2, 3)


def test_a_mean_flag_is_in_the_models_own_order(model_path: Path):
    assert resolve(model_path, preprocess="imagenet", channels="bgr", mean="0.1,0.2,0.3").mean == (0.1, 0.2, 0.3)
    write_toml(model_path, "channels = 'bgr'")
    assert resolve(model_path, mean="0.1,0.2,0.3").mean == (0.1, 0.2, 0.3)
