"""The table of a batch, read as data: which cell stands where."""

import html
import json
import re

import pytest

from viz.core.errors import UsageError
from viz.report import CombinedColumn, write_combined


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text())[1])


@pytest.fixture
def two_runs(run_of, done, failed):
    """Two models over the same two images, of which the second model could use only one."""
    first = run_of(done("a.jpg"), done("b.jpg"), name="first run")
    second = run_of(done("a.jpg", label="lynx"), failed("b.jpg"), name="second")
    (first / "index.html").write_text("")
    return [CombinedColumn("resnet18", "occlusion", first), CombinedColumn("vgg16", "occlusion", second)]


def test_every_image_has_a_row_and_every_run_a_cell_in_it(tmp_path, two_runs):
    rows = data_of(write_combined(tmp_path, two_runs, "Nightly"))["rows"]
    assert [row["name"] for row in rows] == ["a.jpg", "b.jpg"]
    assert [[cell["status"] for cell in row["cells"]] for row in rows] == [["done", "done"], ["done", "failed"]]
    assert [cell["predictions"][0]["label"] for cell in rows[0]["cells"]] == ["tabby", "lynx"]


def test_addresses_lead_from_the_page_into_the_run_folders(tmp_path, two_runs):
    (tmp_path / "page").mkdir()
    urls = data_of(write_combined(tmp_path / "page", two_runs, "Nightly"))["rows"][0]["cells"][0]["urls"]
    assert urls["picture"] == "./../first%20run/a.png"
    assert urls["its run's report"] == "./../first%20run/index.html#image=a"


def test_a_run_without_a_page_of_its_own_gets_no_link_to_one(tmp_path, two_runs):
    columns = data_of(write_combined(tmp_path, two_runs, "Nightly"))["columns"]
    assert [len(column["reports"]) for column in columns] == [1, 0]


def test_a_run_that_could_not_be_done_is_reported_and_its_column_stays_empty(tmp_path, two_runs):
    broken = CombinedColumn("alexnet", "occlusion", tmp_path / "nowhere", problem="alexnet.onnx <is> not there")
    page = write_combined(tmp_path, [broken, *two_runs], "Nightly")
    assert "alexnet.onnx &lt;is&gt; not there" in page.read_text()
    assert [row["cells"][0] for row in data_of(page)["rows"]] == [None, None]


def test_runs_over_several_sources_share_a_column_and_keep_their_rows_apart(tmp_path, run_of, done):
    folders = {source: run_of(done("a.jpg"), name=source) for source in ("cats", "dogs")}
    runs = [CombinedColumn("resnet18", "occlusion", folder, source) for source, folder in folders.items()]
    data = data_of(write_combined(tmp_path, runs, "Nightly"))
    assert [(row["source"], row["name"]) for row in data["rows"]] == [("cats", "a.jpg"), ("dogs", "a.jpg")]
    assert [len(row["cells"]) for row in data["rows"]] == [1, 1]
    ids = [row["cells"][0]["id"] for row in data["rows"]]
    assert len(set(ids)) == 2


def test_what_several_runs_say_is_said_once_with_their_names(tmp_path, run_of, done):
    runs = [
        CombinedColumn(name, "occlusion", run_of(done("a.jpg"), name=name, warnings=warnings, notes=["looped"]))
        for name, warnings in (("one", ["odd"]), ("two", ["odd"]), ("three", []))
    ]
    page = html.unescape(write_combined(tmp_path, runs, "Nightly").read_text())
    assert page.count("<li>looped (all runs)</li>") == 1
    assert page.count("<li>odd (one \u00b7 occlusion, two \u00b7 occlusion)</li>") == 1


def test_the_same_runs_give_the_same_bytes(tmp_path, two_runs):
    first = write_combined(tmp_path, two_runs, "Nightly").read_bytes()
    assert write_combined(tmp_path, two_runs, "Nightly").read_bytes() == first


def test_a_run_that_is_not_there_and_has_no_reason_is_an_error(tmp_path):
    with pytest.raises(UsageError, match=r"run\.json"):
        write_combined(tmp_path, [CombinedColumn("resnet18", "occlusion", tmp_path / "nowhere")], "Nightly")
