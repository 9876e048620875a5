"""Any ONNX file, forward: whatever its layout, type, batch or end, pixels give the same scores."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from tests.onnx_models import CLASSES, conv_net, image_value, save
from viz.adapters import load
from viz.core.adapter import per_image
from viz.core.errors import ModelError, UnknownName, UsageError
from viz.core.model_options import ModelOptions
from viz.core.patches import Patched

UNIT = ModelOptions(preprocess="unit")
RAW = ModelOptions(preprocess="raw")


def pixels(count=3, size=(16, 16), seed=1):
    return np.random.default_rng(seed).random((count, 3, *size), np.float32)


def plain_scores(path, feed):
    """The file run as it is by onnxruntime: the answer that any adapter must give."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: feed})[0]


def scores(model, images):
    name = model.outputs[0]
    return per_image(model.run(images, [name])[name])


def test_scores_equal_a_plain_onnxruntime_call(tmp_path):
    path = conv_net(tmp_path / "net.onnx")
    np.testing.assert_allclose(scores(load(path, UNIT), pixels()), plain_scores(path, pixels()), rtol=1e-5)


def test_channels_last_gives_the_scores_of_channels_first(tmp_path):
    first = load(conv_net(tmp_path / "first.onnx"), UNIT)
    last = load(conv_net(tmp_path / "last.onnx", layout="nhwc"), UNIT)
    assert last.preprocess.layout == "nhwc"
    np.testing.assert_allclose(scores(last, pixels()), scores(first, pixels()), rtol=1e-5)


def test_mean_std_and_colour_order_reach_the_model(tmp_path):
    path = conv_net(tmp_path / "net.onnx")
    model = load(path, ModelOptions(preprocess="unit", channels="bgr", mean="0.1,0.2,0.3", std="0.5", range="0,255"))
    feed = (pixels()[:, ::-1] * 255 - np.array([0.1, 0.2, 0.3], np.float32)[:, None, None]) / 0.5
    np.testing.assert_allclose(scores(model, pixels()), plain_scores(path, feed.astype(np.float32)), rtol=1e-4)


@pytest.mark.parametrize(
    "elem_type", [TensorProto.UINT8, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE]
)
def test_every_input_type_gives_the_float_scores(tmp_path, elem_type):
    as_float = load(conv_net(tmp_path / "float.onnx"), RAW)
    other = load(conv_net(tmp_path / "other.onnx", elem_type=elem_type), RAW)
    whole = np.rint(pixels() * 255).astype(np.float32) / np.float32(255)
    tolerance = 0.02 if elem_type == TensorProto.BFLOAT16 else 2e-3
    expected = scores(as_float, whole)
    np.testing.assert_allclose(scores(other, whole), expected, atol=tolerance * np.abs(expected).max())


def test_pixels_are_rounded_to_whole_numbers_not_cut_off(tmp_path):
    as_float = load(conv_net(tmp_path / "float.onnx"), RAW)
    whole = load(conv_net(tmp_path / "whole.onnx", elem_type=TensorProto.UINT8), RAW)
    almost = np.full((1, 3, 16, 16), 99.9 / 255, np.float32)
    hundred = np.full((1, 3, 16, 16), 100 / 255, np.float32)
    np.testing.assert_allclose(scores(whole, almost), scores(as_float, hundred), rtol=1e-4)


def test_pixels_that_would_wrap_around_are_refused(tmp_path):
    path = conv_net(tmp_path / "signed.onnx", elem_type=TensorProto.INT8)
    with pytest.raises(UsageError, match="0 to 255"):
        load(path, ModelOptions(range="0,255"))
    load(path, ModelOptions(range="-128,127"))


def test_float64_graphs_run(tmp_path):
    model = load(conv_net(tmp_path / "double.onnx", elem_type=TensorProto.DOUBLE), UNIT)
    assert scores(model, pixels()).dtype == np.float32


