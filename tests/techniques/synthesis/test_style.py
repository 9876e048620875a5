"""`viz style`: losses fall, colours and sizes are kept where asked, and what cannot be is said."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import viz
from tests.cli.shell import viz as command
from tests.fakes import TensorModel
from tests.techniques.synthesis.making import Impatient, made, photo
from tests.techniques.synthesis.vgg import onnx_vgg
from viz.adapters import load
from viz.core.adapter import Adapter
from viz.core.errors import UsageError
from viz.core.images import png_bytes, read, to_float
from viz.core.making import Picture, Watch
from viz.core.model_options import ModelOptions
from viz.model_zoo.shape_pictures import draw
from viz.techniques.synthesis._painting import with_colours_of
from viz.techniques.synthesis.style import Style

KERNEL = torch.from_numpy(np.random.default_rng(0).normal(size=(6, 3, 3, 3)).astype(np.float32) / 3)


def maps(images):
    found = torch.nn.functional.conv2d(torch.as_tensor(images) - 0.5, KERNEL, padding=1).relu()
    return found if isinstance(images, torch.Tensor) else found.numpy()


SIZE = (24, 32)
FUNCTIONS = {"fine": maps, "coarse": lambda x: maps(x)[:, :, ::2, ::2]}


@pytest.fixture
def model() -> TensorModel:
    """It takes images of its own size only."""
    return TensorModel(FUNCTIONS, SIZE)


@pytest.fixture
def shapes() -> Adapter:
    return viz.load("zoo:shapes")


@pytest.fixture
def styles(tmp_path) -> list[str]:
    for index in (1, 2):
        (tmp_path / f"style{index}.png").write_bytes(png_bytes(photo(30, 40, seed=100 + index)))
    return [str(tmp_path / f"style{index}.png") for index in (1, 2)]


def paint(model, style, pixels=None, watch: Watch | None = None, **options) -> Picture:
    settings = {"steps": 8, "content_layer": ("coarse",), "style_layer": ("fine", "coarse"), **options}
    style = (style,) if isinstance(style, str) else tuple(style)
    pixels = photo(*SIZE) if pixels is None else pixels
    (picture,) = made(Style(style=style, **settings), model, pixels, watch=watch).values()
    return picture


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("losses", ["relative", "paper"])
def test_the_loss_falls_and_its_parts_are_those_of_the_saved_file(optimizer, losses, model, styles):
    weight = 100.0 if losses == "relative" else 1e6  # the paper's loss of style is tiny beside that of content
    found = paint(model, styles[0], optimizer=optimizer, losses=losses, steps=30, style_weight=weight)
    assert found.numbers["loss"] < 0.5 * found.numbers["loss_before"]
    parts = ["content coarse", "style fine", "style coarse"]
    assert found.numbers["content_loss"] == found.numbers["content coarse"]
    assert found.numbers["style_loss"] == pytest.approx(sum(found.numbers[name] for name in parts[1:]))
    assert found.numbers["loss"] == pytest.approx(sum(found.numbers[name] for name in parts), rel=1e-5)
    np.testing.assert_allclose(found.arrays["terms"][:, 1], [found.numbers[name] for name in parts], rtol=1e-6)
    assert found.plots["terms"].marks == tuple(parts)
    assert found.arrays["loss"].shape == (30,)
    assert found.arrays["loss"].min() < 0.5 * found.arrays["loss"][0]


def test_the_loss_that_is_followed_is_the_split_and_the_smoothness(model, styles):
    """The start is the content, which has no content loss: the first value is the style's and the smoothness."""
    found = paint(model, styles[0], smoothness=0.5)
    image = to_float(photo(*SIZE))
    variation = ((image[:, 1:] - image[:, :-1]) ** 2).sum() + ((image[:, :, 1:] - image[:, :, :-1]) ** 2).sum()
    expected = found.numbers["loss_before"] + 0.5 * variation / image.size
    assert found.arrays["terms"][0, 0] == pytest.approx(0, abs=1e-6)
    assert found.arrays["loss"][0] == pytest.approx(expected, rel=1e-4)


def test_a_photo_in_its_own_style_stays_as_it_is(model, tmp_path):
    (tmp_path / "self.png").write_bytes(png_bytes(photo(*SIZE)))
    found = paint(model, str(tmp_path / "self.png"), smoothness=0.0)
    assert np.abs(found.pixels.astype(int) - photo(*SIZE)).max() <= 1
    assert found.numbers["loss"] < 1e-4


