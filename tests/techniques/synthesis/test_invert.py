"""`viz invert`: what is there to rebuild is rebuilt, measured on the saved file; the rest is said."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import viz
from tests.cli.shell import viz as command
from tests.fakes import LinearModel, TensorModel
from tests.techniques.synthesis.making import Impatient, PhotoList, made, photo
from viz.adapters import load
from viz.core.errors import ImageError, NotSupported, UsageError
from viz.core.images import Photo, fit, png_bytes
from viz.core.making import Picture, Watch
from viz.core.model_options import ModelOptions
from viz.core.run_options import MakeOptions
from viz.techniques.synthesis._inverting import SAME, on_canvas, psnr
from viz.techniques.synthesis.invert import Invert

SIZE = (16, 20)
ORTHOGONAL = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0].astype(np.float32)
PIXELS = photo(*SIZE)


def turned(images):
    """Every pixel's colour turned around the origin: a 1x1 convolution that loses nothing."""
    if isinstance(images, np.ndarray):
        return np.einsum("kc,bchw->bkhw", ORTHOGONAL, images)
    return torch.einsum("kc,bchw->bkhw", torch.from_numpy(ORTHOGONAL), images)


FUNCTIONS = {
    "same": lambda images: images * 1,
    "turned": turned,
    "gray": lambda images: images.mean(1)[:, None],
    "nothing": lambda images: images * 0,
    "mean": lambda images: images.reshape(len(images), -1).mean(1)[:, None],
}


