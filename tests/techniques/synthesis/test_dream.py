"""`viz dream`: energies rise, octaves and tiles do what they say, and what cannot be is said."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import viz
from tests.cli.shell import viz as command
from tests.fakes import TensorModel
from tests.techniques.synthesis.making import Impatient, PhotoList, made, photo
from viz.core.adapter import Adapter
from viz.core.batching import BatchedAdapter
from viz.core.errors import UsageError
from viz.core.images import png_bytes, read, to_float
from viz.core.making import Picture, Watch
from viz.model_zoo.shape_pictures import draw
from viz.techniques.synthesis.dream import Dream

KERNEL = np.random.default_rng(0).normal(size=(6, 3, 5, 5)).astype(np.float32) / 8


def maps(images):
    """Rectified 5x5 convolutions with stride 4, of arrays or tensors."""
    seen = torch.as_tensor(images)
    found = torch.nn.functional.conv2d(seen - 0.5, torch.from_numpy(KERNEL), stride=4, padding=2).relu()
    return found if isinstance(images, torch.Tensor) else found.numpy()


FUNCTIONS = {"maps": maps, "vector": lambda x: maps(x).mean((2, 3)), "dead": lambda x: maps(x) * 0.0}
SIZE = (24, 32)


@pytest.fixture
def model() -> TensorModel:
    return TensorModel(FUNCTIONS, SIZE)


@pytest.fixture
def shapes() -> Adapter:
    return viz.load("zoo:shapes")


def dream(model, pixels=None, watch: Watch | None = None, **options) -> Picture:
    settings = {"layer": "maps", "steps": 3, "octaves": 2, "learning_rate": 0.02, **options}
    pixels = photo(40, 60) if pixels is None else pixels
    (picture,) = made(Dream(**settings), model, pixels, watch=watch).values()
    return picture


def energy(values: np.ndarray) -> float:
    return float((values.astype(float) ** 2).mean() / 2)


def test_the_energy_of_the_saved_image_rises_and_is_what_is_said(model):
    """The image is a tile, so that nothing but its own forward pass is needed."""
    found = dream(model, photo(*SIZE), octaves=1, steps=10, jitter=0)
    seen = to_float(found.pixels)[None]
    assert found.numbers["energy"] == pytest.approx(energy(model.run(seen, ["maps"])["maps"]), rel=1e-5)
    before = to_float(photo(*SIZE))[None]
    assert found.numbers["energy_before"] == pytest.approx(energy(model.run(before, ["maps"])["maps"]), rel=1e-5)
    assert found.numbers["energy"] > 2 * found.numbers["energy_before"]
    assert found.warnings == ()


def test_a_step_goes_along_the_normalised_gradient():
    """One step on one tile that does not move, against a gradient written out."""
    model, pixels = TensorModel({"pixels": lambda x: x}, SIZE), photo(*SIZE)
    found = dream(model, pixels, layer="pixels", octaves=1, steps=1, jitter=0, learning_rate=0.01)
    start = to_float(pixels)
    np.testing.assert_allclose(found.image, np.clip(start + 0.01 * start / start.mean(), 0, 1), atol=1e-5)


def test_without_any_steps_worth_the_name_the_photo_stays_itself_through_all_octaves_and_tiles(model):
    found = dream(model, photo(50, 70), octaves=3, learning_rate=0.0)
    np.testing.assert_array_equal(found.pixels, photo(50, 70))
    assert found.warnings == ("the layer does not respond more than before: nothing here excites it",)


def test_a_channel_and_a_neuron_are_driven_up_themselves(model):
    seen = to_float(photo(*SIZE))[None]
    before = model.run(seen, ["maps"])["maps"][0]
    channel = dream(model, photo(*SIZE), octaves=1, channel=2, steps=8, jitter=0)
    after = model.run(to_float(channel.pixels)[None], ["maps"])["maps"][0]
    assert channel.numbers["energy_before"] == pytest.approx(energy(before[2]), rel=1e-5)
    assert channel.numbers["energy"] == pytest.approx(energy(after[2]), rel=1e-5)
    assert channel.numbers["energy"] > channel.numbers["energy_before"]
    row, column = np.unravel_index(int(before[2].argmax()), before[2].shape)
    neuron = dream(model, photo(*SIZE), octaves=1, channel=2, at=f"{row},{column}", steps=8)
    at = model.run(to_float(neuron.pixels)[None], ["maps"])["maps"][0, 2, row, column]
    assert neuron.numbers["energy"] == pytest.approx(at**2 / 2, rel=1e-4)
    assert at > before[2, row, column]
    changed = np.abs(neuron.image - seen[0]).max(0) > 1e-6
    field = (max(0, 4 * row - 2), 4 * row + 3, max(0, 4 * column - 2), 4 * column + 3)
    assert changed.any()
    assert not np.delete(changed, np.s_[field[0] : field[1]], axis=0).any(), "only what the neuron sees has changed"
    assert not np.delete(changed, np.s_[field[2] : field[3]], axis=1).any()


def test_a_neuron_needs_one_tile(model):
    with pytest.raises(UsageError, match="--at 1,1 is a position in one tile, and the image needs 4") as problem:
        dream(model, channel=0, at="1,1")
    assert "--longest 24" in problem.value.next_step
    dream(model, channel=0, at="1,1", longest=24)


def test_a_guide_is_dreamed_of(model, tmp_path):
    (tmp_path / "guide.png").write_bytes(png_bytes(photo(60, 80, seed=9)))
    found = dream(model, photo(*SIZE), octaves=1, steps=8, guide=str(tmp_path / "guide.png"))
    assert found.numbers["likeness"] > found.numbers["likeness_before"] > 0
    features = model.run(to_float(read_at(tmp_path / "guide.png"))[None], ["maps"])["maps"][0].reshape(6, -1)
    now = model.run(to_float(found.pixels)[None], ["maps"])["maps"][0].reshape(6, -1)
    slow = np.mean([max(float(a @ b) for b in features.T) for a in now.T])
    assert found.numbers["likeness"] == pytest.approx(slow, rel=1e-4)


def read_at(path: Path) -> np.ndarray:
    """The guide as it is looked at: its middle at the tile's size."""
    from viz.core.fitting import fit_pixels
    from viz.core.images import to_bytes
    from viz.core.preprocess import Preprocess

    return to_bytes(fit_pixels(read(path).pixels, Preprocess(SIZE, crop="center")).pixels)


