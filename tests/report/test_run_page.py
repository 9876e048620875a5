"""The written page of a run, read as text: what it says, and that it always says the same."""

import json
import re
import stat

import pytest

from viz.report import write_report


def text_of(folder):
    return write_report(folder).read_text(encoding="ascii")


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1])


def test_the_page_is_written_into_the_run_folder_and_leaves_nothing_else(run_of, done):
    folder = run_of(done("a.jpg"))
    before = {path.name for path in folder.iterdir()}
    assert write_report(folder) == folder / "index.html"
    assert {path.name for path in folder.iterdir()} - before == {"index.html"}


def test_the_page_is_replaced_whole_so_that_a_reader_never_sees_half(run_of, done):
    folder = run_of(done("a.jpg"))
    (folder / "index.html").write_text("old")
    with (folder / "index.html").open() as reader:
        write_report(folder)
        assert reader.read() == "old"


@pytest.mark.parametrize("changes", [{"timings": {"total_s": 99.0}}, {"timings": {}}])
def test_the_same_results_give_the_same_bytes_however_long_they_took(run_of, done, changes):
    first = write_report(run_of(done("a.jpg"), done("b.jpg"), name="first")).read_bytes()
    again = write_report(run_of(done("b.jpg"), done("a.jpg"), name="again", **changes)).read_bytes()
    assert first == again


def test_another_figure_gives_another_page(run_of, done):
    first = write_report(run_of(done("a.jpg"), name="first")).read_bytes()
    other = write_report(run_of(done("a.jpg", numbers={"score": 1.0}), name="other")).read_bytes()
    assert first != other


def test_what_was_run_is_on_the_page_without_any_script(run_of, done):
    page = text_of(run_of(done("a.jpg"), skipped=["notes.txt"], notes=["looped over single images"]))
    for said in (
        "viz occlusion --model resnet18.onnx photos/",
        "ab" * 32,
        "<td>0.485, 0.456, 0.406</td><td>default</td>",
        "<td>center</td><td>resnet18.viz.toml</td>",
        "224x224 rgb nchw, short side 256",
        "onnxruntime 1.31.0",
        "Zeiler &amp; Fergus 2013",
        "notes.txt",
        "looped over single images",
        "read before the graph&#x27;s own softmax",
    ):
        assert said in page, said


def test_warnings_and_failures_are_on_the_page_without_any_script(run_of, done, failed):
    page = text_of(run_of(done("a.jpg"), failed("b.jpg", "too <large>"), warnings=["preprocessing was assumed"]))
    assert "preprocessing was assumed" in page
    assert "1 image could not be used" in page
    assert "too &lt;large&gt;" in page


def test_a_run_without_trouble_shows_no_notice(run_of, done):
    page = text_of(run_of(done("a.jpg")))
    assert '<section class="notice' not in page
    assert '<details class="notice' not in page


def test_an_unfinished_run_says_so(run_of, done):
    page = text_of(run_of(done("a.jpg"), complete=False, images={"found": 7, "done": 1, "failed": 0}))
    assert "1 of 7 images so far" in page


def test_counts_and_accuracy_are_summed_up(run_of, done, failed):
    page = text_of(run_of(done("a.jpg", truth="tabby"), done("b.jpg", truth="lynx", warnings=["w"]), failed("c.jpg")))
    counted = re.findall(r'<span class="count">(.*?)</span>', page)
    assert counted == ["2 done", "1 failed", "1 with warnings", "top-1 right 1 of 2"]


def test_hostile_names_stand_nowhere_as_markup(run_of, done, failed):
    name = "<img src=x onerror=alert(1)>.png"
    label = "</script><script>alert(1)</script>"
    page = text_of(
        run_of(done(name, key="a", label=label), failed(name + "2", label), warnings=[label], skipped=[name])
    )
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert data_of(page)["images"][1]["predictions"][0]["label"] == label


def test_a_name_that_is_no_unicode_does_no_harm(run_of, done, failed):
    page = text_of(run_of(done("caf\udce9.jpg", key="caf\udce9"), failed("\udcff.jpg"), drawn=0))
    assert data_of(page)["images"][0]["urls"]["picture"] == "./caf%E9.png"


def test_nothing_may_be_loaded_but_pictures(run_of, done):
    page = text_of(run_of(done("a.jpg")))
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', page)[1].replace("&#x27;", "'")
    assert policy.startswith("default-src 'none'; img-src 'self' file: data:; ")
    assert "unsafe" not in policy
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)


def test_whoever_may_read_the_results_may_read_the_page(run_of, done):
    folder = run_of(done("a.jpg"))
    wanted = stat.S_IMODE((folder / "run.json").stat().st_mode)
    assert stat.S_IMODE(write_report(folder).stat().st_mode) == wanted