@pytest.fixture(autouse=True)
def one_thread():
    """Pictures this small are not worth sharing out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def model() -> TensorModel:
    return TensorModel(FUNCTIONS, SIZE)


@pytest.fixture
def shapes():
    return viz.load("zoo:shapes")


def rebuilt(model, layer, pixels=PIXELS, watch: Watch | None = None, **options) -> Picture | ImageError:
    found = made(Invert(layer=(layer,), **options), model, pixels, watch=watch)
    return found[f"photo0.png {layer}"]


@pytest.mark.parametrize(
    ("layer", "options"), [("same", {}), ("turned", {}), ("turned", {"optimizer": "lbfgs", "steps": 60})], ids=str
)
def test_a_layer_that_lost_nothing_gives_the_image_back(layer, options, model):
    found = rebuilt(model, layer, **options)
    assert found.numbers["psnr"] > 40
    assert found.numbers["error"] < 1e-3
    assert np.abs(found.image - PIXELS.transpose(2, 0, 1) / 255).mean() < 0.01


@pytest.mark.parametrize(("channels", "kernel", "stride"), [(12, 3, 1), (48, 4, 4)])
def test_the_first_convolution_of_an_invertible_network_gives_the_image_back(channels, kernel, stride):
    torch.manual_seed(0)
    first = nn.Conv2d(3, channels, kernel, stride, padding=kernel // 3 if stride == 1 else 0)
    with torch.no_grad():  # of full rank and well conditioned: the rows are at right angles
        nn.init.orthogonal_(first.weight.view(channels, -1))
    network = nn.Sequential(first, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    found = rebuilt(load(network.eval(), ModelOptions(size=str(SIZE[0]))), "0", photo(SIZE[0], SIZE[0]))
    assert found.numbers["psnr"] > 40


def test_a_linear_models_products_give_the_image_back():
    weights = np.random.default_rng(0).normal(size=(8, 3, *SIZE)).astype(np.float32)
    found = rebuilt(LinearModel(weights), "products")
    assert found.numbers["psnr"] > 40


def test_what_a_layer_does_not_hold_is_not_given_back(model):
    found = rebuilt(model, "gray", steps=150)
    assert found.numbers["error"] < 1e-3
    assert 10 < found.numbers["psnr"] < 30  # the colours are lost, the brightness is not
    seen = PIXELS.transpose(2, 0, 1) / 255
    assert psnr(found.image.mean(0), seen.mean(0)) > 35


def test_the_error_is_that_of_the_saved_file_through_the_forward_runtime(shapes, tmp_path):
    (tmp_path / "photo.png").write_bytes(png_bytes(photo(96, 120)))
    options = MakeOptions(out=str(tmp_path / "run"))
    summary = viz.run(Invert(layer=("stages.0.relu1",), steps=10), shapes, [tmp_path / "photo.png"], options)
    record = summary.records[1]
    read = viz.core.images.read(tmp_path / "run" / record["files"]["picture"])
    seen = [fit(one, shapes.preprocess).pixels for one in (viz.core.images.read(tmp_path / "photo.png"), read)]
    phi0, phi = (shapes.run(pixels[None], ["stages.0.relu1"])["stages.0.relu1"].astype(float) for pixels in seen)
    assert record["numbers"]["error"] == pytest.approx(((phi - phi0) ** 2).sum() / (phi0**2).sum(), rel=1e-4)
    assert record["numbers"]["psnr"] == pytest.approx(10 * np.log10(1 / ((seen[0] - seen[1]) ** 2).mean()), rel=1e-4)
    top = shapes.run(seen[0][None], ["logits"])["logits"].argmax()
    assert record["target"]["class_index"] == top
    assert {"score", "confidence"} <= set(record["numbers"])


@pytest.mark.parametrize(
    "options", [{"crop": "0.875"}, {"crop": "center", "resize_short": 40}, {"crop": "none"}], ids=str
)
def test_the_file_shows_the_model_just_the_pixels_that_were_made(options):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    preprocess = load(network.eval(), ModelOptions(size="32", **options)).preprocess
    made_pixels = photo(32, 32).transpose(2, 0, 1).astype(np.float32) / 255
    canvas = Picture({"image": on_canvas(made_pixels, preprocess)})
    np.testing.assert_array_equal(fit(Photo(canvas.pixels, ""), preprocess).pixels, made_pixels)


def test_the_original_is_shown_as_the_model_sees_it_without_any_optimization(model):
    watch = Impatient()
    found = made(Invert(layer=("same",), steps=2), model, PIXELS, watch=watch)
    assert list(found) == ["photo0.png original", "photo0.png same"]
    np.testing.assert_array_equal(found["photo0.png original"].pixels, PIXELS)
    assert found["photo0.png original"].numbers == {}
    assert len(watch.begun) == 1


def test_rows_are_photos_columns_layers_and_every_image_is_made_by_itself(model):
    groups = Invert(layer=("turned", "same")).pieces(model, PhotoList(PIXELS, PIXELS))
    assert [len(group) for group in groups] == [1] * 6
    assert [(group[0].row, group[0].column) for group in groups[:3]] == [
        ("photo0.png", "original"),
        ("photo0.png", "same"),
        ("photo0.png", "turned"),
    ]


def test_the_repeat_with_the_smallest_loss_is_kept_and_the_others_are_told_of(shapes):
    pixels = photo(96, 96)
    found = rebuilt(shapes, "stages.0.relu1", pixels, repeats=3, steps=12)
    errors, losses = found.arrays["repeats"]
    best = int(np.argmin(losses))
    assert len(set(losses.tolist())) == 3
    assert (losses > errors).all()  # penalties count as well
    assert found.numbers["best_repeat"] == best + 1
    assert found.numbers["error"] == pytest.approx(errors[best])
    assert found.numbers["largest_error"] == pytest.approx(errors.max())
    assert found.arrays["errors"].shape == (12, 3)
    assert found.plots["errors"].names == ("repeat 1", "repeat 2", "repeat 3")
    alone = rebuilt(shapes, "stages.0.relu1", pixels, repeats=1, steps=12)
    np.testing.assert_allclose(alone.arrays["repeats"][:, 0], found.arrays["repeats"][:, 0], rtol=1e-3)


@pytest.mark.parametrize("parameters", ["pixels", "fourier"])
def test_the_same_call_gives_the_same_bytes_and_another_seed_others(parameters, shapes):
    one, again, other = (
        rebuilt(shapes, "stem.relu", photo(96, 96), steps=6, parameters=parameters, seed=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.image, again.image)
    assert (one.image != other.image).any()


def test_progress_is_one_way_of_falling_errors(model):
    watch = Impatient()
    watch.frames = 5
    found = rebuilt(model, "gray", steps=30, watch=watch)  # whose way has two parts
    assert watch.begun == [(30, "normalised error")]
    assert [done for done, _ in watch.heard] == list(range(1, 31))
    assert watch.heard[-1][1] < watch.heard[0][1]
    np.testing.assert_allclose([value for _, value in watch.heard], found.arrays["errors"][:, 0], rtol=1e-6)
    assert len(found.frames) == 6
    np.testing.assert_array_equal(found.frames[-1], found.pixels)


@pytest.mark.parametrize("after", [2, 25])
def test_ctrl_c_gives_what_there_is_whichever_part_of_the_way_it_stops(after, model):
    watch = Impatient(after)
    found = rebuilt(model, "same", steps=30, watch=watch)
    assert watch.interrupted
    assert len(found.arrays["errors"]) == after
    assert np.isfinite(found.numbers["error"])


def test_a_layer_that_is_zero_all_over_is_said_for_that_photo_only(model):
    found = made(Invert(layer=("nothing", "gray"), steps=2), model, PIXELS)
    assert isinstance(found["photo0.png nothing"], ImageError)
    assert "0 all over" in found["photo0.png nothing"].problem
    assert isinstance(found["photo0.png gray"], Picture)


def test_a_layer_that_is_not_finite_is_said():
    model = TensorModel({"endless": lambda images: images + np.inf}, SIZE)
    found = rebuilt(model, "endless", steps=2)
    assert isinstance(found, ImageError) and "not finite" in found.problem


def test_a_layer_that_does_not_follow_from_the_image_is_refused():
    def constant(images):
        return torch.ones(len(images), 4) if isinstance(images, torch.Tensor) else np.ones((len(images), 4), np.float32)

    model = TensorModel({"same": lambda images: images * 1, "constant": constant}, SIZE)
    with pytest.raises(NotSupported, match="constant cannot be inverted: no gradient"):
        rebuilt(model, "constant")


def test_repeats_from_gray_would_all_be_the_same(model):
    with pytest.raises(UsageError, match="all 2 repeats would give the same"):
        rebuilt(model, "same", repeats=2, start="gray")
    assert rebuilt(model, "same", start="gray").numbers["psnr"] > 40


def test_a_start_that_the_layer_does_not_respond_to_is_warned_of():
    def bright(images):
        return images.clip(0.9) - 0.9

    model = TensorModel({"bright": bright}, SIZE)
    found = rebuilt(model, "bright", np.full((*SIZE, 3), 255, np.uint8), steps=3, start="gray")
    assert "no gradient ever reached" in found.warnings[0]


def test_a_model_of_one_channel_is_given_gray_pictures():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = load(network.eval(), ModelOptions(size="24", channels="gray"))
    found = rebuilt(model, "0", photo(24, 24), steps=4)
    np.testing.assert_array_equal(found.image[0], found.image[1])


def test_equal_pictures_have_a_finite_psnr():
    assert psnr(np.zeros((3, 2, 2)), np.zeros((3, 2, 2))) == SAME
    assert psnr(np.zeros((3, 2, 2)), np.full((3, 2, 2), 0.1)) == pytest.approx(20)


def test_the_command_writes_a_profile_and_goes_on_where_it_stopped(tmp_path: Path):
    (tmp_path / "photo.png").write_bytes(png_bytes(photo(96, 96)))
    words = ["invert", "--model", "zoo:shapes", str(tmp_path / "photo.png"), "-o", str(tmp_path / "run")]
    words += ["--layers", "all", "--most", "3", "--steps", "3", "--format", "json"]
    done = command(*words)
    assert done.code == 0, done.err
    assert "inverting 3 of 33 layers" in done.said and "left out, to keep to --most 3" in done.said
    records = json.loads(done.out)
    assert [record["column"] for record in records] == ["original", "stem.relu", "stages.1.relu2", "logits"]
    assert all("error" in record["numbers"] for record in records[1:])
    for name in ("sheet.png", "profile.png", "profile_psnr.png", "index.html"):
        assert (tmp_path / "run" / name).exists(), name
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "run").glob("photo*.npz")}
    lines = (tmp_path / "run" / "results.jsonl").read_text().splitlines()
    (tmp_path / "run" / "results.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    again = command(*words)
    assert [record["numbers"] for record in json.loads(again.out)] == [record["numbers"] for record in records]
    changed = [file.name for file in before if file.stat().st_mtime_ns != before[file]]
    assert len(changed) == 1 and "logits" in changed[0]