@pytest.mark.parametrize("flatten", [None, [1, -1], [1, 6]])
def test_a_fixed_batch_of_one_is_opened(tmp_path, flatten):
    path = conv_net(tmp_path / "one.onnx", batch=1, flatten=flatten)
    model = load(path, UNIT)
    one_by_one = np.concatenate([plain_scores(path, image[None]) for image in pixels()])
    np.testing.assert_allclose(scores(model, pixels()), one_by_one, rtol=1e-4)
    assert not [note for note in model.notes if "one by one" in note]
    assert model._sessions.program(model.outputs).whole_batches


def test_a_fixed_batch_of_two_serves_any_number_of_images(tmp_path):
    path = conv_net(tmp_path / "two.onnx", batch=2, flatten=[2, 6])
    free = conv_net(tmp_path / "free.onnx")
    np.testing.assert_allclose(scores(load(path, UNIT), pixels(5)), plain_scores(free, pixels(5)), rtol=1e-4)


def mixing_net(path):
    """Subtracts the batch's mean: right for one image at a time only."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["colours"], axes=[2, 3], keepdims=0),
        helper.make_node("ReduceMean", ["colours"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Mul", ["mean", "half"], ["part"]),
        helper.make_node("Sub", ["colours", "part"], ["scores"]),
    ]
    ends = [image_value("image", [1, 3, 16, 16])], [image_value("scores", [1, 3])]
    return save(path, nodes, *ends, {"half": np.float32(0.5)})


def test_a_graph_that_mixes_images_is_looped_and_says_so(tmp_path):
    path = mixing_net(tmp_path / "mixing.onnx")
    model = load(path, UNIT)
    one_by_one = np.concatenate([plain_scores(path, image[None]) for image in pixels()])
    np.testing.assert_allclose(scores(model, pixels()), one_by_one, rtol=1e-5)
    assert any("one by one" in note for note in model.notes)
    assert any("differ" in note for note in model.notes)


def test_a_constant_class_token_is_repeated_for_every_image(tmp_path):
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["patches"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Reshape", ["patches", "grid"], ["columns"]),
        helper.make_node("Transpose", ["columns"], ["tokens"], perm=[0, 2, 1]),
        helper.make_node("Concat", ["token", "tokens"], ["all"], axis=1),
        helper.make_node("ReduceMean", ["all"], ["scores"], axes=[1], keepdims=0),
    ]
    rng = np.random.default_rng(0)
    weights = {
        "w": rng.normal(size=(5, 3, 8, 8)).astype(np.float32),
        "token": rng.normal(size=(1, 1, 5)).astype(np.float32),
        "grid": np.array([1, 5, 4], np.int64),
    }
    path = save(
        tmp_path / "vit.onnx", nodes, [image_value("image", [1, 3, 16, 16])], [image_value("scores", [1, 5])], weights
    )
    model = load(path, UNIT)
    one_by_one = np.concatenate([plain_scores(path, image[None]) for image in pixels()])
    np.testing.assert_allclose(scores(model, pixels()), one_by_one, rtol=1e-4)
    assert model._sessions.program(model.outputs).whole_batches


@pytest.mark.parametrize(
    ("end", "logits", "probabilities", "to_probability"),
    [
        ("", "scores", None, "none"),
        ("Softmax", "scores", "end", "softmax"),
        ("Sigmoid", "scores", "end", "sigmoid"),
        ("LogSoftmax", "scores", None, "softmax"),
    ],
)
def test_what_stands_at_the_end_is_found(tmp_path, end, logits, probabilities, to_probability):
    found = load(conv_net(tmp_path / "net.onnx", end=end), UNIT).scores
    assert (found.classes, found.logits, found.probabilities, found.to_probability) == (
        CLASSES,
        logits,
        probabilities,
        to_probability,
    )


def test_scores_that_sum_to_one_without_a_softmax_are_probabilities(tmp_path):
    """Softmax written out as Exp, ReduceSum and Div, as some converters leave it."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["colours"], axes=[2, 3], keepdims=0),
        helper.make_node("Exp", ["colours"], ["up"]),
        helper.make_node("ReduceSum", ["up", "axis"], ["sum"], keepdims=1),
        helper.make_node("Div", ["up", "sum"], ["share"]),
    ]
    ends = [image_value("image", ["n", 3, 16, 16])], [image_value("share", ["n", 3])]
    model = load(save(tmp_path / "written_out.onnx", nodes, *ends, {"axis": np.array([1])}), UNIT)
    assert model.scores.logits is None
    assert model.scores.probabilities == "share"
    assert any("sums to 1" in note for note in model.notes)


