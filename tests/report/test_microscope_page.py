"""What the microscope writes: a page, and its data in scripts that say what the records say."""

import json
import re

import pytest

from tests.report.surveys import layer, patch, unit, write_survey
from viz.core.errors import UsageError
from viz.report import write_microscope, write_report


@pytest.fixture
def survey(tmp_path):
    """Two layers of 70 and 3 units; the second one's are channels 2, 4 and 9, of which 4 is dead."""
    some = [unit("fc/8", channel, row=row) for row, channel in enumerate([2, 4, 9])]
    some[1] |= {"flags": ["dead"], "patches": [], "details": {"classes": [{"name": "x", "mean": 0.0, "images": 3}]}}
    layers = [layer("conv1", 70), layer("fc/8", 3, everywhere=True, field=None)]
    return write_survey(tmp_path / "run", layers, [unit("conv1", channel) for channel in range(70)] + some)


def page_data(folder):
    text = (folder / "index.html").read_text()
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])


def data(folder, name):
    """What a data script sets, and under which address."""
    text = (folder / f"{name}.js").read_text()
    address, value = re.fullmatch(r"vizData\[(.*?)\]=(.*);\n", text, re.S).groups()
    assert json.loads(address) == f"./{name}"
    return json.loads(value)


def test_the_page_knows_every_layer_in_order(survey):
    assert write_microscope(survey) == survey / "index.html"
    first, second = page_data(survey)["layers"]
    assert first["name"] == "conv1" and first["units"] == 70 and first["dead"] == 0
    assert first["sprites"] == "./sprites/conv1/" and first["heat"] is True and first["columns"] == 4
    assert second["name"] == "fc/8" and second["dead"] == 1 and second["everywhere"] is True
    assert second["data"] == "./microscope-data/fc_8/"
    assert second["strip"] == [0, 2]


def test_figures_of_all_units_are_one_table(survey):
    write_microscope(survey)
    table = data(survey, "microscope-data/fc_8/units")
    assert table["channels"] == [2, 4, 9]
    assert table["numbers"]["max"] == [2.5, 4.5, 9.5]
    assert table["flags"] == [[], ["dead"], []]
    assert table["patches"] == [4, 0, 4]
    classes = page_data(survey)["classes"]
    assert [None if best < 0 else classes[best] for best in table["best"]] == ["class 2", None, "class 9"]


def test_units_come_in_blocks_with_all_that_is_known_of_them(survey):
    write_microscope(survey)
    blocks = [data(survey, f"microscope-data/conv1/{number}") for number in range(2)]
    assert [len(block["units"]) for block in blocks] == [64, 6]
    found = blocks[1]["units"][3]
    assert [blocks[1]["images"][one[0]] for one in found["patches"]] == [f"photos/{n}.jpg" for n in range(4)]
    assert found["patches"][2][1:] == [67.25, [3, 4], [40.0, 20.0, 142.0, 122.0], 0]
    assert found["related"] == [{"channel": 66, "correlation": 0.875}]
    assert found["histogram"]["counts"] == [7, 12, 1]


def test_a_patch_says_whether_it_is_clipped_or_missing(tmp_path):
    patches = [patch(0, [0, 0], 2.0, clipped=True), patch(1, [1, 0], 1.0, clipped=True, missing=True)]
    folder = write_survey(tmp_path / "run", [layer("c", 1)], [unit("c", 0, patches=2) | {"patches": patches}])
    write_microscope(folder)
    assert [one[4] for one in data(folder, "microscope-data/c/0")["units"][0]["patches"]] == [1, 2]


def test_what_lies_beside_the_patches_is_shown_too(survey):
    fed = [{"layer": "conv1", "channels": [{"channel": 7, "strength": 0.123456789}]}]
    beside = {
        "fc/8": {"links": {"9": {"fed": fed}}, "pictures": {"filter": {"9": [{"file": "f/a b.png", "text": "t"}]}}}
    }
    (survey / "microscope.json").write_text(json.dumps(beside))
    write_microscope(survey)
    units = data(survey, "microscope-data/fc_8/0")["units"]
    assert units[2]["links"]["fed"][0]["channels"] == [{"channel": 7, "strength": 0.12346}]
    assert units[2]["pictures"] == {"filter": [{"file": "./f/a%20b.png", "text": "t"}]}
    assert "links" not in units[0] and "pictures" not in units[0]


def bytes_of(folder):
    files = [folder / "index.html", *sorted((folder / "microscope-data").rglob("*.js"))]
    return {file.name: file.read_bytes() for file in files}


def test_the_same_results_give_the_same_bytes_all_ascii(survey):
    write_microscope(survey)
    first = bytes_of(survey)
    write_microscope(survey)
    assert bytes_of(survey) == first
    assert all(content.isascii() for content in first.values())


def test_data_of_an_earlier_run_goes_and_other_files_stay(survey):
    write_microscope(survey)
    (survey / "microscope-data" / "conv1" / "9.js").write_text("old")
    (survey / "microscope-data" / "mine.txt").write_text("mine")
    write_microscope(survey)
    assert not (survey / "microscope-data" / "conv1" / "9.js").exists()
    assert (survey / "microscope-data" / "mine.txt").read_text() == "mine"


def test_names_cannot_break_out_of_the_page_or_its_data(tmp_path):
    hostile = '</script><script>alert(1)</script>"];alert(2);//'
    records = [unit(hostile, 0, key=f"{hostile}-0".replace("/", "_"), files={}, patches=1)]
    folder = write_survey(tmp_path / "run", [layer(hostile, 1)], [r | {"key": "safe-0"} for r in records])
    write_microscope(folder)
    for content in bytes_of(folder).values():
        assert b"alert(1)</script>" not in content
    assert page_data(folder)["layers"][0]["name"] == hostile
    assert data(folder, "microscope-data/safe/0")["units"]


def test_only_scripts_from_where_the_page_lies_may_run(survey):
    write_microscope(survey)
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', (survey / "index.html").read_text())[1]
    assert "default-src &#x27;none&#x27;" in policy
    assert re.search(r"script-src &#x27;self&#x27; file: &#x27;sha256-[^;]+&#x27;;", policy)


def test_the_page_of_a_finished_survey_is_a_microscope(survey):
    write_report(survey)
    assert len(page_data(survey)["layers"]) == 2


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"shape": "", "technique": "occlusion"}, "holds a run of occlusion"),
        ({"complete": False}, "is not finished"),
        ({"schema": 2}, "schema 2"),
    ],
)
def test_other_folders_are_refused(tmp_path, changes, problem):
    folder = write_survey(tmp_path / "run", [], [], **changes)
    with pytest.raises(UsageError, match=problem):
        write_microscope(folder)


def test_a_broken_line_is_said_to_be_broken(survey):
    with (survey / "results.jsonl").open("a") as lines:
        lines.write('{"name": "half\n')
    with pytest.raises(UsageError, match="is broken"):
        write_microscope(survey)


def test_a_layer_that_nobody_named_is_refused(survey):
    with (survey / "results.jsonl").open("a") as lines:
        lines.write(json.dumps(unit("other", 0)) + "\n")
    with pytest.raises(UsageError, match="names no layer 'other'"):
        write_microscope(survey)