OPTIONS = {
    "content_layer": ("fine",),
    "style_layer": ("fine",),
    "content_weight": 30.0,
    "style_weight": 3.0,
    "smoothness": 1.0,
    "losses": "paper",
    "optimizer": "adam",
    "learning_rate": 0.5,
    "steps": 3,
    "start": "noise",
    "longest": 20,
    "original_colours": True,
}


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_changes_the_painting(option, styles):
    model = load_vgg_at(styles)
    plain, other = (paint_vgg(model, styles, **options) for options in ({}, {option: OPTIONS[option]}))
    assert plain.image.tobytes() != other.image.tobytes()


def load_vgg_at(styles) -> Adapter:
    options = ModelOptions(preprocess="unit", size="32", device="cpu")
    return load(onnx_vgg(Path(styles[0]).parent / "vgg.onnx"), options)


def paint_vgg(model, styles, **options) -> Picture:
    names = {"fine": "relu1_1", "coarse": "relu2_1"}
    named = {k: tuple(names[one] for one in v) for k, v in options.items() if k.endswith("_layer")}
    layers = {"content_layer": ("relu2_1",), "style_layer": ("relu1_1", "relu2_1")}
    return paint(model, styles[0], photo(26, 34), **{**layers, **options, **named})


def test_starts_and_seeds_decide(model, styles):
    starts = {kind: paint(model, styles[0], start=kind, steps=1, learning_rate=1e-6) for kind in ("content", "style")}
    np.testing.assert_allclose(starts["content"].image, to_float(photo(*SIZE)), atol=1e-4)
    np.testing.assert_allclose(starts["style"].image, to_float(middle(styles[0])), atol=0.01)
    noise = [paint(model, styles[0], start="noise", seed=seed).image.tobytes() for seed in (0, 0, 1)]
    assert noise[0] == noise[1] != noise[2]


def middle(path: str) -> np.ndarray:
    from viz.core.fitting import fit_pixels
    from viz.core.images import to_bytes
    from viz.core.preprocess import Preprocess

    return to_bytes(fit_pixels(read(Path(path)).pixels, Preprocess(SIZE, crop="center")).pixels)


def test_several_styles_count_by_their_shares(model, styles):
    alone = [paint(model, style).image for style in styles]
    np.testing.assert_array_equal(paint(model, styles, style_share=(1.0, 0.0)).image, alone[0])
    np.testing.assert_array_equal(paint(model, styles, style_share=(0.0, 2.0)).image, alone[1])
    both = paint(model, styles).image
    np.testing.assert_array_equal(both, paint(model, styles, style_share=(3.0, 3.0)).image)
    assert both.tobytes() not in (alone[0].tobytes(), alone[1].tobytes())