def test_a_model_without_class_scores_has_none(tmp_path):
    nodes = [helper.make_node("Relu", ["image"], ["map"])]
    ends = [image_value("image", ["n", 3, 16, 16])], [image_value("map", ["n", 3, 16, 16])]
    assert load(save(tmp_path / "map.onnx", nodes, *ends, {}), UNIT).scores is None


def test_any_inner_tensor_comes_out(tmp_path):
    model = load(conv_net(tmp_path / "net.onnx"), UNIT)
    values = model.run(pixels(), ["conv", "relu"])
    assert values["conv"].shape == (3, 6, 8, 8)
    np.testing.assert_array_equal(values["relu"], np.maximum(values["conv"], 0))


def test_layers_go_by_name_index_operator_and_node_name(tmp_path):
    model = load(conv_net(tmp_path / "net.onnx"), UNIT)
    assert [model.layer(name).name for name in ("relu", "1", "Relu_0", "stem.relu")] == ["relu"] * 4


def test_a_wrong_layer_name_brings_the_nearest(tmp_path):
    model = load(conv_net(tmp_path / "net.onnx"), UNIT)
    with pytest.raises(UnknownName, match="did you mean 'relu'"):
        model.layer("rellu")


def test_torch_module_names_are_aliases(tmp_path):
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], "/layer1/layer1.0/conv1/Conv", kernel_shape=[1, 1]),
        helper.make_node("Relu", ["a"], ["b"], "/layer1/layer1.0/Relu"),
        helper.make_node("GlobalAveragePool", ["b"], ["c"], "/pool/GlobalAveragePool"),
    ]
    ends = [image_value("image", ["n", 3, 8, 8])], [image_value("c", ["n", 4, 1, 1])]
    model = load(save(tmp_path / "torch.onnx", nodes, *ends, {"w": np.ones((4, 3, 1, 1), np.float32)}), UNIT)
    assert model.layer("layer1.0.conv1").name == "a"
    assert model.layer("layer1.0").name == "b"
    assert model.layer("layer1").name == "b"


def test_free_height_and_width_take_the_size_asked_for(tmp_path):
    path = conv_net(tmp_path / "free.onnx", size=("h", "w"))
    model = load(path, ModelOptions(preprocess="unit", size="20x12"))
    assert model.size == (20, 12)
    np.testing.assert_allclose(
        scores(model, pixels(size=(20, 12))), plain_scores(path, pixels(size=(20, 12))), rtol=1e-5
    )


@pytest.mark.parametrize(("channels", "colours"), [(1, "gray"), (4, "rgba")])
def test_one_and_four_channels(tmp_path, channels, colours):
    path = conv_net(tmp_path / "net.onnx", channels=channels)
    model = load(path, UNIT)
    assert model.preprocess.channels == colours
    np.testing.assert_allclose(
        scores(model, pixels()), plain_scores(path, model.preprocess.encode(pixels())), rtol=1e-5
    )


def test_a_further_input_with_a_default_needs_nothing(tmp_path):
    path = conv_net(tmp_path / "net.onnx", further=[("bonus", 2.0)])
    plain = conv_net(tmp_path / "plain.onnx")
    expected = plain_scores(plain, pixels()) + 2
    np.testing.assert_allclose(scores(load(path, UNIT), pixels()), expected, rtol=1e-5)
    given = load(path, ModelOptions(preprocess="unit", input=("bonus=5",)))
    np.testing.assert_allclose(scores(given, pixels()), expected + 3, rtol=1e-5)


def test_a_further_input_without_a_default_is_asked_for(tmp_path):
    path = conv_net(tmp_path / "net.onnx", further=[("bonus", None)])
    with pytest.raises(UsageError, match=r"'bonus'.*\n.*--input bonus=1"):
        load(path, UNIT)
    given = load(path, ModelOptions(preprocess="unit", input=("bonus=1",)))
    assert scores(given, pixels()).shape == (3, CLASSES)


