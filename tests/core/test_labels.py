"""Class names: where they come from, which files hold them, and what a typed name means."""

import json
from pathlib import Path

import pytest

from viz.core.errors import UnknownName, UsageError
from viz.core.labels import Labels
from viz.core.model_options import ModelOptions
from viz.core.sources.labels import resolve_labels


def resolve(model: Path | None, classes: int | None = 2, metadata=None, zoo=None, **flags) -> Labels:
    return resolve_labels(ModelOptions(**flags), model, metadata or {}, classes, zoo)[0]


def warnings_of(model: Path | None, classes: int | None = 2, metadata=None, zoo=None, **flags) -> list[str]:
    return resolve_labels(ModelOptions(**flags), model, metadata or {}, classes, zoo)[1]


def write(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_each_source_is_found_only_when_all_above_it_are_silent(model_path: Path):
    folder = model_path.parent
    given = str(write(folder, "given.txt", "a1\nb1\n"))
    settings = str(write(folder, "given.toml", "labels = ['a2', 'b2']"))
    metadata = {"viz.labels": '["a4", "b4"]', "names": "{0: 'a5', 1: 'b5'}"}
    files = [
        ("resnet.viz.toml", "labels = ['a3', 'b3']"),
        ("config.json", {"id2label": {"1": "b6", "0": "a6"}}),
        ("resnet.labels.txt", "a7\nb7"),
        ("resnet.labels.json", ["a8", "b8"]),
        ("labels.txt", "a9\nb9"),
        ("labels.json", ["a10", "b10"]),
    ]
    paths = {name: write(folder, name, content) for name, content in files}
    zoo = {"labels": ["a11", "b11"]}

    def found(**flags) -> tuple[str, str]:
        labels = resolve(model_path, metadata=metadata, zoo=zoo, **flags)
        return labels.names[0], labels.origin

    assert found(labels=given, preprocess=settings) == ("a1", "given.txt")
    assert found(preprocess=settings) == ("a2", "given.toml")
    assert found(preprocess="imagenet") == ("a3", "resnet.viz.toml")
    paths["resnet.viz.toml"].unlink()
    assert found() == ("a4", "metadata")
    del metadata["viz.labels"]
    assert found() == ("a5", "metadata names")
    del metadata["names"]
    for number, name in enumerate(list(paths)[1:], start=6):
        assert found() == (f"a{number}", name)
        paths[name].unlink()
    assert found() == ("a11", "zoo")
    zoo.clear()
    assert resolve(model_path) == Labels()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.txt", "cat\ndog\n"),
        ("l.txt", "\ufeffcat\r\n  dog  \n\n\n"),
        ("l.txt", "n02123045 cat\nn02084071 dog\n"),
        ("l.json", ["cat", "dog"]),
        ("l.json", [{"index": 1, "name": "dog", "wnid": "n1"}, {"index": 0, "name": "cat"}]),
        ("l.json", {"1": "dog", "0": "cat"}),
        ("l.json", {"0": ["n02123045", "cat"], "1": ["n02084071", "dog"]}),
        ("l.json", {"id2label": {"0": "cat", "1": "dog"}, "model_type": "vit"}),
    ],
)
def test_a_labels_file_of_any_common_shape_is_read(tmp_path: Path, name: str, content: object):
    assert resolve(None, labels=str(write(tmp_path, name, content))).names == ("cat", "dog")


def test_an_empty_line_in_the_middle_keeps_the_others_in_place(tmp_path: Path):
    path = write(tmp_path, "l.txt", "cat\n\ndog\n")
    assert resolve(None, 3, labels=str(path)).names == ("cat", "class 1", "dog")


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("l.txt", "", "holds no class names"),
        ("l.json", [], "holds no class names"),
        ("l.json", {"a.jpg": "cat"}, "holds no class names"),
        ("l.json", {"0": "cat", "2": "dog"}, "holds no class names"),
        ("l.json", ["cat", 3], "holds no class names"),
        ("l.json", [{"index": 0, "name": "cat"}, {"index": 0, "name": "dog"}], "holds no class names"),
        ("l.json", "[", "cannot be read as JSON"),
    ],
)
def test_a_labels_file_without_names_is_an_error_that_names_it(tmp_path, name, content, complaint):
    path = write(tmp_path, name, content)
    with pytest.raises(UsageError, match=rf"{name} {complaint}"):
        resolve(None, labels=str(path))


def test_a_labels_file_that_is_missing_or_not_text_is_an_error(tmp_path: Path):
    with pytest.raises(UsageError, match=r"none\.txt cannot be read: No such file"):
        resolve(None, labels=str(tmp_path / "none.txt"))
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"binary\.txt cannot be read: .*decode"):
        resolve(None, labels=str(tmp_path / "binary.txt"))


def test_asked_for_labels_of_another_count_are_an_error_with_both_counts(tmp_path: Path):
    path = write(tmp_path, "l.txt", "cat\ndog")
    with pytest.raises(UsageError, match="2 names for a model of 5 classes"):
        resolve(None, 5, labels=str(path))