def chroma(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(np.ascontiguousarray(image.transpose(1, 2, 0)), cv2.COLOR_RGB2YCrCb)[..., 1:]


def test_original_colours_keep_the_chroma_and_take_the_brightness():
    content = np.clip(to_float(photo(*SIZE)), 0.4, 0.6)
    image = np.clip(to_float(photo(*SIZE, seed=5)), 0.35, 0.65)
    found = with_colours_of(content, image)
    np.testing.assert_allclose(chroma(found), chroma(content), atol=2e-3)
    gray = np.array([0.299, 0.587, 0.114], np.float32)
    np.testing.assert_allclose(np.tensordot(gray, found, 1), np.tensordot(gray, image, 1), atol=2e-3)


def test_a_painting_in_original_colours_has_those_of_the_photo_in_its_frames_too(model, styles):
    watch, pixels = Watch(), np.clip(photo(*SIZE), 100, 150)
    watch.frames = 3
    found = paint(model, styles[0], pixels, watch, original_colours=True)
    plain = paint(model, styles[0], pixels)
    own = chroma(to_float(pixels))
    assert np.abs(chroma(found.image) - own).mean() < 0.1 * np.abs(chroma(plain.image) - own).mean()
    assert np.abs(found.frames[-1].astype(int) - found.pixels).max() <= 1
    assert found.numbers["loss"] != plain.numbers["loss"], "what is said is of the image that is saved"


def test_a_network_that_takes_one_size_only_paints_at_that_and_says_so(model, styles):
    found = paint(model, styles[0], photo(48, 96))
    assert found.image.shape == (3, *SIZE)
    assert any(note.startswith("painted at the model's own size, and the photo cut to it: ") for note in model.notes)


@pytest.mark.parametrize(("longest", "size"), [(40, (25, 40)), (384, (75, 120)), (0, (75, 120))])
def test_a_convolutional_network_paints_at_the_photos_size(longest, size, shapes, styles):
    style = {"steps": 2, "content_layer": ("stages.1.relu2",), "style_layer": ("stem.relu",)}
    found = paint(shapes, styles[0], photo(75, 120), longest=longest, **style)
    assert found.image.shape == (3, *size)
    assert not any("own size" in note for note in shapes.notes)


def test_the_built_in_model_paints_larger_than_its_input_with_layers_that_it_names(shapes, styles):
    found = made(Style(style=(styles[0],), steps=6), shapes, photo(110, 130))["photo0.png"]
    assert found.image.shape == (3, 110, 130)
    assert found.numbers["style_loss"] < 0.5 * found.numbers["loss_before"]
    note = next(note for note in shapes.notes if note.startswith("content: "))
    assert "style: " in note
    assert all(name.split(" ", 1)[1] in note for name in found.plots["terms"].marks)


def test_the_memory_is_told_before_the_first_step(shapes, styles):
    watch = Impatient()
    paint(shapes, styles[0], photo(64, 80), watch, **{"content_layer": ("stem.relu",), "style_layer": ("stem.relu",)})
    (told,) = watch.told
    assert told.startswith("80x64 pixels, about ")
    lbfgs = float(told.split("about ")[1].split(" MB")[0].replace(",", ""))
    watch = Impatient()
    asked = {"content_layer": ("stem.relu",), "style_layer": ("stem.relu",), "optimizer": "adam"}
    paint(shapes, styles[0], photo(64, 80), watch, **asked)
    adam = float(watch.told[0].split("about ")[1].split(" MB")[0].replace(",", ""))
    assert lbfgs - adam == pytest.approx(40 * 3 * 64 * 80 * 4 / 1e6, abs=1)
    least = 2 * 4 * 64 * 80 / 4 * 16 / 1e6  # what the rectified stem alone holds, there and back
    assert adam >= round(least)


def test_ctrl_c_gives_the_best_so_far(model, styles):
    watch = Impatient(3)
    found = paint(model, styles[0], watch=watch)
    assert watch.interrupted
    assert found.arrays["loss"].shape == (3,)
    assert found.numbers["loss"] < found.numbers["loss_before"]


def test_of_a_wild_way_the_best_painting_is_kept(model, styles):
    """Steps that are far too long end anywhere."""
    found = paint(model, styles[0], optimizer="adam", learning_rate=0.5, steps=9, smoothness=0.0)
    assert found.numbers["loss"] <= found.arrays["loss"].min() * 1.01
    assert found.arrays["loss"][-1] > found.arrays["loss"].min() * 1.1


@pytest.mark.parametrize(
    ("options", "said", "hint"),
    [
        ({"style": ()}, "no style is given", "--style PAINTING.jpg"),
        ({"style_share": (1.0, 2.0)}, "2 shares for 1 style pictures", "once for each"),
        ({"style_share": (0.0,)}, "all --style-share are 0", "above 0"),
        ({"style": ("nowhere.png",)}, "--style nowhere.png: cannot be read", "path of an image"),
        ({"content_weight": 0.0, "style_weight": 0.0}, "--content-weight and --style-weight are both 0", "above 0"),
        ({"style_layer": ("fin",)}, "no layer is called 'fin'; did you mean 'fine'", "viz layers"),
    ],
)
def test_what_cannot_be_is_said_with_its_flag_and_what_to_type(model, styles, options, said, hint):
    with pytest.raises(UsageError, match=said) as problem:
        made(Style(**{"style": (styles[0],), **options}), model, photo(*SIZE))
    assert hint in problem.value.next_step


def test_a_style_without_content_is_a_texture(model, styles):
    found = paint(model, styles[0], content_weight=0.0, start="noise", steps=40)
    assert found.numbers["content_loss"] == 0
    assert found.numbers["style_loss"] < 0.05 * found.numbers["loss_before"]


def test_the_command_paints_a_photo_and_tells_layers_memory_and_losses(tmp_path, monkeypatch, styles):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(png_bytes(draw(3).pixels))
    done = command("style", "-m", "zoo:shapes", "a.png", "--style", styles[0], "--steps", "4", "-o", "out")
    assert done.code == 0, done.err
    assert "96x96 pixels, about" in done.said
    assert "content: stages" in done.said
    record = json.loads(Path("out/results.jsonl").read_text())
    assert record["numbers"]["loss"] < record["numbers"]["loss_before"]
    assert {name.split(" ")[0] for name in record["numbers"] if " " in name} == {"content", "style"}
    assert (tmp_path / "out" / "a.terms.png").exists()
    assert "style stem" not in done.out, "the table has the sums, the record all terms"