def test_one_session_serves_all_batches_of_the_same_layers(tmp_path, monkeypatch):
    made = []
    real = ort.InferenceSession
    monkeypatch.setattr(ort, "InferenceSession", lambda *a, **k: made.append(1) or real(*a, **k))
    model = load(conv_net(tmp_path / "net.onnx"), UNIT)
    before = len(made)
    for count in (1, 2, 5, 2):
        model.run(pixels(count), ["relu"])
    assert len(made) == before + 1


def test_external_data_is_read_where_it_lies(tmp_path):
    conv_net(tmp_path / "inline.onnx")
    onnx.save_model(
        onnx.load(tmp_path / "inline.onnx"),
        tmp_path / "outside.onnx",
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
        convert_attribute=False,
    )
    split = load(tmp_path / "outside.onnx", UNIT)
    np.testing.assert_allclose(scores(split, pixels()), plain_scores(tmp_path / "inline.onnx", pixels()), rtol=1e-5)
    changed = split.source.sha256
    (tmp_path / "weights.bin").write_bytes(bytes((tmp_path / "weights.bin").stat().st_size))
    assert load(tmp_path / "outside.onnx", UNIT).source.sha256 != changed


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "link.bin"])
def test_external_data_outside_the_models_folder_is_refused(tmp_path, location):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(b"\0" * 10_000)
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    model = onnx.load(conv_net(tmp_path / "inline.onnx"))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="outside its own folder"):
        load(folder / "net.onnx", UNIT)


def test_missing_external_data_is_named(tmp_path):
    model = onnx.load(conv_net(tmp_path / "inline.onnx"))
    onnx.save_model(model, tmp_path / "net.onnx", save_as_external_data=True, location="gone.bin", size_threshold=0)
    (tmp_path / "gone.bin").unlink()
    with pytest.raises(ModelError, match=r"gone\.bin"):
        load(tmp_path / "net.onnx", UNIT)


@pytest.mark.parametrize("data", [b"", b"not a model at all", b"\x08\x07\x12"])
def test_a_file_that_is_no_model_says_so(tmp_path, data):
    (tmp_path / "broken.onnx").write_bytes(data)
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        load(tmp_path / "broken.onnx", UNIT)


def test_a_truncated_model_says_so(tmp_path):
    path = conv_net(tmp_path / "net.onnx")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelError):
        load(path, UNIT)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(ModelError, match="does not exist"):
        load(tmp_path / "nowhere.onnx", UNIT)


def test_an_operator_that_onnxruntime_lacks_is_an_error_with_advice(tmp_path):
    nodes = [helper.make_node("NoSuchOperator", ["image"], ["scores"])]
    ends = [image_value("image", ["n", 3, 16, 16])], [image_value("scores", ["n", 3])]
    with pytest.raises(ModelError, match="onnxruntime cannot run"):
        load(save(tmp_path / "odd.onnx", nodes, *ends, {}), UNIT)


def test_a_model_without_an_image_input_lists_its_inputs(tmp_path):
    nodes = [helper.make_node("Relu", ["words"], ["out"])]
    path = save(tmp_path / "text.onnx", nodes, [image_value("words", ["n", 77])], [image_value("out", ["n", 77])], {})
    with pytest.raises(ModelError, match=r"no input looks like an image[\s\S]*words"):
        load(path, UNIT)


def test_a_gpu_that_is_not_there_is_an_error_not_the_cpu(tmp_path):
    path = conv_net(tmp_path / "net.onnx")
    from viz.adapters.onnx_runtime.session import _has_nvidia_driver

    if _has_nvidia_driver():
        pytest.skip("this machine has an NVIDIA driver")
    with pytest.raises(ModelError, match=r"NVIDIA|CUDA"):
        load(path, ModelOptions(device="cuda"))
    with pytest.raises(ModelError):
        load(path, ModelOptions(provider="CUDAExecutionProvider"))