def test_found_labels_of_another_count_are_passed_over_with_both_counts(model_path: Path):
    write(model_path.parent, "labels.txt", "cat\ndog")
    write(model_path.parent, "labels.json", ["background", "cat", "dog"])
    assert resolve(model_path, 3).names == ("background", "cat", "dog")
    (warning,) = warnings_of(model_path, 3)
    assert warning.startswith("labels.txt: 2 names for a model of 3 classes, perhaps with a background class; not used")


def test_with_an_unknown_number_of_classes_any_count_will_do(model_path: Path):
    write(model_path.parent, "labels.txt", "cat\ndog")
    assert (resolve(model_path, None).names, warnings_of(model_path, None)) == (("cat", "dog"), [])


def test_a_table_of_images_that_lies_beside_the_model_is_passed_over(model_path: Path):
    write(model_path.parent, "labels.json", {"a.jpg": {"class_index": 3}, "b.jpg": 4})
    assert (resolve(model_path), warnings_of(model_path)) == (Labels(), [])


def test_a_broken_file_beside_the_model_is_not_passed_over(model_path: Path):
    write(model_path.parent, "labels.json", "[")
    with pytest.raises(UsageError, match=r"labels\.json cannot be read"):
        resolve(model_path)


def test_the_toml_names_a_file_relative_to_itself(model_path: Path):
    (model_path.parent / "names").mkdir()
    write(model_path.parent, "names/pets.txt", "cat\ndog")
    write(model_path.parent, "resnet.viz.toml", 'labels = "names/pets.txt"\n[preprocess]\npreset = "unit"')
    assert resolve(model_path) == Labels(("cat", "dog"), "resnet.viz.toml")


@pytest.mark.parametrize("labels", ["3", "[1, 2]"])
def test_labels_in_the_toml_that_are_no_names_are_an_error(model_path: Path, labels: str):
    write(model_path.parent, "resnet.viz.toml", f"labels = {labels}")
    with pytest.raises(UsageError, match=r"resnet\.viz\.toml: labels is"):
        resolve(model_path)


def test_placeholders_are_no_names(model_path: Path):
    write(model_path.parent, "config.json", {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}})
    assert resolve(model_path) == Labels()


@pytest.mark.parametrize(
    "config", [{"label_names": ["cat", "dog"]}, {"pretrained_cfg": {"label_names": ["cat", "dog"]}}]
)
def test_timms_label_names_are_read(model_path: Path, config: dict[str, object]):
    write(model_path.parent, "config.json", config)
    assert resolve(model_path) == Labels(("cat", "dog"), "config.json")


def test_metadata_is_parsed_and_never_run(tmp_path: Path):
    trap = tmp_path / "trap"
    assert resolve(None, metadata={"names": f"[open({str(trap)!r}, 'w')]"}) == Labels()
    assert not trap.exists()


@pytest.mark.parametrize("text", ["cat,dog", "[1, 2]", '{"a": "b"}'])
def test_viz_labels_in_the_metadata_that_are_no_list_are_an_error(text: str):
    with pytest.raises(UsageError, match=r"viz\.labels is not a JSON list"):
        resolve(None, metadata={"viz.labels": text})


# What a typed name means

PETS = Labels(("tabby, tabby cat", "lynx", "crane", "Crane", "box turtle"))


@pytest.mark.parametrize(
    ("text", "index"), [("3", 3), ("0", 0), ("lynx", 1), (" LYNX ", 1), ("tabby cat", 0), ("tabby, tabby cat", 0)]
)
def test_a_class_is_an_index_a_name_or_a_synonym(text: str, index: int):
    assert PETS.index(text, 5) == index


def test_a_name_that_several_classes_share_is_refused_with_their_indices():
    with pytest.raises(UsageError, match="2 classes are called 'crane': 2, 3"):
        PETS.index("crane", 5)


def test_an_unknown_class_gets_the_nearest_names():
    with pytest.raises(UnknownName, match="did you mean 'lynx'"):
        PETS.index("lynz", 5)


@pytest.mark.parametrize(("text", "classes"), [("5", 5), ("box turtle", 4), ("99999999999999999999", 5)])
def test_a_class_that_the_model_does_not_have_is_refused(text: str, classes: int):
    with pytest.raises(UsageError, match=f"the model has classes 0 to {classes - 1}"):
        PETS.index(text, classes)


def test_a_class_without_a_name_is_called_by_its_number():
    assert (PETS.name(1), PETS.name(7), Labels().name(0)) == ("lynx", "class 7", "class 0")
    with pytest.raises(UnknownName, match="came without labels"):
        Labels().index("cat", 5)


def test_a_model_whose_classes_are_digits_means_the_index():
    digits = Labels(tuple("9876543210"))
    assert digits.index("9", 10) == 9
