"""Targets of a real segmenter and two real detectors: heat lies on what they are about."""

import numpy as np
import pytest
from PIL import Image

from viz import ModelOptions, load
from viz.core import images as image_files
from viz.core.gradients import input_gradients
from viz.core.target import ranked_classes, targets_for
from viz.techniques.attribution.occlusion import Occlusion

pytestmark = pytest.mark.shared

OPTIONS = {
    "deeplabv3_mnv2_voc_257_fp32": {"preprocess": "tf", "crop": "none", "labels": "voc21.json"},
    "FastestDet": {"preprocess": "unit", "channels": "bgr", "labels": "coco80.json"},
    "version-RFB-320": {"preprocess": "raw", "mean": "127,127,127", "std": "128,128,128"},
}
# By eye, in pixels of the models' inputs.
SMALL_DOG = (230, 135, 345, 310)
FACES = [(82, 55, 140, 137), (156, 12, 226, 114)]


@pytest.fixture
def opened(shared_data):
    def open_one(name, photo):
        options = dict(OPTIONS[name])
        if "labels" in options:
            options["labels"] = str(shared_data / "labels" / options["labels"])
        model = load(shared_data / f"models/detect_segment/{name}.onnx", ModelOptions(**options))
        pixels = image_files.fit(image_files.read(shared_data / "images/clean" / photo), model.preprocess).pixels
        return model, pixels[None]

    return open_one


def inside(box, heat):
    left, top, right, bottom = box
    mask = np.zeros(heat.shape, bool)
    mask[top:bottom, left:right] = True
    return mask


def occluded(model, images, text, patch):
    targets = targets_for(text, model, images)
    return targets[0], Occlusion(patch=patch, stride=patch // 2)(model, images, targets)[0].heat


def lies_on(heat, mask, times):
    """The peak is on the mask, and the mean heat there is `times` that of the rest."""
    peak = np.unravel_index(heat.argmax(), heat.shape)
    return mask[peak] and heat[mask].mean() > times * max(heat[~mask].mean(), 0)


def test_occluding_the_dog_lowers_the_dogs_score_over_its_mask(opened, shared_data):
    model, images = opened("deeplabv3_mnv2_voc_257_fp32", "coral_dog_segmentation.bmp")
    target, heat = occluded(model, images, "dog in mask", 60)
    published = Image.open(shared_data / "images/clean/coral_dog_segmentation_mask.bmp").resize((257, 257), 0)
    dog = np.asarray(published.convert("L")) == 0
    predicted = target.terms[0].reading.weights.like(heat) > 0
    assert (predicted & dog).sum() / (predicted | dog).sum() > 0.75
    assert lies_on(heat, dog, times=3)


@pytest.mark.parametrize("text", ["box dog near 240,100,340,300", "box dog near 229,138,340,305"])
def test_the_box_of_the_small_dog_is_explained_by_the_small_dog(opened, text):
    model, images = opened("FastestDet", "coral_pets.jpg")
    target, heat = occluded(model, images, text, 80)
    assert target.label == "dog box 229,138,340,305"
    assert target.of(model.run(images, target.layers))[0] == pytest.approx(0.718, abs=0.01)
    assert lies_on(heat, inside(SMALL_DOG, heat), times=4)


@pytest.mark.parametrize(("text", "face"), [("box 1 near 82,55,140,137", 0), ("box 1 near 156,12,226,114", 1)])
def test_each_face_is_explained_by_itself(opened, text, face):
    model, images = opened("version-RFB-320", "coral_face.jpg")
    target, heat = occluded(model, images, text, 48)
    assert target.score == "logit", "the softmax's own input is found"
    assert targets_for(text, model, images, "probability")[0].of(model.run(images, target.layers))[0] > 0.99
    assert lies_on(heat, inside(FACES[face], heat), times=4)


def test_what_the_detector_sees_best_is_a_face_and_not_background(opened):
    model, images = opened("version-RFB-320", "coral_face.jpg")
    assert targets_for("box top1", model, images)[0].label.startswith("class 1 box")


@pytest.mark.parametrize(
    ("name", "photo", "text"),
    [
        ("deeplabv3_mnv2_voc_257_fp32", "coral_dog_segmentation.bmp", "dog in mask"),
        pytest.param(
            "deeplabv3_mnv2_voc_257_fp32",
            "coral_dog_segmentation.bmp",
            "dog in 60,40,200,200 - cat@120,80",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "deeplabv3_mnv2_voc_257_fp32", "coral_dog_segmentation.bmp", "relu_282:norm", marks=pytest.mark.slow
        ),
        ("FastestDet", "coral_pets.jpg", "box dog"),
        ("version-RFB-320", "coral_face.jpg", "box top1"),
    ],
)
def test_gradients_are_those_of_differences_on_onnxruntime(opened, name, photo, text):
    model, images = opened(name, photo)
    targets = targets_for(text, model, images)
    found = input_gradients(model, images, targets)
    np.testing.assert_allclose(found.values, targets[0].of(model.run(images, targets[0].layers)), rtol=1e-3)
    # Along the gradient a difference is large against float32's rounding.
    direction = found.pixels / np.linalg.norm(found.pixels)
    step = np.float32(0.005) * direction
    up, down = (float(targets[0].of(model.run(x, targets[0].layers))[0]) for x in (images + step, images - step))
    assert (up - down) / 0.01 == pytest.approx(float(np.linalg.norm(found.pixels)), rel=0.05)


def test_a_photo_is_most_like_one_of_the_same_kind(shared_data):
    """The layer before the classifier, found without being named: two dogs, and a rocket."""
    model = load(shared_data / "models/imagenet/mobilenetv2_fp32.onnx", ModelOptions(preprocess="imagenet"))
    photos = [shared_data / "images/clean" / f"{name}" for name in ("skimage_chelsea.png", "skimage_rocket.jpg")]
    images = np.stack([image_files.fit(image_files.read(photo), model.preprocess).pixels for photo in photos])
    target = targets_for(f"like {shared_data / 'images/clean/coral_cat_720p.jpg'}", model, images)[0]
    assert model.layers[target.layers[0]].shape == (None, 1280)
    cat, rocket = target.of(model.run(images, target.layers))
    assert cat > rocket + 0.2
    assert ranked_classes(model, images)[0].shape == (2, 1000)


def test_a_model_without_class_scores_says_what_it_has_instead(shared_data):
    from tests.cli.shell import viz

    model = str(shared_data / "models/detect_segment/version-RFB-320.onnx")
    done = viz("predict", "--model", model, str(shared_data / "images/clean/coral_face.jpg"))
    assert done.code == 2
    assert "nothing to rank; the model has 2 outputs: scores (b, 4420, 2), boxes (b, 4420, 4)" in done.said
    assert "'box top1'" in done.said