def test_an_unknown_provider_and_device_are_refused(tmp_path):
    path = conv_net(tmp_path / "net.onnx")
    with pytest.raises(UnknownName, match="execution provider"):
        load(path, ModelOptions(provider="FancyExecutionProvider"))
    with pytest.raises(UsageError, match="--device"):
        load(path, ModelOptions(device="tpu"))


def test_several_outputs_the_first_that_looks_like_scores_is_taken(tmp_path):
    nodes = [
        helper.make_node("Relu", ["image"], ["map"]),
        helper.make_node("ReduceMean", ["map"], ["a"], axes=[2, 3], keepdims=0),
        helper.make_node("ReduceMax", ["map"], ["b"], axes=[2, 3], keepdims=0),
    ]
    outputs = [image_value("map", ["n", 3, 8, 8]), image_value("a", ["n", 3]), image_value("b", ["n", 3])]
    path = save(tmp_path / "two.onnx", nodes, [image_value("image", ["n", 3, 8, 8])], outputs, {})
    assert load(path, UNIT).scores.logits == "a"
    assert any("--output" in note for note in load(path, UNIT).notes)
    assert load(path, ModelOptions(preprocess="unit", output="b")).scores.logits == "b"
    with pytest.raises(UsageError, match="not \\(batch, classes\\)"):
        load(path, ModelOptions(output="map"))


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 17, 21])
def test_old_and_new_operator_sets_run(tmp_path, opset):
    path = conv_net(tmp_path / "net.onnx", opset=opset)
    np.testing.assert_allclose(scores(load(path, UNIT), pixels()), plain_scores(path, pixels()), rtol=1e-5)


def test_local_functions_are_opened_so_that_inner_tensors_show(tmp_path):
    inner = helper.make_function(
        "test", "Twice", ["x"], ["y"], [helper.make_node("Add", ["x", "x"], ["y"])], [helper.make_opsetid("", 17)]
    )
    nodes = [
        helper.make_node("Twice", ["image"], ["doubled"], domain="test"),
        helper.make_node("ReduceMean", ["doubled"], ["scores"], axes=[2, 3], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "g", [image_value("image", ["n", 3, 8, 8])], [image_value("scores", ["n", 3])])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("test", 1)]
    model = helper.make_model(graph, functions=[inner], opset_imports=opsets, ir_version=8)
    onnx.save(model, tmp_path / "function.onnx")
    loaded = load(tmp_path / "function.onnx", UNIT)
    assert "Add" in {layer.op for layer in loaded.layers.values()}
    images = pixels(2, (8, 8))
    np.testing.assert_allclose(scores(loaded, images), 2 * images.mean(axis=(2, 3)), rtol=1e-5)


@pytest.mark.parametrize("variant", ["plain", "nhwc", "uint8", "looped"])
def test_patched_images_give_the_values_of_images_drawn_one_by_one(tmp_path, variant):
    """Squares replaced in the model's own input are the squares replaced in pixels."""
    if variant == "looped":
        path = mixing_net(tmp_path / "net.onnx")
    else:
        kinds = {"nhwc": {"layout": "nhwc"}, "uint8": {"elem_type": TensorProto.UINT8}}
        path = conv_net(tmp_path / "net.onnx", **kinds.get(variant, {}))
    model = load(path, RAW if variant == "uint8" else ModelOptions(preprocess="unit", mean="0.2,0.4,0.6", std="0.3"))
    rng = np.random.default_rng(0)
    images, fills = pixels(3), pixels(3, seed=5)
    name = model.outputs[0]
    for count in (7, 20, 4, 20):
        places = np.stack([np.sort(rng.integers(0, 3, count)), *rng.integers(0, 11, (2, count))], axis=1)
        patched = Patched(images, fills, 6, places)
        np.testing.assert_allclose(
            model.run_patched(patched, [name])[name], model.run(patched.drawn(), [name])[name], rtol=1e-5, atol=1e-5
        )
    other = Patched(fills, images, 6, places)
    np.testing.assert_allclose(
        model.run_patched(other, [name])[name], model.run(other.drawn(), [name])[name], rtol=1e-5, atol=1e-5
    )