def test_a_guide_needs_a_layer_with_positions(model, tmp_path):
    (tmp_path / "guide.png").write_bytes(png_bytes(photo(60, 80)))
    with pytest.raises(UsageError, match="--guide compares positions, and vector has none"):
        dream(model, layer="vector", guide=str(tmp_path / "guide.png"))


OPTIONS = {
    "channel": 1,
    "octaves": 1,
    "octave_scale": 1.2,
    "steps": 4,
    "learning_rate": 0.03,
    "jitter": 1,
    "longest": 50,
    "seed": 1,
}


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_changes_the_dream(option, model):
    assert dream(model, **{option: OPTIONS[option]}).image.tobytes() != dream(model).image.tobytes()


def test_the_same_call_gives_the_same_bytes_whatever_the_model_takes_at_once(model):
    first, again = dream(model).image, dream(BatchedAdapter(model, 1)).image
    np.testing.assert_array_equal(first, dream(model).image)
    np.testing.assert_allclose(again, first, atol=1e-4)


def test_the_longest_side_is_kept_or_made_smaller(model):
    assert dream(model, longest=45).image.shape == (3, 30, 45)
    assert dream(model, longest=0).image.shape == dream(model, longest=800).image.shape == (3, 40, 60)


def test_a_large_photo_goes_through_the_model_a_few_tiles_at_a_time():
    seen: list[int] = []

    def counted(images):
        seen.append(len(images))
        return images * 1.0

    model = TensorModel({"pixels": counted}, SIZE)
    dream(BatchedAdapter(model, 4), photo(300, 400), layer="pixels", octaves=1, steps=1)
    assert sum(seen) > 3 * 200
    assert max(seen) <= 4


