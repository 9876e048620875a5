"""Where preprocessing comes from: the order of sources, what each may say, and what is guessed."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viz.core.errors import UnknownName, UsageError
from viz.core.model_options import ModelOptions
from viz.core.preprocess import Preprocess
from viz.core.preprocess_sources import InputFacts, resolve_preprocess

PHOTO = InputFacts(size=(224, 224), channels=3, layout="nchw")
FREE = InputFacts(channels=3, layout="nchw")
GRAY = InputFacts(size=(28, 28), channels=1, layout="nchw")

VIT = {
    "image_processor_type": "ViTImageProcessor",
    "do_resize": True,
    "size": {"height": 224, "width": 224},
    "resample": 3,
    "do_rescale": True,
    "rescale_factor": 0.00392156862745098,
    "do_normalize": True,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.5, 0.5, 0.5],
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Where a model would lie; nothing here reads it."""
    return tmp_path / "resnet.onnx"


def resolve(model: Path | None, facts: InputFacts = PHOTO, metadata=None, zoo=None, **flags) -> Preprocess:
    return resolve_preprocess(facts, ModelOptions(**flags), model, metadata or {}, zoo)[0]


def warnings_of(model: Path | None, facts: InputFacts = PHOTO, metadata=None, zoo=None, **flags) -> str:
    return "\n".join(resolve_preprocess(facts, ModelOptions(**flags), model, metadata or {}, zoo)[1])


def write_toml(model: Path, text: str, name: str = "resnet.viz.toml") -> None:
    (model.parent / name).write_text(text)


def write_json(model: Path, name: str, table: object) -> None:
    (model.parent / name).write_text(json.dumps(table))


def timm_config(**changes) -> dict:
    return {
        "input_size": [3, 224, 224],
        "interpolation": "bicubic",
        "crop_pct": 0.95,
        "mean": [0.1, 0.2, 0.3],
        "std": [0.4, 0.5, 0.6],
    } | changes


# The order of sources


def test_each_source_is_found_only_when_all_above_it_are_silent(model: Path):
    write_toml(model, "mean = 0.02\n", "given.toml")
    write_toml(model, "mean = 0.03\n")
    write_json(model, "preprocessor_config.json", VIT | {"image_mean": [0.05] * 3})
    write_json(model, "config.json", timm_config(mean=[0.06] * 3))
    metadata = {"viz.preprocess": '{"mean": 0.04}', "Image.NominalPixelRange": "NominalRange_0_255"}
    zoo = {"mean": 0.07}
    given = str(model.parent / "given.toml")

    def mean(**flags) -> tuple[float, str, tuple[float, float]]:
        found = resolve(model, metadata=metadata, zoo=zoo, **flags)
        return found.mean[0], found.origin["mean"], found.range

    assert mean(mean="0.01", preprocess=given) == (0.01, "flag --mean", (0, 1))
    assert mean(preprocess=given) == (0.02, "given.toml", (0, 1))
    assert mean() == (0.03, "resnet.viz.toml", (0, 1))
    (model.parent / "resnet.viz.toml").unlink()
    assert mean() == (0.04, "metadata", (0, 1))
    del metadata["viz.preprocess"]
    assert mean() == (0.0, "metadata Image.*", (0, 255))
    metadata.clear()
    assert mean() == (0.05, "preprocessor_config.json", (0, 1))
    (model.parent / "preprocessor_config.json").unlink()
    assert mean() == (0.06, "config.json", (0, 1))
    (model.parent / "config.json").unlink()
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


def test_origin_names_the_source_of_every_field(model: Path):
    write_toml(model, "channels = 'bgr'\n")
    found = resolve(model, zoo={"preset": "unit"}, mean="0.1", resize_short=256)
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


def test_the_sidecar_with_the_models_whole_name_wins(model: Path):
    write_toml(model, "mean = 0.1")
    write_toml(model, "mean = 0.2", "resnet.onnx.viz.toml")
    assert resolve(model).origin["mean"] == "resnet.onnx.viz.toml"


