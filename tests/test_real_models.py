"""Real classifiers on real photographs: the published accuracy, and heat where the animal is."""

import json

import pytest

from viz import ModelOptions, RunOptions, load, run
from viz.core.run_options import ImageOptions
from viz.engine.loading import listed
from viz.engine.predicting import predict
from viz.techniques.attribution.occlusion import Occlusion

pytestmark = pytest.mark.shared

# As each model was trained; the manifest beside the data says the same in words.
PREPROCESSING = {
    "SqueezeNet_fp16": ModelOptions(preprocess="caffe"),
    "mobilenetv1_0.25_128_fp32": ModelOptions(preprocess="tf"),
    "mobilenetv1_0.5_160_uint8_nhwc": ModelOptions(preprocess="raw", crop="0.875"),
    "mobilenetv1_0.75_192_qdq": ModelOptions(preprocess="tf"),
    "mobilenetv2_fp32": ModelOptions(preprocess="imagenet"),
    "shufflenet-v2-12-int8": ModelOptions(preprocess="imagenet"),
    "squeezenet1.1_fp32": ModelOptions(preprocess="imagenet"),
}


@pytest.mark.parametrize("photos", ["ilsvrc_val", pytest.param("imagenet_sample", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", list(PREPROCESSING))
def test_top_1_and_top_5_are_the_published_ones_within_two_images(shared_data, name, photos):
    model = load(shared_data / f"models/imagenet/{name}.onnx", PREPROCESSING[name])
    expected = json.loads((shared_data / "accuracy.json").read_text())[f"imagenet/{name}.onnx"][photos]
    truths = json.loads((shared_data / f"images/{photos}" / _LABELS[photos]).read_text())
    background_first = model.scores.classes - 1000
    records = predict(model, listed([shared_data / "images" / photos], ImageOptions()), ImageOptions(), 5, print)
    ranks = [_rank(record, truths[record["name"]]["class_index"] + background_first) for record in records]
    assert len(ranks) == expected["images"]
    assert abs(sum(rank == 0 for rank in ranks) - expected["top1_correct"]) <= 2
    assert abs(sum(rank is not None for rank in ranks) - expected["top5_correct"]) <= 2


_LABELS = {"ilsvrc_val": "boxes.json", "imagenet_sample": "labels.json"}


def _rank(record, truth):
    indices = [prediction["class_index"] for prediction in record["predictions"]]
    return indices.index(truth) if truth in indices else None


def test_the_peak_of_occlusion_lies_on_the_animal(shared_data, tmp_path):
    labels = json.loads((shared_data / "images/clean/labels.json").read_text())
    model = load(shared_data / "models/imagenet/mobilenetv2_fp32.onnx", PREPROCESSING["mobilenetv2_fp32"])
    names = ["coral_bird.bmp", "coral_owl.jpg", "coral_hot_dog.jpg"]
    photos = [shared_data / "images/clean" / name for name in names]
    for record in run(Occlusion(), model, photos, RunOptions(out=str(tmp_path))).records:
        x, y = record["numbers"]["photo_peak_x"], record["numbers"]["photo_peak_y"]
        boxes = labels[record["name"]]["boxes_xyxy"]
        assert any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in boxes), record["name"]


def test_a_file_that_onnxruntime_cannot_run_fails_with_advice(shared_data):
    from viz.core.errors import ModelError

    with pytest.raises(ModelError, match=r"no kernel|cannot run"):
        load(shared_data / "models/broken/mnist_opset1_add.onnx")


@pytest.mark.parametrize("name", ["FastestDet", "deeplabv3_mnv2_voc_257_fp32", "version-RFB-320"])
def test_detectors_and_segmenters_show_their_neurons(shared_data, tmp_path, name):
    model = load(shared_data / f"models/detect_segment/{name}.onnx", ModelOptions(preprocess="unit"))
    assert model.scores is None
    layer = next(layer for layer in model.layers.values() if layer.op == "Conv")
    technique = Occlusion(patch=60, stride=60)
    options = RunOptions(out=str(tmp_path), target=f"{layer.name}:0", limit=1)
    [record] = run(technique, model, [shared_data / "images/clean/coral_pets.jpg"], options).records
    assert record["numbers"]["drop"] != 0
