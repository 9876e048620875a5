"""Finding images: what counts, in which order, under which names, with which true classes."""

import json
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viz.core.discovery import find_images
from viz.core.errors import ExitCode, NoImages, UsageError
from viz.core.image_names import unique_keys


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(*sources: object, **options) -> list[str]:
    return [file.name for file in find_images(list(map(str, sources)), **options).files]


def keys(*sources: object, **options) -> list[str]:
    return [file.key for file in find_images(list(map(str, sources)), **options).files]


def truths(*sources: object) -> dict[str, str | None]:
    return {file.name: file.truth for file in find_images(list(map(str, sources))).files}


# Folders


def test_a_folder_is_searched_recursively_in_natural_order(tmp_path: Path):
    touch(tmp_path, "img10.png", "img2.png", "img1.png", "b/z.jpg", "b/a.JPEG", "a10/x.webp", "a9/x.bmp", "Z.gif")
    assert names(tmp_path) == [
        "Z.gif",
        "a9/x.bmp",
        "a10/x.webp",
        "b/a.JPEG",
        "b/z.jpg",
        "img1.png",
        "img2.png",
        "img10.png",
    ]


def test_names_that_mean_the_same_number_still_have_one_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    touch(tmp_path, "img1.png", "img01.png", "img001.png")
    forward = names(tmp_path)
    entries = sorted(tmp_path.iterdir())
    for order in (entries, entries[::-1]):
        monkeypatch.setattr(Path, "iterdir", lambda self, order=order: iter(order))
        assert names(tmp_path) == forward == ["img001.png", "img01.png", "img1.png"]


def test_other_and_hidden_files_are_passed_over(tmp_path: Path):
    touch(tmp_path, "a.png", "notes.txt", ".hidden.png", ".cache/b.png", "c.png.part")
    listing = find_images([tmp_path])
    assert [file.name for file in listing.files] == ["a.png"]
    assert [Path(path).name for path in listing.skipped] == ["c.png.part", "notes.txt"]


def test_results_of_an_earlier_run_are_passed_over(tmp_path: Path):
    touch(tmp_path, "a.png", "runs/m/run.json", "runs/m/results.jsonl", "runs/m/a.png", "runs/m/sub/b.png")
    assert names(tmp_path) == ["a.png"]
    assert names(f"{tmp_path}/**/*.png") == ["a.png"]
    assert find_images([tmp_path]).skipped == (f"{tmp_path}/runs/m: results of an earlier run",)
    with pytest.raises(NoImages, match="results of an earlier run"):
        find_images([tmp_path / "runs" / "m"])


def test_a_folder_with_only_one_of_the_two_files_of_a_run_is_searched(tmp_path: Path):
    touch(tmp_path, "run.json", "a.png")
    assert names(tmp_path) == ["a.png"]


def test_links_in_a_circle_end(tmp_path: Path):
    touch(tmp_path, "in/a.png")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    listing = find_images([tmp_path])
    assert [file.name for file in listing.files] == ["in/a.png"]
    assert listing.skipped == (f"{tmp_path}/in/up: a link to a folder above it",)


def test_a_folder_called_like_an_image_and_a_dangling_link_are_left_to_fail_by_name(tmp_path: Path):
    touch(tmp_path, "x.jpg/inner.png")
    (tmp_path / "y.jpg").symlink_to(tmp_path / "gone")
    assert names(tmp_path) == ["x.jpg", "y.jpg"]


def test_a_folder_that_cannot_be_listed_is_passed_over_inside_and_refused_outside(tmp_path: Path, monkeypatch):
    touch(tmp_path, "a.png", "locked/b.png")
    listing = Path.iterdir

    def deny(self: Path):
        if self.name == "locked":
            raise PermissionError(13, "Permission denied")
        return listing(self)

    monkeypatch.setattr(Path, "iterdir", deny)
    found = find_images([tmp_path])
    assert [file.name for file in found.files] == ["a.png"]
    assert found.skipped == (f"{tmp_path}/locked: cannot be read: Permission denied",)
    with pytest.raises(UsageError, match=r"locked' cannot be read: Permission denied"):
        find_images([tmp_path / "locked"])


# Files, globs, lists


def test_a_file_named_outright_is_taken_whatever_its_name(tmp_path: Path):
    touch(tmp_path, "picture", "odd[1].png")
    assert names(tmp_path / "picture", tmp_path / "odd[1].png") == ["picture", "odd[1].png"]