def test_configs_are_found_above_an_onnx_folder(model: Path):
    inner = model.parent / "onnx" / "model.onnx"
    inner.parent.mkdir()
    write_json(model, "preprocessor_config.json", VIT)
    assert resolve(inner).origin["mean"] == "preprocessor_config.json"


# Groups


def test_a_source_with_only_a_mean_takes_no_range_or_std_from_another(model: Path):
    write_toml(model, "[preprocess]\nmean = 0.25\n")
    found = resolve(model, zoo={"preset": "raw", "std": 58})
    assert (found.mean, found.std, found.range) == ((0.25,), (1.0,), (0.0, 1.0))
    assert found.origin["range"] == "resnet.viz.toml"


def test_a_source_with_only_a_crop_takes_no_resize_from_another(model: Path):
    write_toml(model, "crop = 'center'\n")
    found = resolve(model, zoo={"preset": "imagenet", "interpolation": "bicubic"})
    assert (found.crop, found.resize_short, found.interpolation) == ("center", None, "bilinear")
    assert found.mean == (0.485, 0.456, 0.406)


def test_a_lone_range_flag_takes_no_mean_from_a_guess(model: Path):
    found = resolve(model, range="-1,1")
    assert (found.range, found.mean, found.std) == ((-1.0, 1.0), (0.0,), (1.0,))
    assert found.origin["mean"] == "default beside the flags"


def test_a_resize_short_means_a_centre_crop(model: Path):
    write_toml(model, "resize_short = 256\n")
    assert resolve(model).crop == "center"
    assert resolve(None, preprocess="unit", resize_short=232).crop == "center"


@pytest.mark.parametrize(("table", "flags"), [("crop = 'none'\nresize_short = 256", {}), ("", {"crop": "0.5"})])
def test_a_resize_short_without_a_centre_crop_is_refused(model: Path, table: str, flags: dict[str, str]):
    write_toml(model, table)
    with pytest.raises(UsageError, match="resize_short is 256, but crop is"):
        resolve(model, resize_short=256 if flags else None, **flags)


def test_a_mean_of_red_stays_with_red_when_the_order_turns(model: Path):
    write_json(model, "preprocessor_config.json", VIT)
    assert resolve(model).mean == (0.5, 0.4, 0.3)
    assert resolve(model, channels="bgr").mean == (0.3, 0.4, 0.5)
    write_toml(model, "channels = 'bgr'\n")
    assert resolve(model).mean == (0.3, 0.4, 0.5)
    write_toml(model, "preset = 'imagenet'\nchannels = 'bgr'\n")
    assert resolve(model).mean == (0.406, 0.456, 0.485)
    write_toml(model, "preset = 'imagenet'\nchannels = 'bgr'\nmean = [1, 2, 3]\nrange = [0, 255]")
    assert resolve(model).mean == (1, 2, 3)


def test_a_mean_flag_is_in_the_models_own_order(model: Path):
    assert resolve(model, preprocess="imagenet", channels="bgr", mean="0.1,0.2,0.3").mean == (0.1, 0.2, 0.3)


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


# TOML, and the same table as metadata


