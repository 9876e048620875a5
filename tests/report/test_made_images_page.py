"""The page of a run that made images, read as text and as data."""

import json
import re

import pytest
from PIL import Image

from viz.report import write_report
from viz.report.views import image_view, original_fit

CENTRE = {"size": [224, 224], "crop": "center", "resize_short": 256}


def page_of(folder):
    return write_report(folder).read_text(encoding="ascii")


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1])["images"]


@pytest.fixture
def folder(run_of, made):
    """Two images made from nothing, with a sheet and a profile of both."""
    pictures = {"sheet": "the sheet.png", "information_profile": "profile.png"}
    folder = run_of(
        made("fc8:1"), made("fc8:2"), technique="maximize", target="", score="", options={}, pictures=pictures
    )
    for name in pictures.values():
        Image.new("RGB", (40, 30)).save(folder / name)
    return folder


def test_pictures_of_the_whole_run_stand_above_the_gallery_and_lead_to_their_files(folder):
    page = page_of(folder)
    figures = re.findall(r"<figure>(.*?)</figure>", page)
    assert len(figures) == 2
    assert 'href="./the%20sheet.png"' in figures[0] and 'src="./the%20sheet.png"' in figures[0]
    assert 'loading="lazy"' in figures[0] and "</img>" not in figures[0]
    assert "<figcaption>All images</figcaption>" in figures[0]
    assert "<figcaption>Information profile</figcaption>" in figures[1]
    assert page.index("<figure>") < page.index('id="gallery"')


def test_a_picture_of_the_run_that_is_gone_is_said_to_be_gone(folder):
    (folder / "profile.png").unlink()
    page = page_of(folder)
    assert page.count("<figure>") == 1
    assert "Information profile: profile.png is not in its place" in page


def test_a_run_without_such_pictures_has_no_figures(run_of, done):
    assert "<figure>" not in page_of(run_of(done("a.jpg")))


def test_what_a_run_without_a_target_does_not_have_is_left_out(folder, run_of, done):
    page = page_of(folder)
    assert "<dt>Target</dt>" not in page and '<th scope="row">target</th>' not in page
    with_target = page_of(run_of(done("a.jpg"), name="other"))
    assert "<dt>Target</dt><dd>top1, by logit" in with_target and '<th scope="row">target</th>' in with_target


def test_an_image_made_from_nothing_has_no_original_and_no_hash(folder):
    view = data_of(page_of(folder))[0]
    assert set(view["urls"]) == {"picture", "arrays", "curve"}
    assert view["sha256"] == "" and "made" in view


def test_an_image_that_was_explained_is_not_taken_for_one_that_was_made(done):
    assert "made" not in image_view(done("a.jpg"), preprocess=CENTRE)


@pytest.mark.parametrize(
    ("size", "preprocess", "squeezed", "zoom"),
    [
        ([224, 224], CENTRE, False, 256 / 224),
        ([224, 224], CENTRE | {"resize_short": None}, False, 1),
        ([300, 400], CENTRE, False, 1),
        ([224, 224], {"size": [224, 224], "crop": "none"}, True, 1),
        ([128, 128], {"size": [128, 128], "crop": 0.875}, True, 1 / 0.875),
        ([128, 128], {}, False, 1),
    ],
)
def test_a_photo_lies_under_what_was_made_of_it_as_the_model_sees_it(size, preprocess, squeezed, zoom):
    assert original_fit(size, preprocess) == {"squeezed": squeezed, "zoom": pytest.approx(zoom)}


def test_the_same_results_give_the_same_bytes(folder):
    assert page_of(folder) == page_of(folder)


def test_only_videos_from_where_the_page_lies_may_be_played(folder):
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', page_of(folder))[1]
    assert "media-src &#x27;self&#x27; file:;" in policy
