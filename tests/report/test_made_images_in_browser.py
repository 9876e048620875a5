"""Images that were made, in a real browser: with an original below them and without."""

import numpy as np
import pytest
from PIL import Image

from viz.render import animation_bytes
from viz.report import CombinedColumn, write_combined, write_report

pytestmark = pytest.mark.browser

OPACITY = "(where) => getComputedStyle(document.querySelector(where + ' .picture')).opacity"


def open_card(page, place):
    page.locator(".card").nth(place).click()
    page.wait_for_selector("#detail[open]")


@pytest.fixture
def from_nothing(run_of, made):
    """A run of two neurons with a sheet."""
    nothing = {"label": "", "class_index": None, "score": ""}
    folder = run_of(made("fc8:1"), made("fc8:2", target=nothing), target="", score="", pictures={"sheet": "sheet.png"})
    Image.new("RGB", (60, 50)).save(folder / "sheet.png")
    return folder


def test_without_originals_there_is_no_slider_and_every_picture_is_whole(from_nothing, open_page, picture_widths):
    page = open_page(write_report(from_nothing))
    assert page.locator("#opacity").is_hidden()
    assert picture_widths(page, ".card") == [40, 40]
    assert picture_widths(page, ".overview") == [60]
    page.evaluate("document.documentElement.style.setProperty('--opacity', 0)")
    assert page.evaluate(OPACITY, ".card") == "1"
    open_card(page, 0)
    assert page.locator("#detail-opacity").is_hidden()
    assert page.locator(".missing").count() == 0


def test_facts_say_what_the_figures_are_and_leave_out_what_is_not_known(from_nothing, open_page):
    page = open_page(write_report(from_nothing))
    open_card(page, 0)
    facts = page.locator("#detail-facts").inner_text()
    assert "score of the saved file" in facts and "confidence in the target" in facts
    assert "sha256" not in facts and "tabby (class 281)" in facts
    names = page.locator("#detail-facts dt")
    assert "target" in names.all_text_contents()
    page.click("#detail-next")
    assert "target" not in names.all_text_contents()


def test_everything_that_belongs_to_an_image_is_shown_in_its_detail_view(run_of, made, open_page, picture_widths):
    page = open_page(write_report(run_of(made("dog.jpg", original=True))), "#image=dog.jpg")
    assert page.locator("#detail-facts section h3").all_text_contents()[3:-1] == ["curve", "triptych", "animation"]
    assert picture_widths(page, ".detail-facts") == [40] * 3
    links = page.locator("#detail-facts section > a").evaluate_all("(all) => all.map((link) => link.href)")
    assert [link.rsplit("/")[-1] for link in links] == ["dog.jpg.curve.png", "dog.jpg.triptych.png", "dog.jpg.gif"]
    assert "sha256 of the original" in page.locator("#detail-facts").inner_text()


def test_a_video_can_be_played(run_of, made, open_page):
    entry = made("dog.jpg", original=True)
    entry["files"]["animation"] = "dog.mp4"
    folder = run_of(entry)
    (folder / "dog.mp4").write_bytes(animation_bytes([np.zeros((240, 320, 3), np.uint8)] * 8, ".mp4"))
    page = open_page(write_report(folder), "#image=dog.jpg")
    page.wait_for_function("document.querySelector('#detail-facts video')?.videoWidth === 320")


def test_a_file_that_is_gone_is_said_to_be_gone(run_of, made, open_page):
    folder = run_of(made("dog.jpg", original=True))
    (folder / "dog.jpg.triptych.png").unlink()
    page = open_page(write_report(folder), "#image=dog.jpg", expected=("Failed to load resource",))
    page.wait_for_selector("#detail-facts .bad")
    assert "the triptych is not in its place" in page.locator("#detail-facts .bad").inner_text()


def test_the_slider_goes_from_the_original_to_the_result(run_of, made, open_page):
    page = open_page(write_report(run_of(made("dog.jpg", original=True))))
    assert page.locator("label:has(#opacity) span").inner_text() == "Result"
    page.fill("#opacity", "30")
    assert page.evaluate(OPACITY, ".card") == "0.3"
    open_card(page, 0)
    assert page.locator("#detail-opacity").is_visible()


def test_an_image_with_an_original_and_one_without_can_be_in_one_run(run_of, made, open_page):
    page = open_page(write_report(run_of(made("a", original=True), made("b"))))
    page.fill("#opacity", "0")
    opacities = "[...document.querySelectorAll('.card .picture')].map((img) => getComputedStyle(img).opacity)"
    assert page.evaluate(opacities) == ["0", "1"]


@pytest.mark.parametrize(
    ("crop", "short", "place", "colour"),
    [
        ("center", None, (0.1, 0.5), (255, 0, 0)),
        ("center", None, (0.5, 0.04), (0, 255, 0)),
        ("center", 75, (0.5, 0.04), (255, 0, 0)),
        ("none", None, (0.1, 0.5), (0, 0, 255)),
    ],
)
def test_an_original_of_another_shape_lies_under_the_result_as_the_model_saw_it(
    run_of, made, open_page, crop, short, place, colour
):
    """A wide photo, blue at its sides, red in its middle, green at the middle's upper edge, under a square result."""
    preprocess = {"size": [60, 60], "crop": crop, "resize_short": short, "origin": {}, "text": ""}
    folder = run_of(made("a", original=True, size=[60, 60], box=[0, 0, 60, 60]), preprocess=preprocess)
    photo = np.full((100, 300, 3), (0, 0, 255), np.uint8)
    photo[:, 90:210], photo[:8, 90:210] = (255, 0, 0), (0, 255, 0)
    Image.fromarray(photo).save(folder / "originals/a.jpg", quality=95)
    page = open_page(write_report(folder))
    page.fill("#opacity", "0")
    open_card(page, 0)
    page.wait_for_function("document.querySelector('#detail .original').naturalWidth === 300")
    shot = page.locator("#detail .stack").screenshot(path=folder / "shot.png") and Image.open(folder / "shot.png")
    seen = shot.convert("RGB").getpixel((round(shot.width * place[0]), round(shot.height * place[1])))
    assert np.abs(np.subtract(seen, colour)).max() < 40


def test_made_images_stand_in_the_cells_of_a_batch(run_of, made, done, tmp_path, open_page, picture_widths):
    maximized = run_of(made("fc8:1"), name="maximize")
    dreamed = run_of(made("a.jpg", key="a", original=True), name="dream")
    explained = run_of(done("a.jpg"), name="occlusion")
    runs = [CombinedColumn("net", name, tmp_path / name) for name in ("maximize", "dream", "occlusion")]
    assert [run.folder for run in runs] == [maximized, dreamed, explained]
    page = open_page(write_combined(tmp_path, runs, "Nightly"))
    assert page.locator(".rows .first .name").all_text_contents() == ["a.jpg", "fc8:1"]
    assert page.locator(".rows .card").count() == 3
    assert page.locator(".rows .first .frame").count() == 1, "what was made from nothing has no original"
    assert picture_widths(page, ".rows") == [40] * (1 + 2 + 2 + 1)
    assert page.locator(".missing").count() == 0
    assert page.locator("#opacity").is_visible()
