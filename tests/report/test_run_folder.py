"""Reading what a run left behind, and saying what is wrong with it."""

import json

import pytest

from viz.core.errors import UsageError
from viz.report.run_folder import read_run


def test_images_come_in_one_order_whatever_the_order_they_were_done_in(run_of, done):
    forward = read_run(run_of(done("a.jpg"), done("b.jpg"), name="forward"))
    backward = read_run(run_of(done("b.jpg"), done("a.jpg"), name="backward"))
    assert [image["name"] for image in forward.images] == ["a.jpg", "b.jpg"]
    assert forward.images == backward.images


def test_the_last_line_about_an_image_counts(run_of, done, failed):
    found = read_run(run_of(failed("a.jpg"), done("a.jpg")))
    assert [image["status"] for image in found.images] == ["done"]
    assert not found.failed


def test_a_line_that_a_killed_run_had_begun_is_passed_over(run_of, done):
    folder = run_of(done("a.jpg"))
    with (folder / "results.jsonl").open("a") as lines:
        lines.write('{"name": "b.j')
    assert [image["name"] for image in read_run(folder).images] == ["a.jpg"]


def test_a_line_separator_inside_a_name_does_not_end_the_line(run_of, done):
    folder = run_of(drawn=0)
    (folder / "results.jsonl").write_text(json.dumps(done("a\u2028b.jpg"), ensure_ascii=False) + "\n", encoding="utf-8")
    assert read_run(folder).images[0]["name"] == "a\u2028b.jpg"


def test_a_broken_line_in_the_middle_is_an_error_with_its_number(run_of, done):
    folder = run_of(done("a.jpg"))
    lines = (folder / "results.jsonl").read_text()
    (folder / "results.jsonl").write_text(lines + "{broken\n" + lines)
    with pytest.raises(UsageError, match="line 2"):
        read_run(folder)


def test_a_folder_without_a_run_is_an_error_that_says_what_is_needed(tmp_path):
    with pytest.raises(UsageError, match=r"run\.json") as raised:
        read_run(tmp_path)
    assert "results.jsonl" in raised.value.next_step


def test_a_run_of_another_schema_is_refused(run_of):
    with pytest.raises(UsageError, match="schema 2, and this viz reads schema 1"):
        read_run(run_of(schema=2))


def test_what_a_record_lacks_is_named(run_of, done):
    entry = done("a.jpg")
    del entry["box"], entry["numbers"]
    with pytest.raises(UsageError, match="lacks box, numbers"):
        read_run(run_of(entry))