def test_sources_keep_their_order(tmp_path: Path):
    touch(tmp_path, "a.png", "b.png", "c.png")
    assert names(tmp_path / "c.png", tmp_path) == ["c.png", "a.png", "b.png"]


def test_a_glob_is_natural_recursive_and_named_from_its_fixed_part(tmp_path: Path):
    touch(tmp_path, "p/x10.png", "p/x9.png", "p/q/x1.png", "p/x.txt", "other/x3.png", "p/.x0.png")
    assert names(f"{tmp_path}/p/x*.png") == ["x9.png", "x10.png"]
    assert names(f"{tmp_path}/**/x?.png") == ["other/x3.png", "p/q/x1.png", "p/x9.png"]
    assert names(f"{tmp_path}/p/x[9].png") == ["x9.png"]
    assert find_images([f"{tmp_path}/p/x*"]).skipped == (f"{tmp_path}/p/x.txt",)


def test_a_glob_that_meets_folders_searches_them(tmp_path: Path):
    touch(tmp_path, "cats/a.png", "cows/b.png", "dogs/c.png")
    assert names(f"{tmp_path}/c*") == ["cats/a.png", "cows/b.png"]


def test_a_relative_glob_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    touch(tmp_path, "a.png", "b/c.png")
    monkeypatch.chdir(tmp_path)
    assert names("*.png") == ["a.png"]
    assert names("./b/*") == ["c.png"]
    assert names("**/*.png") == ["a.png", "b/c.png"]


def test_a_list_file_is_read_in_its_own_order_and_relative_to_itself(tmp_path: Path):
    touch(tmp_path, "lists/b.png", "a.png", "lists/folder/x.png", "lists/with space \u2028 é.png")
    listed = tmp_path / "lists" / "l.txt"
    listed.write_text("\ufeff# comment\r\n../a.png\n\nb.png\r\nfolder\nwith space \u2028 é.png\n", encoding="utf-8")
    assert names(f"@{listed}") == ["../a.png", "b.png", "folder/x.png", "with space \u2028 é.png"]


def test_what_a_list_names_and_is_not_there_is_left_to_fail_by_name(tmp_path: Path):
    (tmp_path / "l.txt").write_text("gone.png\n")
    assert names(f"@{tmp_path}/l.txt") == ["gone.png"]


def test_a_list_that_is_missing_or_no_text_is_refused(tmp_path: Path):
    (tmp_path / "l.txt").write_bytes(b"\xff\xfe")
    for source in (f"@{tmp_path}/l.txt", f"@{tmp_path}/none.txt"):
        with pytest.raises(UsageError, match="cannot be read"):
            find_images([source])


def test_a_source_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"nowhere' does not exist"):
        find_images([tmp_path / "nowhere"])


def test_where_nothing_matches_the_exit_code_is_5(tmp_path: Path):
    touch(tmp_path, "a.txt", "b.txt")
    with pytest.raises(NoImages, match=r"no image found .*passed over .*a\.txt and 1 more") as problem:
        find_images([tmp_path])
    assert problem.value.exit_code == ExitCode.NO_IMAGES == 5
    with pytest.raises(NoImages):
        find_images([f"{tmp_path}/*.png"])


