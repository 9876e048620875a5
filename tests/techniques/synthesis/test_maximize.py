"""`viz maximize` through its own maker: known answers, every preset and option, sizes, colours, what is reported."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import viz
from tests.cli.shell import viz as command
from tests.fakes import LinearModel, TensorModel
from tests.onnx_models import conv_net
from tests.techniques.synthesis.making import Impatient, PhotoList, made, photo
from viz.adapters import load
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.images import fit, png_bytes, read
from viz.core.making import Watch
from viz.core.model_options import ModelOptions
from viz.core.preprocess import Preprocess
from viz.model_zoo.shape_pictures import write_samples
from viz.techniques.synthesis._recipes import RECIPES
from viz.techniques.synthesis.maximize import Maximize

SIZE = (12, 14)
WEIGHTS = np.random.default_rng(0).normal(size=(4, 3, *SIZE)).astype(np.float32)


@pytest.fixture
def model() -> LinearModel:
    return LinearModel(WEIGHTS, names=("ant", "bee", "cat", "dog"), squash="softmax")


@pytest.fixture
def shapes() -> Adapter:
    return viz.load("zoo:shapes")


KERNEL = torch.from_numpy(np.random.default_rng(1).normal(size=(5, 3, 3, 3)).astype(np.float32) / 3)


def maps(images):
    found = torch.nn.functional.conv2d(torch.as_tensor(images) - 0.4, KERNEL, padding=1).relu()
    return found if isinstance(images, torch.Tensor) else found.numpy()


@pytest.fixture
def neurons() -> TensorModel:
    dead = lambda x: (maps(x) - 99.0) * 0.0  # noqa: E731
    return TensorModel({"maps": maps, "dead": dead}, SIZE)


def one(model, **options):
    (picture,) = made(Maximize(**options), model).values()
    return picture


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_a_linear_unit_under_an_l2_bound_is_maximized_by_its_own_weights_over_their_length(channels):
    """The stationary point of w.x - decay * mean |x - zero| ** 2 is zero + w * n / (2 * decay), here inside the box."""
    model = LinearModel(WEIGHTS)
    model.preprocess = Preprocess(SIZE, channels=channels, mean=(0.4, 0.5, 0.6))
    found = one(model, target=("2",), preset="simonyan", optimizer="lbfgs", steps=40, decay=4000.0, others=0.0)
    zero = np.array([0.4, 0.5, 0.6], np.float32)[:: 1 if channels == "rgb" else -1]
    step = found.image - zero[:, None, None]
    np.testing.assert_allclose(step, WEIGHTS[2] * WEIGHTS[2].size / 8000, atol=1e-4)
    difference = step / np.linalg.norm(step) - WEIGHTS[2] / np.linalg.norm(WEIGHTS[2])
    assert np.abs(difference).max() < 1e-3


@pytest.mark.parametrize("preset", RECIPES)
def test_every_preset_drives_a_class_far_up(preset):
    """Its weights are smooth, so that they can be found by who looks from a little aside too."""
    weights = cv2.resize(WEIGHTS[1].transpose(1, 2, 0), (32, 28), interpolation=cv2.INTER_CUBIC).transpose(2, 0, 1)
    model = LinearModel(np.stack([weights, -weights]))
    found = one(model, target=("0",), preset=preset, steps=60)
    gray, best = weights.sum() * 0.5, np.maximum(weights, 0).sum()  # best: of any image in the box
    assert (weights * fit_pixels(found.pixels, model)).sum() > gray + 0.15 * (best - gray)
    assert found.numbers["steps"] == 60
    assert found.arrays["curve"].shape == (60,)
    assert found.warnings == ()


def fit_pixels(pixels, model) -> np.ndarray:
    from viz.core.images import Photo

    return fit(Photo(pixels, sha256=""), model.preprocess).pixels


PIXELS = {"preset": "yosinski", "decay": 4.0, "blur": 1.0, "clip_norm": 0.1, "clip_contribution": 0.1}
CHANGES = {
    "steps": ({}, 7),
    "learning_rate": ({}, 0.2),
    "optimizer": ({}, "nadam"),
    "image_size": ({}, "20x30"),
    "parameters": ({}, "sigmoid"),
    "start": ({}, "gray"),
    "colours": ({}, "gray"),
    "decay": ({}, 500.0),
    "alpha_norm": ({}, 5000.0),
    "total_variation": ({}, 500.0),
    "others": ({}, 30.0),
    "pad": ({}, 5),
    "jitter": ({}, 3),
    "scale": ({}, "0.5,2"),
    "rotate": ({}, 45.0),
    "boxes": ({}, "0.5,0.9"),
    "noise": ({}, 0.5),
    "seed": ({}, 1),
    "preset": ({}, "maco"),
    "blur": (PIXELS, 2.0),
    "blur_every": (PIXELS, 2),
    "clip_norm": (PIXELS, 0.5),
    "clip_contribution": (PIXELS, 0.5),
    "diversity": ({"starts": 2}, 500.0),
}


@pytest.mark.parametrize("option", CHANGES)
def test_every_option_changes_the_image(option, model):
    base, value = CHANGES[option]
    settings = {"target": ("bee",), "steps": 12, **base}
    plain = made(Maximize(**settings), model)
    other = made(Maximize(**{**settings, option: value}), model)
    assert [p.image.tobytes() for p in plain.values()] != [p.image.tobytes() for p in other.values()]


def test_magnitudes_from_images_change_a_phase(model, tmp_path):
    (tmp_path / "a.png").write_bytes(png_bytes(photo(260, 260)))
    settings = {"target": ("bee",), "preset": "maco", "steps": 3}
    plain, other = one(model, **settings), one(model, **settings, magnitude_from=str(tmp_path))
    assert plain.image.tobytes() != other.image.tobytes()


def test_every_option_is_tried_here_or_elsewhere():
    from viz.core.options import options_of

    elsewhere = {"target", "layer", "channel", "at", "grid", "starts", "magnitude_from"}  # test_wanted, and above
    assert {option.name for option in options_of(Maximize)} == {*CHANGES, *elsewhere}


def test_others_are_held_down(model):
    """Without them the other classes go wherever they go; with them the class is surer, at less of its own score."""

    def scores(**options):
        image = one(model, target=("bee",), preset="simonyan", steps=30, decay=0.0, **options).image
        return model.run(image[None], ["scores"])["scores"][0]

    alone, against = scores(others=0.0), scores(others=1.0)
    assert against[1] - np.delete(against, 1).max() > alone[1] - np.delete(alone, 1).max()


def test_diversity_drives_starts_apart(neurons):
    from viz.techniques.synthesis._diversity import diversity

    def alike(weight: float) -> float:
        images = made(Maximize(target=("maps:2",), starts=3, steps=25, diversity=weight), neurons)
        seen = torch.from_numpy(np.stack([picture.image for picture in images.values()]))
        return float(diversity(maps(seen)).mean())

    assert alike(3.0) < 0.9 * alike(0.0)


def test_starts_differ_and_lie_in_one_row(model):
    found = made(Maximize(target=("bee",), starts=3, steps=3), model)
    assert list(found) == ["bee start 1", "bee start 2", "bee start 3"]
    assert len({picture.image.tobytes() for picture in found.values()}) == 3


@pytest.mark.parametrize("text", ["maps:1", "maps:1@3,4", "maps:norm", "maps:1 - 0.5 * maps:2"])
def test_neurons_norms_and_sums_are_driven_up(text, neurons):
    found = one(neurons, target=(text,), steps=30)
    start = one(neurons, target=(text,), steps=1, learning_rate=0.0)
    score = [float(p.target.of(neurons.run(p.image[None], ["maps"]))[0]) for p in (start, found)]
    assert score[1] > score[0] + 0.1
    assert found.target.label == text.replace("0.5 * ", "0.5 x ")


def test_the_same_call_gives_the_same_bytes_and_the_models_batches_do_not_matter(neurons):
    asked = Maximize(layer=("maps",), grid=True, steps=8)
    first, again, split = made(asked, neurons), made(asked, neurons), made(asked, BatchedAdapter(neurons, 2))
    for name, picture in first.items():
        np.testing.assert_array_equal(picture.image, again[name].image)
        np.testing.assert_allclose(picture.image, split[name].image, atol=1e-4)


def test_an_image_does_not_depend_on_what_else_is_made_after_it(neurons):
    alone = made(Maximize(layer=("maps",), channel="0", steps=8, preset="simonyan"), neurons)
    several = made(Maximize(layer=("maps",), channel="0-2", steps=8, preset="simonyan"), neurons)
    np.testing.assert_allclose(alone["maps:0"].image, several["maps:0"].image, atol=1e-5)


def test_a_class_is_the_same_beside_a_neuron_of_its_layer(model):
    """A neuron has no other classes; those of the class beside it must be held down all the same."""
    alone = made(Maximize(target=("bee",), steps=5), model)["bee"]
    beside = made(Maximize(target=("bee", "scores:2"), steps=5), model)["bee"]
    np.testing.assert_array_equal(alone.image, beside.image)


@pytest.mark.parametrize(
    ("channels", "mean"), [("rgb", (0.2, 0.4, 0.6)), ("bgr", (0.2, 0.4, 0.6)), ("gray", (0.3,)), ("rgb", (0.0,))]
)
def test_zero_is_where_simonyan_starts(channels, mean):
    model = LinearModel(WEIGHTS)
    model.preprocess = Preprocess(SIZE, channels=channels, mean=mean)
    found = one(model, target=("1",), preset="simonyan", steps=1, learning_rate=0.0)
    expected = {"rgb": mean, "bgr": mean[::-1], "gray": mean * 3}[channels]
    np.testing.assert_allclose(found.image, np.broadcast_to(np.reshape(expected, (-1, 1, 1)), (3, *SIZE)), atol=1e-6)


@pytest.mark.parametrize("preset", RECIPES)
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("channels", [1, 3])
def test_gray_and_nhwc_files_go_through_every_preset(preset, layout, channels, tmp_path):
    file = conv_net(tmp_path / "net.onnx", size=(16, 16), channels=channels, layout=layout, batch=1)
    model = load(file, ModelOptions(preprocess="unit", device="cpu"))
    found = made(Maximize(target=("1", "3"), preset=preset, steps=6), model)
    for picture in found.values():
        assert picture.image.shape == (3, 16, 16)
        same = [np.array_equal(picture.image[0], plane) for plane in picture.image[1:]]
        assert same == [True, True] or channels == 3
        assert same == [False, False] or channels == 1 or RECIPES[preset].start == "zero"


@pytest.mark.parametrize("crop", [0.5, "center"])
def test_the_border_that_the_model_does_not_see_mirrors_the_rest(crop):
    model = LinearModel(WEIGHTS)
    model.preprocess = Preprocess(SIZE, crop=crop, resize_short=24 if crop == "center" else None)
    still = {"target": ("1",), "preset": "simonyan", "steps": 4}
    image = one(model, **still).image
    assert image.shape == ((3, 23, 27) if crop == 0.5 else (3, 24, 24))
    top, left = (5, 6) if crop == 0.5 else (6, 5)
    rows, columns = slice(top, top + 12), slice(left, left + 14)
    np.testing.assert_array_equal(image[:, top - 1, columns], image[:, top, columns])
    np.testing.assert_array_equal(image[:, top - 5 : top, columns], image[:, top : top + 5, columns][:, ::-1])
    np.testing.assert_array_equal(image[:, rows, left - 1], image[:, rows, left])
    moved = one(model, **still, jitter=2).image
    np.testing.assert_array_equal(moved[:, top - 3, columns], moved[:, top - 2, columns])
    assert not np.array_equal(moved[:, top - 1, columns], moved[:, top, columns]), "a jitter of 2 shows two rows more"


def test_an_image_of_another_size_is_scaled_as_the_models_photos_are(model):
    found = one(model, target=("bee",), preset="simonyan", learning_rate=0.05, image_size="40x30", decay=0.0)
    assert found.image.shape == (3, 40, 30)
    seen = fit_pixels(found.pixels, model)
    assert (WEIGHTS[1] * seen).sum() > 0.55 * np.maximum(WEIGHTS[1], 0).sum()


def test_photos_give_a_percentile(model):
    photos = [photo(12, 14, seed) for seed in range(4)]
    (found,) = made(Maximize(target=("bee",), steps=20), model, *photos).values()
    responses = [float((WEIGHTS[1] * fit_pixels(one, model)).sum()) for one in photos]
    assert found.numbers["percentile"] == 100
    assert found.numbers["best_photo"] == pytest.approx(max(responses), rel=1e-4)
    pieces = Maximize(target=("bee",)).pieces(model, PhotoList(*photos))
    assert [piece.photo for group in pieces for piece in group] == [None], "photos are compared with, not begun from"


def test_a_unit_that_stays_off_is_told_of(neurons):
    found = one(neurons, target=("dead:1",), steps=3)
    assert "the unit stayed off" in found.warnings[0]
    assert "--starts" in found.warnings[0]


def test_ctrl_c_gives_what_there_is_and_frames_are_kept(model):
    watch = Impatient(4)
    watch.frames = 3
    (found,) = made(Maximize(target=("bee",), steps=9), model, watch=watch).values()
    assert watch.interrupted
    assert found.numbers["steps"] == 4
    assert watch.begun == [(9, "objective")]
    assert len(found.frames) >= 2
    np.testing.assert_array_equal(found.frames[-1], found.pixels)
    assert made(Maximize(target=("bee",), steps=9), model, watch=Watch())["bee"].frames == ()


def test_what_does_not_change_from_step_to_step_gives_its_best(model):
    """Steps that are far too long go to and fro; the better of the two ends is kept, here the start."""
    settings = {"target": ("bee",), "preset": "simonyan", "learning_rate": 0.2, "decay": 3000.0}
    images = [one(model, **settings, steps=steps).image for steps in (1, 2, 3, 4, 5, 10, 11)]
    losses = [3000 * float((image**2).mean()) - float((WEIGHTS[1] * image).sum()) for image in images]
    assert losses == [0] * 7


def test_the_file_and_the_torch_model_make_the_same_image(shapes):
    asked = Maximize(target=("heart",), steps=6)
    file, torch_model = (one_of(asked, model) for model in (shapes, viz.load("zoo:shapes-torch")))
    assert np.abs(file - torch_model).mean() < 2e-3


def one_of(asked: Maximize, model: Adapter) -> np.ndarray:
    (picture,) = made(asked, model).values()
    return picture.image


def test_hearts_and_stars_are_recognised_in_their_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_samples(tmp_path / "samples", 3, 0)
    words = ["maximize", "-m", "zoo:shapes", "samples/images", "--target", "heart", "--target", "star"]
    done = command(*words, "--steps", "60", "-o", "out")
    assert done.code == 0, done.err
    records = [json.loads(line) for line in Path("out/results.jsonl").read_text().splitlines()]
    assert [record["predictions"][0]["label"] for record in records] == ["heart", "star"]
    model = viz.load("zoo:shapes")
    for record in records:
        numbers = record["numbers"]
        assert numbers["confidence"] > 0.99
        assert numbers["percentile"] == 100
        seen = fit(read(Path("out") / record["files"]["picture"]), model.preprocess).pixels
        logits = model.run(seen[None], [model.scores.logits])[model.scores.logits][0]
        assert numbers["score"] == pytest.approx(float(logits[record["target"]["class_index"]]), rel=1e-4)


def test_layers_side_by_side_are_one_sheet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["maximize", "-m", "zoo:shapes", "--layer", "stages.0.relu2", "--layer", "stages.1.relu2"]
    done = command(*words, "--channel", "0-2", "--steps", "2", "-o", "out")
    assert done.code == 0, done.err
    records = [json.loads(line) for line in Path("out/results.jsonl").read_text().splitlines()]
    assert [record["row"] for record in records] == ["stages.0.relu2"] * 3 + ["stages.1.relu2"] * 3
    assert [record["column"] for record in records] == ["channel 0", "channel 1", "channel 2"] * 2
    assert (tmp_path / "out" / "sheet.png").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--target", "hart"], "no class is called 'hart'; did you mean 'heart'"),
        (["--target", "top1"], "--target top1: top1 is a class of an image"),
        (["--layer", "stages.9"], "no layer is called 'stages.9'"),
        (["--layer", "stem.relu", "--channel", "a"], "--channel a is not a list of channels"),
        (["--target", "heart", "--image-size", "0"], "--image-size 0 is not a size"),
        (["--target", "heart", "--boxes", "2"], "--boxes 2 is not two numbers"),
        (["--target", "heart", "--start", "none.png"], "--start none.png: "),
        (["--target", "heart", "--jitter", "96"], "--jitter 96 moves an image of 96x96 out of sight"),
        ([], "what to drive up is not said"),
    ],
)
def test_the_command_says_what_is_wrong(words, said):
    done = command("maximize", "-m", "zoo:shapes", *words, "--dry-run")
    assert done.code == 2
    assert said in done.said