@pytest.mark.slow
def test_the_memory_for_four_thousand_pixels_is_that_of_the_picture_and_not_of_the_models_tensors(tmp_path):
    """For a picture of 100 MB, what the model makes of it in one go would be 4 GB, and as much for the way back."""
    import subprocess
    import sys

    script = """
import resource
import numpy as np, torch
from tests.fakes import TensorModel
from tests.techniques.synthesis.making import made
from viz.techniques.synthesis.dream import Dream

def wide(x):
    return x.repeat(1, 40, 1, 1) if isinstance(x, torch.Tensor) else np.tile(x, (1, 40, 1, 1))

model = TensorModel({"wide": wide}, (224, 224))
asked = Dream(layer="wide", octaves=1, steps=1, longest=0)
made(asked, model, np.zeros((224, 300, 3), np.uint8))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
made(asked, model, np.full((2160, 3840, 3), 90, np.uint8))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert int(done.stdout) * 1024 < 1.8e9


def test_progress_is_told_as_one_way_and_frames_are_as_many_as_are_wanted(model):
    watch = Impatient()
    watch.frames = 4
    found = dream(model, watch=watch, octaves=3, octave_scale=1.2, steps=5)
    assert watch.begun == [(15, "energy")]
    assert [done for done, _ in watch.heard] == list(range(1, 16))
    assert found.arrays["curve"].shape == (15,)
    assert len(found.frames) == 5
    np.testing.assert_array_equal(found.frames[-1], found.pixels)
    assert dream(model).frames == ()


@pytest.mark.parametrize("after", [2, 3, 5])
def test_ctrl_c_gives_the_dream_so_far_at_its_full_size(model, after):
    watch = Impatient(after)
    found = dream(model, watch=watch)
    assert watch.interrupted
    assert found.image.shape == (3, 40, 60)
    assert len(found.arrays["curve"]) == after
    assert 0 < np.abs(found.image - to_float(photo(40, 60))).mean() < 0.2
    assert len(watch.heard) == after


def test_a_zoom_goes_into_the_dream_and_every_frame_is_dreamed_again(model):
    watch, plain = Impatient(), dream(model)
    found = dream(model, watch=watch, zoom=3, zoom_by=1.5)
    np.testing.assert_array_equal(found.image, plain.image)
    assert len(found.frames) == 4
    assert watch.begun == [(3 * (2 + 3), "energy")]
    np.testing.assert_array_equal(found.frames[0], plain.pixels)
    assert {frame.shape for frame in found.frames} == {(40, 60, 3)}
    from viz.techniques.synthesis._octaves import enlarged

    next_one = (enlarged(plain.image, 1.5) * 255).round().transpose(1, 2, 0)
    assert 0 < np.abs(found.frames[1] - next_one).mean() < 0.06 * 255
    assert len(dream(model, zoom=3).frames) == 4
    assert dream(model, zoom=3).frames[1].tobytes() != found.frames[1].tobytes()


def test_ctrl_c_in_a_zoom_keeps_the_dream_and_the_frames_so_far(model):
    watch = Impatient(3 * 2 + 3 + 1)
    found = dream(model, watch=watch, zoom=3)
    assert watch.interrupted
    np.testing.assert_array_equal(found.image, dream(model).image)
    assert len(found.frames) == 2


def test_a_layer_that_nothing_excites_is_told_of(model):
    assert "nothing here excites it" in dream(model, layer="dead").warnings[0]


@pytest.mark.parametrize(
    ("options", "said", "hint"),
    [
        ({"channel": 1, "guide": "a.png"}, "--channel and --guide say different things", "whole layer"),
        ({"layer": None, "channel": 1}, "--channel 1 is of a layer, and none is named", "--layer"),
        ({"at": "1,1"}, "--at 1,1 is a position of a channel", "--channel"),
        ({"channel": 1, "at": "1,1", "jitter": 3}, "--jitter 3 moves what --at 1,1 looks at", "leave one"),
        ({"zoom_by": 1.1}, "--zoom-by 1.1 is of a zoom, and there is none", "--zoom 60"),
        ({"guide": "nowhere.png"}, "--guide nowhere.png: cannot be read", "path of an image"),
        ({"channel": 9}, "--channel 9: maps has no channel 9", "0 to 5"),
        ({"channel": 1, "at": "6,1", "longest": 24}, "--channel 1 --at 6,1: maps has no position 6,1", "6x8"),
        ({"channel": 1, "at": "6"}, "--at 6 is not a row and a column", "--at 6,8"),
        ({"tile": "0"}, "--tile 0 is not a size", "--tile 480x640"),
    ],
)
def test_what_cannot_be_is_said_with_its_flag_and_what_to_type(model, options, said, hint):
    with pytest.raises(UsageError, match=said) as problem:
        dream(model, **options)
    assert hint in problem.value.next_step


def test_the_built_in_model_dreams_with_a_layer_that_it_names(shapes):
    found = made(Dream(steps=4), shapes, draw(1).pixels)["photo0.png"]
    assert found.numbers["energy"] > 1.3 * found.numbers["energy_before"]
    assert any(note.startswith("dreams with layer 'stages.1.add'") for note in shapes.notes)


@pytest.mark.parametrize("tile", ["64", "48x80"])
def test_tiles_may_have_another_size_where_the_network_allows(shapes, tile):
    found = dream(shapes, draw(1).pixels, layer="stages.1.relu2", tile=tile, octaves=1)
    assert found.numbers["energy"] > found.numbers["energy_before"]
    other = dream(shapes, draw(1).pixels, layer="stages.1.relu2", octaves=1)
    assert found.image.tobytes() != other.image.tobytes()


def test_the_file_and_the_torch_model_dream_alike(shapes):
    options = {"layer": "stages.1.relu2", "steps": 3, "octaves": 1}
    file, torch_model = (dream(one, draw(2).pixels, **options) for one in (shapes, viz.load("zoo:shapes-torch")))
    assert np.abs(file.image - torch_model.image).max() < 0.02
    assert np.abs(file.image - torch_model.image).mean() < 1e-3


def test_the_command_writes_a_dream_for_every_photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for index in (1, 2):
        (tmp_path / f"{index}.png").write_bytes(png_bytes(draw(index).pixels))
    done = command("dream", "-m", "zoo:shapes", "1.png", "2.png", "--steps", "2", "--octaves", "1", "-o", "out")
    assert done.code == 0, done.err
    assert "dreams with layer 'stages.1.add'" in done.said
    records = [json.loads(line) for line in Path("out/results.jsonl").read_text().splitlines()]
    assert [record["name"] for record in records] == ["1.png", "2.png"]
    assert all(record["numbers"]["energy"] > record["numbers"]["energy_before"] for record in records)
    assert read(Path("out/1.png")).size == (96, 96)


def test_a_photo_is_needed(model):
    assert Dream().pieces(model, PhotoList()) == []
