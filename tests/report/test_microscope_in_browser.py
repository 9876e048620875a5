"""The microscope in a real browser, opened from disk: 50 layers of 2,048 units, and a small one."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from tests.report.surveys import layer, unit, write_survey
from viz.report import write_microscope

pytestmark = pytest.mark.browser

LAYERS, UNITS = 50, 2048
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """102,400 units; in every layer unit 1000 is dead."""
    names = [f"stage{number // 10}/conv{number}" for number in range(LAYERS)]
    layers = [layer(name, UNITS) for name in names]

    def records():
        for name in names:
            for channel in range(UNITS):
                dead = {"flags": ["dead"]} if channel == 1000 else {}
                yield unit(name, channel, patches=3, **dead)

    folder = write_survey(tmp_path_factory.mktemp("large") / "run", layers, records())
    write_microscope(folder)
    return folder


@pytest.fixture
def small(tmp_path):
    """Two layers of 40 units: a link and a filter at conv2:5, a clipped patch and a class of its own at conv1:3."""
    one = [unit("conv1", channel) for channel in range(40)]
    one[3]["details"]["classes"][0]["name"] = "samovar"
    one[3]["patches"][1]["clipped"] = True
    folder = write_survey(
        tmp_path / "run", [layer("conv1", 40), layer("conv2", 40)], one + [unit("conv2", c) for c in range(40)]
    )
    Image.new("RGB", (70, 70), "red").save(folder / "filter.png")
    fed = '{"fed": [{"layer": "conv1", "channels": [{"channel": 7, "strength": 0.5}]}]}'
    picture = '{"filter": {"5": [{"file": "filter.png", "text": "its filter"}]}}'
    (folder / "microscope.json").write_text(f'{{"conv2": {{"links": {{"5": {fed}}}, "pictures": {picture}}}}}')
    write_microscope(folder)
    return folder / "index.html"


def canvas_colour(page, selector, x=0.5, y=0.5):
    """What is seen of an element at a share of its width and height: pictures from disk cannot be read in the page."""
    page.wait_for_selector(selector)
    page.wait_for_timeout(300)
    with Image.open(io.BytesIO(page.locator(selector).first.screenshot())) as shot:
        pixels = np.asarray(shot.convert("RGB")).astype(int)
    return pixels[int(y * (len(pixels) - 1)), int(x * (pixels.shape[1] - 1))]


def focused(page):
    return page.evaluate("document.activeElement.getAttribute('href') ?? document.activeElement.id")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(60)


def test_a_hundred_thousand_units_load_within_seconds_and_few_are_in_the_document(large, open_page):
    started = time.monotonic()
    page = open_page(large / "index.html")
    page.wait_for_selector(".card.layer canvas")
    assert time.monotonic() - started < 8
    assert page.locator("#status").inner_text() == "50 layers"
    assert (large / "index.html").stat().st_size < 300_000
    page.locator(".card.layer").first.click()
    page.wait_for_selector(".card.unit canvas")
    assert page.locator("#status").inner_text() == "2,048 units"
    assert 8 <= page.locator(".card.unit").count() <= 200
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_selector("[data-place='2047']")
    assert page.locator(".card.unit").count() <= 250


def test_a_class_is_found_among_all_units(large, open_page):
    page = open_page(large / "index.html")
    started = time.monotonic()
    page.fill("#search", "class 199")
    page.wait_for_selector("#some-title:has-text('class 199')")
    assert time.monotonic() - started < 8
    of_each = sum(channel % 200 == 199 for channel in range(UNITS))
    assert page.locator("#status").inner_text() == f"{LAYERS * of_each} units"
    assert "class 199" in page.locator(".card.unit .label").first.inner_text()


def test_a_unit_is_found_by_its_name_and_opened(large, open_page):
    page = open_page(large / "index.html")
    press(page, "/")
    page.keyboard.type("stage4/conv49:2047")
    press(page, "Enter")
    page.wait_for_selector("#some .card.unit")
    page.locator(".card.unit").first.click()
    page.wait_for_selector("#unit-title:has-text('stage4/conv49:2047')")
    assert page.locator(".patch-list li").count() == 3
    assert "photos/0.jpg" in page.locator(".patch-list li").first.inner_text()


def test_every_unit_has_an_address_of_its_own(small, open_page):
    page = open_page(small, "#unit=conv2%3A5")
    page.wait_for_selector("#unit-title")
    assert page.locator("#unit-title").inner_text() == "conv2:5"
    assert page.locator("#crumbs [aria-current=page]").inner_text() == "5"


def test_an_address_that_names_nothing_shows_all_layers_or_says_what_is_wrong(small, open_page):
    page = open_page(small, "#layer=nothing")
    page.wait_for_selector(".card.layer")
    page.evaluate("location.hash = '#unit=conv1:999'")
    page.wait_for_selector("#status:has-text('conv1 has no unit 999 in this run')")


def test_the_patches_of_a_unit_are_those_of_its_row_in_the_picture(small, open_page):
    page = open_page(small, "#unit=conv1%3A21")  # row 5 of the second picture
    for column in (0, 3):
        found = canvas_colour(page, f".patch-list li:nth-child({column + 1}) canvas")
        assert np.abs(found - [75, 60, 40 * column]).max() < 8


def test_the_activation_darkens_what_the_unit_does_not_respond_to(small, open_page):
    page = open_page(small, "#unit=conv1%3A21")
    place = ".patch-list li:nth-child(4) canvas"
    before = [canvas_colour(page, place, x) for x in (0.25, 0.75)]
    press(page, "o")
    assert page.locator("#overlay").get_attribute("aria-pressed") == "true"
    after = [canvas_colour(page, place, x) for x in (0.25, 0.75)]
    assert np.abs(before[0] - before[1]).max() < 8
    assert after[0].sum() < 0.4 * before[0].sum()
    assert np.abs(after[1] - before[1]).max() < 8
    page.locator("#overlay").click()
    assert np.abs(canvas_colour(page, place, 0.25) - before[0]).max() < 8


def test_no_patch_and_no_heat_shines_into_its_neighbour(small, open_page):
    page = open_page(small, "#unit=conv1%3A21")
    press(page, "o")
    third = ".patch-list li:nth-child(3) canvas"
    for x, y in ((0.75, 0.02), (0.75, 0.98), (0.97, 0.5)):  # other rows above and below, a dark half at the right
        assert np.abs(canvas_colour(page, third, x, y) - [75, 60, 80]).max() < 8


def test_arrows_step_between_units_and_escape_goes_back(small, open_page):
    page = open_page(small)
    page.wait_for_selector(".card.layer")
    page.locator(".card.layer").first.focus()
    press(page, "ArrowRight", "Enter")
    page.wait_for_selector("#some-title:has-text('conv2')")
    page.locator(".card.unit").first.focus()
    press(page, "ArrowRight", "ArrowRight", "Enter")
    page.wait_for_selector("#unit-title:has-text('conv2:2')")
    press(page, "ArrowRight")
    page.wait_for_selector("#unit-title:has-text('conv2:3')")
    press(page, "ArrowLeft", "ArrowLeft")
    page.wait_for_selector("#unit-title:has-text('conv2:1')")
    press(page, "Escape")
    page.wait_for_selector("#some-title:visible")
    assert focused(page) == "#unit=conv2%3A1"
    press(page, "Escape")
    page.wait_for_selector(".card.layer:visible")
    assert focused(page) == "#layer=conv2"


def test_the_arrows_follow_the_order_in_which_units_were_sorted(small, open_page):
    page = open_page(small, "#layer=conv1")
    page.wait_for_selector(".card.unit")
    page.select_option("#sort", label="largest response")
    page.wait_for_selector("[data-place='0'][href='#unit=conv1%3A39']")
    page.locator(".card.unit").first.click()
    page.wait_for_selector("#unit-title:has-text('conv1:39')")
    press(page, "ArrowRight")
    page.wait_for_selector("#unit-title:has-text('conv1:38')")


def test_dead_units_can_be_hidden_or_come_first(large, open_page):
    page = open_page(large / "index.html", "#layer=stage0%2Fconv0")
    page.wait_for_selector(".card.unit")
    page.check("#alive")
    page.wait_for_selector("#status:has-text('2,047 of 2,048 units')")
    page.uncheck("#alive")
    page.select_option("#sort", label="dead or not")
    page.wait_for_selector("[data-place='0'][href='#unit=stage0%2Fconv0%3A1000']")
    assert "dead" in page.locator(".card.unit").first.inner_text()


def test_a_unit_shows_its_figures_its_filter_and_who_feeds_it(small, open_page):
    page = open_page(small, "#unit=conv2%3A5")
    page.wait_for_selector(".unit-facts")
    text = page.locator(".unit-facts").inner_text()
    for part in ("largest response", "5.50", "90 % of images below", "class 5", "Samoyed", "Fed most by conv1"):
        assert part in text
    assert page.locator(".histogram rect").count() == 3
    assert page.locator(".made.filter img").evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 70
    page.click("text=conv1:7")
    page.wait_for_selector("#unit-title:has-text('conv1:7')")
    assert "clipped" not in page.locator(".patch-list").inner_text()


def test_a_class_of_a_unit_leads_to_the_other_units_that_like_it(small, open_page):
    page = open_page(small, "#unit=conv1%3A3")
    page.click(".bars a:has-text('samovar')")
    page.wait_for_selector("#some-title:has-text('samovar')")
    assert page.locator("#status").inner_text() == "1 unit"
    press(page, "Escape")
    page.wait_for_selector(".card.layer:visible")


def test_a_clipped_patch_says_so(small, open_page):
    page = open_page(small, "#unit=conv1%3A3")
    page.wait_for_selector(".patch-list .mark")
    assert page.locator(".patch-list li").nth(1).locator(".mark").inner_text() == "clipped"


def test_everything_has_a_name_for_those_who_do_not_see_it(small, open_page):
    page = open_page(small, "#unit=conv2%3A5")
    page.wait_for_selector(".patch-list canvas")
    assert page.locator(".patch-list canvas").first.get_attribute("aria-label") == (
        "Patch 1: photos/0.jpg, response 5.50"
    )
    assert "Images by their largest response" in page.locator(".histogram").get_attribute("aria-label")
    assert page.locator("#overlay").inner_text() == "Activation"
    assert page.locator("a.step").first.get_attribute("aria-label") == "Previous unit (left arrow)"


def test_data_that_is_not_there_is_said_to_be_missing(small, open_page):
    (small.parent / "microscope-data" / "conv1" / "units.js").unlink()
    page = open_page(small, "#layer=conv1", expected=("ERR_FILE_NOT_FOUND",))
    page.wait_for_selector("#status.bad:has-text('microscope-data/conv1/units.js is not in its place')")


@pytest.mark.parametrize("fragment", ["", "#layer=conv1", "#unit=conv2%3A5", "#find=class"])
def test_it_fits_a_phone(small, open_page, fragment):
    page = open_page(small, fragment, **PHONE)
    page.wait_for_selector("canvas.patches:visible")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