def test_the_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    touch(tmp_path, "a.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert names("~/a.png", "~") == ["a.png"]


def test_a_file_reached_twice_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    touch(tmp_path, "p/a.png")
    (tmp_path / "q").symlink_to(tmp_path / "p")
    monkeypatch.chdir(tmp_path)
    assert names(tmp_path / "p", "p/a.png", "./p/../p/a.png", "p/*.png", "q") == ["a.png"]


def test_limit_takes_the_first(tmp_path: Path):
    touch(tmp_path, "a.png", "b.png", "c.png")
    assert names(tmp_path, limit=2) == ["a.png", "b.png"]


# Names and keys


def test_images_of_one_name_in_two_sources_are_told_apart(tmp_path: Path):
    touch(tmp_path, "p/a.png", "q/a.png", "q/b.png")
    assert names(tmp_path / "p", tmp_path / "q") == [f"{tmp_path}/p/a.png", f"{tmp_path}/q/a.png", "b.png"]


def test_a_key_is_the_stem_where_that_is_unique(tmp_path: Path):
    touch(tmp_path, "a.b.png", "with space.jpg", "Ünïcødé 猫.png")
    assert sorted(keys(tmp_path)) == ["a.b", "with space", "Ünïcødé 猫"]


def test_keys_that_would_meet_get_a_hash_that_stays_the_same(tmp_path: Path):
    touch(tmp_path, "x/a.png", "x/a.jpg", "x/A.webp", "y/a.png", "b.png")
    found = keys(tmp_path)
    assert len({key.casefold() for key in found}) == 5
    assert found[0] == "b"
    assert found == keys(tmp_path)
    assert keys(tmp_path, limit=2) == found[:2], "a limit must not rename results"


def test_accents_composed_in_two_ways_meet(tmp_path: Path):
    composed, apart = (unicodedata.normalize(form, "é.png") for form in ("NFC", "NFD"))
    touch(tmp_path, f"x/{composed}", f"y/{apart}")
    assert all(len(key) > 8 for key in keys(tmp_path))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("<img src=x onerror=alert(1)>.png", "_img src=x onerror=alert(1)_"),
        ('a:b|c?d*e"f\\g.png', "a_b_c_d_e_f_g"),
        ("...png", "image"),
        (" .png", "image"),
        ("tab\tnewline\n.png", "tab_newline_"),
    ],
)
def test_a_key_is_a_name_that_every_file_system_takes(tmp_path: Path, name: str, key: str):
    touch(tmp_path, name)
    assert keys(tmp_path / name) == [key]


def test_a_long_name_in_any_script_leaves_room_for_suffixes(tmp_path: Path):
    touch(tmp_path, "🐈" * 60 + ".png", "🐈" * 61 + ".png")
    found = keys(tmp_path)
    assert len(set(found)) == 2
    assert all(len(key.encode()) < 200 for key in found)


def test_a_name_that_is_no_unicode_is_shown_with_its_bytes(tmp_path: Path):
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))).touch()
    (file,) = find_images([tmp_path]).files
    assert (file.name, file.key) == ("caf\\xe9.png", "caf_xe9")
    assert file.path.exists()


@given(st.lists(st.text(st.sampled_from("aAäÄ/.<1-"), min_size=1, max_size=6), unique=True, min_size=1))
def test_keys_are_always_unique_even_where_case_is_ignored(stems: list[str]):
    paths = sorted({Path("/base") / f"{stem}.png" for stem in stems})
    found = unique_keys(paths)
    assert len({key.casefold() for key in found}) == len(paths)
    assert not any(set(key) & set('/<>:"\\|?*') or key.startswith(".") for key in found)


# True classes


def test_true_classes_come_from_a_labels_file_beside_the_images(tmp_path: Path):
    touch(tmp_path, *(f"{name}.png" for name in "abcdefgh"))
    table = {
        "a.png": 0,
        "b.png": "tabby",
        "c.png": {"class_index": 3, "wnid": "n1"},
        "d.png": {"label": "lynx"},
        "e.png": {"class_indices": [285, 281]},
        "f.png": None,
        "g.png": True,
    }
    (tmp_path / "labels.json").write_text(json.dumps(table))
    assert truths(tmp_path) == {
        "a.png": "0",
        "b.png": "tabby",
        "c.png": "3",
        "d.png": "lynx",
        "e.png": "285",
        "f.png": None,
        "g.png": None,
        "h.png": None,
    }


def test_a_labels_file_one_folder_up_names_images_by_path_or_name(tmp_path: Path):
    touch(tmp_path, "x/a.png", "y/a.png", "y/b.png")
    (tmp_path / "labels.json").write_text(json.dumps({"x/a.png": 1, "y/a.png": 2, "b.png": 3}))
    assert truths(tmp_path) == {"x/a.png": "1", "y/a.png": "2", "y/b.png": "3"}
    (tmp_path / "y" / "labels.json").write_text(json.dumps({"a.png": 7}))
    assert truths(tmp_path)["y/a.png"] == "7"


def test_class_names_of_a_model_are_no_true_classes(tmp_path: Path):
    touch(tmp_path, "a.png")
    (tmp_path / "labels.json").write_text('["cat", "dog"]')
    assert truths(tmp_path) == {"a.png": None}


def test_a_broken_labels_file_is_reported(tmp_path: Path):
    touch(tmp_path, "a.png")
    (tmp_path / "labels.json").write_text("{")
    listing = find_images([tmp_path / "a.png"])
    assert listing.files[0].truth is None
    assert "labels.json: cannot be read as JSON" in listing.skipped[0]