def test_every_key_of_the_toml_is_read(model: Path):
    write_toml(
        model,
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
    found, warnings = resolve_preprocess(InputFacts(), ModelOptions(), model, {})
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
def test_a_mistake_in_the_toml_names_the_file_and_the_key(model: Path, line: str, complaint: str):
    write_toml(model, line)
    with pytest.raises(UsageError, match=complaint):
        resolve(model)


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


# Hugging Face


def hugging_face(model: Path, facts: InputFacts = FREE, **changes) -> Preprocess:
    config = {key: value for key, value in (VIT | changes).items() if value is not None}
    write_json(model, "preprocessor_config.json", config)
    return resolve(model, facts)


def test_a_square_size_is_stretched(model: Path):
    found = hugging_face(model)
    assert (found.size, found.crop, found.interpolation) == ((224, 224), "none", "bicubic")
    assert (found.range, found.mean, found.std) == ((0.0, 1.0), (0.5, 0.4, 0.3), (0.5, 0.5, 0.5))
    assert warnings_of(model, FREE) == ""


@pytest.mark.parametrize("size", [{"shortest_edge": 256}, 256])
@pytest.mark.parametrize("crop_size", [{"height": 224, "width": 224}, 224])
def test_a_shortest_edge_with_a_crop_is_a_centre_crop(model: Path, size: object, crop_size: object):
    found = hugging_face(model, size=size, do_center_crop=True, crop_size=crop_size, image_processor_type="CLIP")
    assert (found.size, found.crop, found.resize_short) == ((224, 224), "center", 256)


def test_a_square_with_a_crop_keeps_the_central_part(model: Path):
    found = hugging_face(model, size={"height": 256, "width": 256}, do_center_crop=True, crop_size=224)
    assert (found.size, found.crop) == ((224, 224), 0.875)


def test_a_number_is_a_square_for_the_old_vit_extractors(model: Path):
    found = hugging_face(model, image_processor_type=None, feature_extractor_type="ViTFeatureExtractor", size=192)
    assert (found.size, found.crop) == ((192, 192), "none")
    found = hugging_face(
        model,
        image_processor_type=None,
        feature_extractor_type="DeiTFeatureExtractor",
        size=256,
        do_center_crop=True,
        crop_size=224,
    )
    assert (found.size, found.crop) == ((224, 224), 0.875)


@pytest.mark.parametrize(("edge", "crop", "short"), [(224, "center", 256), (384, "none", None)])
def test_convnext_crops_below_384_and_stretches_from_there(model: Path, edge: int, crop: str, short: int | None):
    found = hugging_face(
        model, image_processor_type="ConvNextImageProcessor", size={"shortest_edge": edge}, crop_pct=0.875
    )
    assert (found.size, found.crop, found.resize_short) == ((edge, edge), crop, short)


@pytest.mark.parametrize(
    ("changes", "scale"),
    [
        ({}, (0.0, 1.0)),
        ({"do_rescale": None, "rescale_factor": None}, (0.0, 1.0)),
        ({"do_rescale": False}, (0.0, 255.0)),
        ({"rescale_factor": 1 / 127.5, "rescale_offset": True}, (-1.0, 1.0)),
        ({"rescale_factor": 1 / 256}, (0.0, 255 / 256)),
        ({"rescale_factor": 1.0}, (0.0, 255.0)),
    ],
)
def test_the_scale_of_the_pixels_is_exact(model: Path, changes: dict[str, object], scale: tuple[float, float]):
    assert hugging_face(model, **changes).range == scale


def test_efficientnet_divides_by_its_std_twice(model: Path):
    kind = "EfficientNetImageProcessor"
    found = hugging_face(model, image_processor_type=kind, include_top=True, image_std=[0.5, 0.4, 0.3])
    assert found.std == pytest.approx((0.25, 0.16, 0.09))
    found = hugging_face(model, image_processor_type=kind, include_top=False, image_std=[0.5, 0.4, 0.3])
    assert found.std == (0.5, 0.4, 0.3)


def test_without_normalization_the_mean_is_not_used(model: Path):
    found = hugging_face(model, do_normalize=False, do_flip_channel_order=True)
    assert (found.mean, found.std, found.channels) == ((0.0,), (1.0,), "bgr")


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"size": {"shortest_edge": 800, "longest_edge": 1333}}, "keeps each image's own shape"),
        ({"resample": 5}, "resample 5 is not known here; used bilinear"),
        ({"image_mean": None}, "do_normalize without image_mean"),
        ({"do_resize": False, "do_center_crop": True, "crop_size": 224}, "without a resize"),
        ({"size": {"shortest_edge": 200}, "do_center_crop": True, "crop_size": 224}, "larger than the resized"),
        ({"size": {"height": 200, "width": 200}, "do_center_crop": True, "crop_size": 224}, "larger than the resized"),
    ],
)
def test_what_viz_cannot_do_alike_is_a_warning(model: Path, changes: dict[str, object], warning: str):
    hugging_face(model, **changes)
    assert warning in warnings_of(model, FREE)


