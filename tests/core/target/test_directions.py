"""Targets along a direction of a layer's channels, and multiples of targets."""

from pathlib import Path

import numpy as np
import pytest

from tests.fakes import LinearModel, TensorModel
from viz.core.errors import UsageError
from viz.core.layer import Layer
from viz.core.target import check_target, class_target, neuron_target, references, targets_for
from viz.core.target.directions import direction_target

RNG = np.random.default_rng(5)
IMAGES = RNG.random((2, 3, 4, 5), np.float32)
FUNCTIONS = {
    "maps": lambda x: 2 * x,  # (b, 3, h, w)
    "tokens": lambda x: x.reshape(len(x), 3, -1).swapaxes(1, 2),  # (b, 20, 3)
    "vector": lambda x: x[:, :, 1, 2],  # (b, 3)
}


@pytest.fixture
def model() -> TensorModel:
    return TensorModel(FUNCTIONS, (4, 5))


def saved(folder: Path, *vector: float, name: str = "d.npy") -> Path:
    np.save(folder / name, np.array(vector))
    return folder / name


@pytest.mark.parametrize("layer", FUNCTIONS)
def test_the_direction_of_one_channel_is_that_channel(model, layer, tmp_path):
    along = direction_target(model, layer, saved(tmp_path, 0, 7, 0))
    values = model.run(IMAGES, [layer])
    np.testing.assert_allclose(along.of(values), neuron_target(model, layer, 1).of(values), rtol=1e-6)


def test_the_number_is_the_dot_product_with_the_unit_vector_averaged_over_positions(model, tmp_path):
    along = direction_target(model, "maps", saved(tmp_path, 3, -4, 0))
    slow = [sum((3 * p[0] - 4 * p[1]) / 5 for p in 2 * image.reshape(3, -1).T) / 20 for image in IMAGES]
    np.testing.assert_allclose(along.of(model.run(IMAGES, ["maps"])), slow, rtol=1e-5)


def test_only_the_direction_counts_and_its_opposite_is_less(model, tmp_path):
    once, twice, back = (saved(tmp_path, *(k * np.array([1, 2, 3])), name=f"{k}.npy") for k in (1, 20, -1))
    values = model.run(IMAGES, ["maps"])
    found = [direction_target(model, "maps", file).of(values) for file in (once, twice, back)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
    np.testing.assert_allclose(found[0], -found[2], rtol=1e-6)


def test_a_text_asks_for_it_as_every_target_and_its_file_belongs_to_what_it_means(model, tmp_path):
    file = saved(tmp_path, 1, 2, 3)
    text = f"maps along {file}"
    assert targets_for(text, model, IMAGES) == [direction_target(model, "maps", file)] * 2
    assert targets_for(text, model, IMAGES)[0].label == "maps along d.npy"
    before = references(text, model)
    saved(tmp_path, 1, 2, 4)
    assert len(before) == 1
    assert references(text, model) != before


def test_paths_with_spaces_and_signs_may_be_quoted(model, tmp_path):
    file = saved(tmp_path, 1, 2, 3, name="a - b c.npy")
    assert targets_for(f'maps along "{file}" - maps:0', model, IMAGES)[0].label == "maps along a - b c.npy - maps:0"
    assert len(references(f'maps along "{file}"', model)) == 1


@pytest.mark.parametrize(
    ("array", "said"),
    [
        ([1.0, 2.0], "has 2 numbers, and maps has 3 channels"),
        ([[1.0, 2.0, 3.0]], r"shape \(1, 3\), not a vector"),
        ([0.0, 0.0, 0.0], "no direction: its length is 0"),
        ([1.0, np.nan, 0.0], "no direction: its length is nan"),
        ([1.0, np.inf, 0.0], "no direction: its length is inf"),
        (["a", "b", "c"], "not a vector of numbers"),
        ([1j, 2, 3], "not a vector of numbers"),
    ],
)
def test_files_that_hold_no_direction_are_refused_by_name(model, tmp_path, array, said):
    np.save(tmp_path / "d.npy", np.array(array))
    with pytest.raises(UsageError, match=said) as problem:
        check_target(f"maps along {tmp_path / 'd.npy'}", model)
    assert "d.npy" in str(problem.value)


@pytest.mark.parametrize("content", [b"", b"not numpy", b"\x93NUMPY\x01"])
def test_files_that_numpy_cannot_read_are_refused(model, tmp_path, content):
    (tmp_path / "d.npy").write_bytes(content)
    with pytest.raises(UsageError, match="no file of numbers") as problem:
        check_target(f"maps along {tmp_path / 'd.npy'}", model)
    assert "np.save" in problem.value.next_step


def test_a_missing_file_an_archive_and_pickled_code_are_refused(model, tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        check_target(f"maps along {tmp_path / 'none.npy'}", model)
    np.savez(tmp_path / "many.npz", a=np.ones(3))
    (tmp_path / "many.npz").rename(tmp_path / "many.npy")
    with pytest.raises(UsageError, match="an archive"):
        check_target(f"maps along {tmp_path / 'many.npy'}", model)
    np.save(tmp_path / "code.npy", np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match="no file of numbers"):
        check_target(f"maps along {tmp_path / 'code.npy'}", model)


def test_a_length_that_shows_only_in_a_run_is_held_against_the_layer_there(model, tmp_path):
    model.layers["vector"] = Layer("vector", "Function", (None, None))
    target = direction_target(model, "vector", saved(tmp_path, 1.0))  # one number would go with any number of channels
    with pytest.raises(UsageError, match="vector has 3 channels here, and the direction 1 numbers"):
        target.of(model.run(IMAGES, ["vector"]))


@pytest.fixture
def classifier() -> LinearModel:
    return LinearModel(RNG.normal(size=(3, 3, 4, 5)), names=("cat", "dog", "2 * x"))


def test_multiples_count_as_often_in_sums_and_differences(classifier):
    (found, _), values = targets_for("0.5 * cat - 2*dog + cat", classifier, IMAGES), classifier.run(IMAGES, ["scores"])
    cat, dog = values["scores"][:, 0], values["scores"][:, 1]
    np.testing.assert_allclose(found.of(values), 1.5 * cat - 2 * dog, rtol=1e-5)
    assert found.label == "0.5 x cat - 2 x dog + cat"


def test_a_class_that_looks_like_a_multiple_is_that_class(classifier):
    assert targets_for("2 * x", classifier, IMAGES)[0] == class_target(classifier, 2)
    assert targets_for('3 * "2 * x"', classifier, IMAGES)[0] == 3 * class_target(classifier, 2)


def test_a_multiple_of_nothing_that_is_known_names_what_it_is_of(classifier):
    with pytest.raises(UsageError, match="no class is called 'catt'; did you mean 'cat'"):
        check_target("0.5 * catt", classifier)
