"""Which layers are looked at, and what of an image their positions see."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import viz
from tests.architectures.vit import FunctionAttention, ViT
from tests.fakes import TensorModel
from tests.networks import seeded
from tests.onnx_models import conv_net
from tests.techniques.activation.surveying import seen, surveyed
from viz import ModelOptions, load
from viz.core.adapter import Adapter, Layer, ReceptiveField
from viz.core.errors import NotSupported, UnknownName, UsageError
from viz.core.surveying import Window
from viz.model_zoo.shape_pictures import draw
from viz.techniques.activation.patches import Patches


@pytest.fixture(scope="module")
def shapes() -> Adapter:
    return viz.load("zoo:shapes")


def names(model: Adapter, *patterns: str) -> list[str]:
    return [layer["name"] for layer in Patches(layer=patterns).plan(model, [])["layers"]]


def test_by_default_it_is_the_last_layer_with_positions_and_that_is_told() -> None:
    model = viz.load("zoo:shapes")
    assert names(model) == ["stages.2.relu2"]
    assert "'stages.2.relu2'" in model.notes[-1]


def test_names_aliases_and_globs_mean_layers_in_execution_order(shapes: Adapter) -> None:
    assert names(shapes, "classifier", "stages.1.conv*", "stem.relu") == [
        "stem.relu",
        "stages.1.conv1",
        "stages.1.conv2",
        "logits",
    ]


def test_all_are_all_layers_that_have_channels(shapes: Adapter) -> None:
    assert names(shapes, "all") == list(shapes.layers)


@pytest.mark.parametrize("pattern", ["stem.rely", "conv9*"])
def test_what_matches_no_layer_is_named(shapes: Adapter, pattern: str) -> None:
    with pytest.raises(UnknownName, match="viz layers") as problem:
        names(shapes, pattern)
    assert repr(pattern) in problem.value.problem


def with_a_fixed_table() -> TensorModel:
    model = TensorModel({"maps": lambda x: x, "table": lambda x: x[:, 0, 0]}, (4, 6))
    model.layers["table"] = Layer("table", "Shape", (4,))
    return model


def test_a_layer_without_channels_is_refused_by_name_and_passed_over_by_a_glob() -> None:
    with pytest.raises(NotSupported, match=r"'table'.*no channels"):
        names(with_a_fixed_table(), "table")
    model = with_a_fixed_table()
    assert names(model, "*") == ["maps"]
    assert "passed over 1 without channels on the image: table" in model.notes[-1]
    with pytest.raises(NotSupported, match="none has channels"):
        names(with_a_fixed_table(), "tab*")


def test_channels_that_no_layer_has_are_refused(shapes: Adapter) -> None:
    with pytest.raises(UsageError, match="0 to 95"):
        Patches(units="96-99").plan(shapes, [])
    with pytest.raises(UsageError, match="--units 5-3"):
        Patches(units="5-3").plan(shapes, [])


def test_a_survey_that_hardly_any_machine_has_room_for_is_refused() -> None:
    model = TensorModel({"wide": lambda x: np.zeros((len(x), 200_000), np.float32)}, (4, 6))
    with pytest.raises(UsageError, match=r"200000 channels of 1 layer take .* GB"):
        Patches(layer=("wide",), top=256, per_image=16).plan(model, [])
    assert Patches(layer=("wide",)).plan(model, [])["layers"][0]["notes"][-1].startswith("correlations are left out")


def test_a_vector_sees_the_whole_image_and_has_no_place(shapes: Adapter) -> None:
    images = seen([np.random.default_rng(0).random((3, 96, 96))])
    for found in surveyed(Patches(layer=("pool", "logits")), shapes, images):
        assert found.facts["everywhere"]
        assert (found.facts["positions"], found.facts["kind"]) == ([1, 1], "vector")
        cut = next(cut for unit in found.units for cut in unit.cuts)
        assert (cut.window, cut.place, cut.heat, cut.clipped) == (Window(0, 0, 96, 96), (), None, False)


def test_tokens_show_their_own_patches_and_say_that_attention_sees_all() -> None:
    model = vit()
    found = surveyed(
        Patches(layer=("blocks.1*", "norm*")), model, seen(list(np.random.default_rng(0).random((3, 3, 48, 48))))
    )
    tokens = [one for one in found if one.facts["kind"] == "tokens"]
    assert tokens
    for layer in tokens:
        assert layer.facts["positions"] == [6, 6]
        assert layer.facts["everywhere"]
        assert any("attention sees the whole image" in note for note in layer.facts["notes"])
        assert "1 prefix token skipped" in layer.facts["notes"]
        for cut in (cut for unit in layer.units for cut in unit.cuts):
            y, x = cut.place
            assert cut.window == Window(8 * y, 8 * x, 8 * y + 8, 8 * x + 8)


def test_the_class_token_is_no_position() -> None:
    model = vit()
    name = next(one for one in reversed(list(model.layers)) if model.layers[one].shape == (None, 37, 32))
    image = np.random.default_rng(1).random((3, 48, 48)).astype(np.float32)
    values = model.run(image[None], [name])[name][0]
    units = surveyed(Patches(layer=(name,)), model, seen([image]))[0].units
    for unit in units:
        best = values[1:, unit.channel]
        assert unit.numbers["max"] == pytest.approx(best.max(), rel=1e-5)
        assert unit.cuts[0].place == divmod(int(best.argmax()), 6)


def vit() -> Adapter:
    return load(seeded(lambda: ViT(FunctionAttention)).eval(), ModelOptions(preprocess="unit", size="48"))


def test_a_file_with_channels_last_has_the_same_patches_as_its_twin(tmp_path: Path) -> None:
    found: list[Any] = []
    for layout in ("nchw", "nhwc"):
        model = load(conv_net(tmp_path / f"{layout}.onnx", layout=layout), ModelOptions(preprocess="unit"))
        images = seen(list(np.random.default_rng(2).random((6, 3, *model.size))))
        found.append(surveyed(Patches(), model, images)[0])
    one, other = ([[(c.image, c.place, c.window) for c in u.cuts] for u in layer.units] for layer in found)
    assert one == other


def test_a_field_as_wide_as_the_image_leaves_two_positions_between_patches() -> None:
    model = TensorModel({"maps": lambda x: x[:, :1]}, (5, 7))
    model.receptive_field = lambda name: ReceptiveField((9, 9), (1, 1), (-4, -4))  # type: ignore[method-assign]
    image = np.zeros((3, 5, 7), np.float32)
    image[0, 2, 2], image[0, 2, 4] = 0.5, 0.25
    cuts = surveyed(Patches(layer=("maps",), per_image=2), model, seen([image]))[0].units[0].cuts
    assert [cut.place for cut in cuts] == [(2, 2), (2, 4)]


def test_of_peaks_whose_windows_overlap_the_better_one_stays() -> None:
    model = TensorModel({"maps": lambda x: x[:, :1]}, (5, 20))
    model.receptive_field = lambda name: ReceptiveField((4, 4), (1, 1), (0, 0))  # type: ignore[method-assign]
    image = np.zeros((3, 5, 20), np.float32)
    image[0, 2, 2], image[0, 2, 4], image[0, 2, 9] = 0.5, 0.4, 0.25  # 2 apart: half of each window is common
    cuts = surveyed(Patches(layer=("maps",), per_image=2), model, seen([image]))[0].units[0].cuts
    assert [cut.place for cut in cuts] == [(2, 2), (2, 9)]


@pytest.mark.parametrize("layer", ["stem.relu", "stages.0.conv2", "stages.1.relu1", "stages.1.relu2"])
def test_the_window_alone_on_gray_excites_the_unit_as_the_photo_did(shapes: Adapter, layer: str) -> None:
    pictures = [draw(index, seed=3).pixels.transpose(2, 0, 1) / 255 for index in range(12)]
    found = surveyed(Patches(layer=(layer,), top=4, per_image=2), shapes, seen(pictures))[0]
    pairs = [(unit.channel, cut) for unit in found.units for cut in unit.cuts]
    assert len(pairs) > 3 * len(found.units) / 2
    pasted = np.full((len(pairs), 3, 96, 96), 0.5, np.float32)
    for image, (_, cut) in zip(pasted, pairs, strict=True):
        rows, columns = (
            slice(int(cut.window.top), int(cut.window.bottom)),
            slice(int(cut.window.left), int(cut.window.right)),
        )
        image[:, rows, columns] = pictures[cut.image][:, rows, columns]
    values = shapes.run(pasted, [layer])[layer]
    for one, (channel, cut) in zip(values, pairs, strict=True):
        assert one[channel][cut.place] == pytest.approx(cut.value, rel=1e-3, abs=1e-4)


def test_the_boxes_of_a_detector_are_not_taken_for_tokens_where_nobody_names_a_layer() -> None:
    functions = {
        "maps": lambda images: images[:, :, ::2, ::2] * 1.0,
        "boxes": lambda images: (
            images[:, :, ::2, ::2].reshape(len(images), 3, -1).transpose(0, 2, 1)[:, :, [0, 1, 2, 0]]
        ),
    }
    model = TensorModel(functions, (8, 12))
    assert [layer["name"] for layer in Patches().plan(model, ())["layers"]] == ["maps"]
    assert [layer["kind"] for layer in Patches(layer=("boxes",)).plan(model, ())["layers"]] == ["tokens"]
