"""Everything works without a mouse."""

import pytest

from viz.report import write_report

pytestmark = pytest.mark.browser


@pytest.fixture
def gallery(run_of, done, open_page):
    """Forty images 00.jpg to 39.jpg, in rows of four at this width."""
    page = open_page(write_report(run_of(*[done(f"{i:02}.jpg") for i in range(40)])))
    page.locator(".card").first.focus()
    return page


def focused(page):
    return page.evaluate("document.activeElement.querySelector('.name')?.textContent ?? document.activeElement.id")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)
    return focused(page)


def columns(page):
    tops = page.locator(".item").evaluate_all("(items) => items.map((item) => item.offsetTop)")
    return tops.count(tops[0])


def test_arrows_move_between_cards(gallery):
    width = columns(gallery)
    assert width > 1
    assert press(gallery, "ArrowRight") == "01.jpg"
    assert press(gallery, "ArrowDown") == f"{1 + width:02}.jpg"
    assert press(gallery, "ArrowLeft", "ArrowUp") == "00.jpg"
    assert press(gallery, "ArrowLeft", "ArrowUp") == "00.jpg"


def test_the_last_card_is_one_key_away_and_in_view(gallery):
    assert press(gallery, "End") == "39.jpg"
    top, bottom = gallery.evaluate(
        "(({ top, bottom }) => [top, bottom])(document.activeElement.getBoundingClientRect())"
    )
    assert 0 <= top < bottom <= gallery.viewport_size["height"]
    assert press(gallery, "Home") == "00.jpg"


def test_a_focused_card_is_never_under_the_toolbar(gallery):
    press(gallery, "End")
    for _ in range(5):
        press(gallery, "ArrowUp")
        card = gallery.evaluate("document.activeElement.getBoundingClientRect().top")
        toolbar = gallery.evaluate("document.querySelector('.toolbar').getBoundingClientRect().bottom")
        assert card >= toolbar


def test_one_press_of_tab_leaves_the_gallery(gallery):
    press(gallery, "ArrowRight", "ArrowRight")
    assert gallery.locator(".card[tabindex='0']").count() == 1
    press(gallery, "Tab")
    assert gallery.evaluate("document.activeElement.closest('.gallery')") is None


def test_enter_opens_arrows_step_and_escape_comes_back_to_the_image_last_seen(gallery):
    press(gallery, "ArrowRight", "Enter")
    gallery.wait_for_selector("#detail[open]")
    press(gallery, "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowRight")
    assert gallery.locator("#detail-name").inner_text() == "03.jpg"
    press(gallery, "Escape")
    gallery.wait_for_selector("#detail:not([open])", state="attached")
    assert focused(gallery) == "03.jpg"


def test_arrows_on_the_slider_move_the_slider_and_not_the_image(gallery):
    press(gallery, "Enter")
    gallery.wait_for_selector("#detail[open]")
    gallery.locator("#detail-opacity").focus()
    press(gallery, "ArrowLeft")
    assert gallery.locator("#detail-opacity").input_value() == "99"
    assert gallery.locator("#detail-name").inner_text() == "00.jpg"


def test_slash_goes_to_the_search_and_can_be_typed_there(gallery):
    assert press(gallery, "/") == "search"
    assert gallery.locator("#search").input_value() == ""
    press(gallery, "a", "/", "b")
    assert gallery.locator("#search").input_value() == "a/b"


def test_a_focused_card_can_be_seen_to_be_focused(gallery):
    press(gallery, "ArrowRight")
    assert gallery.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2


def test_every_control_has_a_name(gallery):
    nameless = """[...document.querySelectorAll('button, input, select')].filter((control) =>
        !control.labels?.length && !control.ariaLabel && !control.textContent.trim()).map((control) => control.id)"""
    assert gallery.evaluate(nameless) == []


def test_cards_say_their_place_among_all(gallery):
    item = gallery.locator(".item").nth(2)
    assert (item.get_attribute("aria-posinset"), item.get_attribute("aria-setsize")) == ("3", "40")
