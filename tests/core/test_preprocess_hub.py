"""Preprocessing as Hugging Face and timm write it beside a model."""

from pathlib import Path

import pytest

from tests.core.preprocess_cases import FREE, VIT, resolve, timm_config, warnings_of, write_json
from viz.core.errors import UsageError
from viz.core.model_options import ModelOptions
from viz.core.preprocess import Preprocess
from viz.core.sources.preprocess import InputFacts, resolve_preprocess

# Hugging Face


def hugging_face(model_path: Path, facts: InputFacts = FREE, **changes) -> Preprocess:
    config = {key: value for key, value in (VIT | changes).items() if value is not None}
    write_json(model_path, "preprocessor_config.json", config)
    return resolve(model_path, facts)


def test_a_square_size_is_stretched(model_path: Path):
    found = hugging_face(model_path)
    assert (found.size, found.crop, found.interpolation) == ((224, 224), "none", "bicubic")
    assert (found.range, found.mean, found.std) == ((0.0, 1.0), (0.5, 0.4, 0.3), (0.5, 0.5, 0.5))
    assert warnings_of(model_path, FREE) == ""


@pytest.mark.parametrize("size", [{"shortest_edge": 256}, 256])
@pytest.mark.parametrize("crop_size", [{"height": 224, "width": 224}, 224])
def test_a_shortest_edge_with_a_crop_is_a_centre_crop(model_path: Path, size: object, crop_size: object):
    found = hugging_face(model_path, size=size, do_center_crop=True, crop_size=crop_size, image_processor_type="CLIP")
    assert (found.size, found.crop, found.resize_short) == ((224, 224), "center", 256)


def test_a_square_with_a_crop_keeps_the_central_part(model_path: Path):
    found = hugging_face(model_path, size={"height": 256, "width": 256}, do_center_crop=True, crop_size=224)
    assert (found.size, found.crop) == ((224, 224), 0.875)


def test_a_number_is_a_square_for_the_old_vit_extractors(model_path: Path):
    found = hugging_face(model_path, image_processor_type=None, feature_extractor_type="ViTFeatureExtractor", size=192)
    assert (found.size, found.crop) == ((192, 192), "none")
    found = hugging_face(
        model_path,
        image_processor_type=None,
        feature_extractor_type="DeiTFeatureExtractor",
        size=256,
        do_center_crop=True,
        crop_size=224,
    )
    assert (found.size, found.crop) == ((224, 224), 0.875)


@pytest.mark.parametrize(("edge", "crop", "short"), [(224, "center", 256), (384, "none", None)])
def test_convnext_crops_below_384_and_stretches_from_there(model_path: Path, edge: int, crop: str, short: int | None):
    found = hugging_face(
        model_path, image_processor_type="ConvNextImageProcessor", size={"shortest_edge": edge}, crop_pct=0.875
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
def test_the_scale_of_the_pixels_is_exact(model_path: Path, changes: dict[str, object], scale: tuple[float, float]):
    assert hugging_face(model_path, **changes).range == scale


def test_efficientnet_divides_by_its_std_twice(model_path: Path):
    kind = "EfficientNetImageProcessor"
    found = hugging_face(model_path, image_processor_type=kind, include_top=True, image_std=[0.5, 0.4, 0.3])
    assert found.std == pytest.approx((0.25, 0.16, 0.09))
    found = hugging_face(model_path, image_processor_type=kind, include_top=False, image_std=[0.5, 0.4, 0.3])
    assert found.std == (0.5, 0.4, 0.3)


def test_without_normalization_the_mean_is_not_used(model_path: Path):
    found = hugging_face(model_path, do_normalize=False, do_flip_channel_order=True)
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
def test_what_viz_cannot_do_alike_is_a_warning(model_path: Path, changes: dict[str, object], warning: str):
    hugging_face(model_path, **changes)
    assert warning in warnings_of(model_path, FREE)


@pytest.mark.parametrize("changes", [{"size": {"height": "x"}}, {"size": {"height": 3}}, {"size": [1], "crop_size": 3}])
def test_a_config_that_makes_no_sense_is_an_error_that_names_it(model_path: Path, changes: dict[str, object]):
    with pytest.raises(UsageError, match=r"preprocessor_config\.json"):
        hugging_face(model_path, **changes, do_center_crop=True)


def test_a_config_that_is_no_json_is_an_error_that_names_it(model_path: Path):
    (model_path.parent / "preprocessor_config.json").write_text("{")
    with pytest.raises(UsageError, match=r"preprocessor_config\.json cannot be read as JSON"):
        resolve(model_path)


def test_a_processor_of_something_else_than_images_says_nothing(model_path: Path):
    write_json(model_path, "preprocessor_config.json", {"feature_extractor_type": "Wav2Vec2FeatureExtractor"})
    assert "inferred" in set(resolve(model_path).origin.values())


# timm


@pytest.mark.parametrize("nested", [True, False])
def test_timm_scales_the_short_side_by_the_crop(model_path: Path, nested: bool):
    config = timm_config()
    write_json(model_path, "config.json", {"architecture": "resnet50", "pretrained_cfg": config} if nested else config)
    found, warnings = resolve_preprocess(FREE, ModelOptions(), model_path, {})
    assert warnings == []
    assert (found.size, found.crop, found.resize_short) == ((224, 224), "center", 235)  # floor(224 / 0.95)
    assert (found.interpolation, found.range) == ("bicubic", (0.0, 1.0))
    assert (found.mean, found.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


def test_timms_squash_keeps_the_central_part(model_path: Path):
    write_json(model_path, "config.json", timm_config(crop_mode="squash", crop_pct=0.9))
    assert (resolve(model_path).crop, resolve(model_path).resize_short) == (0.9, None)


@pytest.mark.parametrize(("key", "value"), [("crop_mode", "border"), ("interpolation", "hamming")])
def test_what_timm_does_and_viz_does_not_is_a_warning(model_path: Path, key: str, value: str):
    write_json(model_path, "config.json", timm_config(**{key: value}))
    assert f"config.json: {key} '{value}' is not known here" in warnings_of(model_path)


def test_a_hugging_face_config_is_not_taken_for_timms(model_path: Path):
    write_json(model_path, "config.json", {"model_type": "vit", "image_size": 224, "id2label": {"0": "cat"}})
    assert "config.json" not in resolve(model_path).origin.values()