@pytest.mark.parametrize("changes", [{"size": {"height": "x"}}, {"size": {"height": 3}}, {"size": [1], "crop_size": 3}])
def test_a_config_that_makes_no_sense_is_an_error_that_names_it(model: Path, changes: dict[str, object]):
    with pytest.raises(UsageError, match=r"preprocessor_config\.json"):
        hugging_face(model, **changes, do_center_crop=True)


def test_a_config_that_is_no_json_is_an_error_that_names_it(model: Path):
    (model.parent / "preprocessor_config.json").write_text("{")
    with pytest.raises(UsageError, match=r"preprocessor_config\.json cannot be read as JSON"):
        resolve(model)


def test_a_processor_of_something_else_than_images_says_nothing(model: Path):
    write_json(model, "preprocessor_config.json", {"feature_extractor_type": "Wav2Vec2FeatureExtractor"})
    assert "inferred" in set(resolve(model).origin.values())


# timm


@pytest.mark.parametrize("nested", [True, False])
def test_timm_scales_the_short_side_by_the_crop(model: Path, nested: bool):
    config = timm_config()
    write_json(model, "config.json", {"architecture": "resnet50", "pretrained_cfg": config} if nested else config)
    found, warnings = resolve_preprocess(FREE, ModelOptions(), model, {})
    assert warnings == []
    assert (found.size, found.crop, found.resize_short) == ((224, 224), "center", 235)  # floor(224 / 0.95)
    assert (found.interpolation, found.range) == ("bicubic", (0.0, 1.0))
    assert (found.mean, found.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


def test_timms_squash_keeps_the_central_part(model: Path):
    write_json(model, "config.json", timm_config(crop_mode="squash", crop_pct=0.9))
    assert (resolve(model).crop, resolve(model).resize_short) == (0.9, None)


@pytest.mark.parametrize(("key", "value"), [("crop_mode", "border"), ("interpolation", "hamming")])
def test_what_timm_does_and_viz_does_not_is_a_warning(model: Path, key: str, value: str):
    write_json(model, "config.json", timm_config(**{key: value}))
    assert f"config.json: {key} '{value}' is not known here" in warnings_of(model)


def test_a_hugging_face_config_is_not_taken_for_timms(model: Path):
    write_json(model, "config.json", {"model_type": "vit", "image_size": 224, "id2label": {"0": "cat"}})
    assert "config.json" not in resolve(model).origin.values()


# Against the model's input


def test_a_size_flag_against_a_fixed_input_names_both():
    with pytest.raises(UsageError, match=r"flag --size says 256x256 .*model's input is 224x224"):
        resolve(None, size="256")


def test_a_sidecars_size_against_a_fixed_input_names_both(model: Path):
    write_toml(model, "size = 192")
    with pytest.raises(UsageError, match=r"resnet\.viz\.toml says 192x192 .*model's input is 224x224"):
        resolve(model)


def test_a_config_of_another_export_gives_way_with_a_warning(model: Path):
    write_json(model, "config.json", timm_config(crop_pct=0.875))
    facts = InputFacts((112, 112), 3, "nchw")
    assert (resolve(model, facts).size, resolve(model, facts).resize_short) == ((112, 112), 128)
    assert "config.json says 224x224 (height x width), but the model's input is 112x112" in warnings_of(model, facts)


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


def test_a_mean_of_three_for_a_gray_model_names_its_source(model: Path):
    write_json(model, "preprocessor_config.json", VIT)
    with pytest.raises(UsageError, match=r"mean has 3 values \(preprocessor_config\.json\) for 1 channel"):
        resolve(model, GRAY)


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


def test_the_warning_says_what_to_do(model: Path):
    warning = warnings_of(model)
    assert "--preprocess (imagenet, caffe, tf, unit, raw)" in warning
    assert "resnet.viz.toml beside the model" in warning
    assert "viz predict" in warning


def test_the_warning_names_only_what_was_guessed(model: Path):
    write_toml(model, "mean = 0.5")
    warning = warnings_of(model)
    assert "assumed short side 256, centre crop." in warning
    assert "mean" not in warning
    write_toml(model, "crop = 'none'")
    assert "assumed channels rgb, ImageNet mean/std on values 0..1." in warnings_of(model)


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
