"""One image large: what it shows, and every way in and out."""

import pytest

from viz.report import write_report

pytestmark = pytest.mark.browser


@pytest.fixture
def folder(run_of, done, failed):
    """Three done images, c.jpg warned and wrong, and one failed."""
    return run_of(
        done("a.jpg", truth="tabby"),
        done("b.jpg", numbers={"score": 0.000123, "peak_y": 17}),
        done("c.jpg", truth="cock", warnings=["the score rises"]),
        failed("d.jpg", "empty file (0 bytes)"),
    )


@pytest.fixture
def gallery(folder, open_page):
    return open_page(write_report(folder))


def shown(page):
    page.wait_for_selector("#detail[open]")
    return page.locator("#detail-name").inner_text()


def open_card(page, place):
    page.locator(".card").nth(place).click()
    return shown(page)


def test_a_click_opens_an_image_with_all_that_is_known_of_it(gallery):
    assert open_card(gallery, 2) == "c.jpg"
    facts = gallery.locator("#detail-facts").inner_text()
    for said in (
        "the score rises",
        "tabby",
        "75.0%",
        "cock",
        "12.5%",
        "true class",
        "at place 2",
        "4.250",
        "40 \u00d7 30",
    ):
        assert said in facts, said


def test_bars_are_as_long_as_the_probabilities(gallery):
    open_card(gallery, 0)
    share = "(bar) => bar.getBoundingClientRect().width / bar.parentElement.getBoundingClientRect().width"
    bars = gallery.locator(".bar")
    assert [round(bars.nth(i).evaluate(share), 2) for i in range(2)] == [0.75, 0.12]


def test_the_links_lead_to_the_raw_files(gallery, folder):
    open_card(gallery, 0)
    links = gallery.locator(".files a").evaluate_all("(links) => links.map((link) => link.href)")
    assert links == [(folder / name).as_uri() for name in ("a.png", "a.npz", "originals/a.jpg")]


def test_its_slider_starts_where_the_gallery_is_and_leaves_the_gallery_alone(gallery):
    gallery.fill("#opacity", "40")
    open_card(gallery, 0)
    opacity = "(where) => getComputedStyle(document.querySelector(where + ' .picture')).opacity"
    assert gallery.evaluate(opacity, "#detail") == "0.4"
    gallery.fill("#detail-opacity", "10")
    assert gallery.evaluate(opacity, "#detail") == "0.1"
    assert gallery.evaluate(opacity, "#gallery") == "0.4"


def test_next_and_previous_follow_the_order_and_stop_at_the_ends(gallery):
    gallery.select_option("#show", "done")
    open_card(gallery, 0)
    assert gallery.locator("#detail-previous").is_disabled()
    for name in ("b.jpg", "c.jpg"):
        gallery.click("#detail-next")
        assert shown(gallery) == name
    assert gallery.locator("#detail-next").is_disabled()
    assert gallery.locator("#detail-place").inner_text() == "3 of 3"


def test_a_failed_image_shows_its_reason(gallery):
    open_card(gallery, 3)
    assert "empty file (0 bytes)" in gallery.locator("#detail-facts").inner_text()
    assert gallery.locator("#detail img").count() == 0


def test_the_back_button_closes_it(gallery):
    open_card(gallery, 1)
    gallery.go_back()
    gallery.wait_for_selector("#detail:not([open])", state="attached")


def test_the_address_follows_the_steps_without_adding_to_the_history(gallery):
    open_card(gallery, 0)
    steps = gallery.evaluate("history.length")
    gallery.click("#detail-next")
    gallery.wait_for_url("**#image=b")
    gallery.click("#detail-next")
    gallery.wait_for_url("**#image=c")
    assert gallery.evaluate("history.length") == steps


def test_news_of_an_older_address_does_not_step_back(gallery):
    open_card(gallery, 0)
    gallery.click("#detail-next")
    gallery.wait_for_url("**#image=b")
    gallery.evaluate("""() => {
        document.getElementById('detail-next').click();
        dispatchEvent(new HashChangeEvent('hashchange')); // the event of the step before, come late
    }""")
    assert shown(gallery) == "c.jpg"


def test_an_image_can_be_opened_again_after_it_was_closed(gallery):
    for _ in range(2):
        assert open_card(gallery, 1) == "b.jpg"
        gallery.click("#detail-next")
        gallery.click("#detail-previous")
        gallery.click("#detail-close")
        assert gallery.locator("#detail").is_hidden()


def test_an_address_opens_its_image(folder, open_page):
    page = open_page(write_report(folder), "#image=b")
    assert shown(page) == "b.jpg"
    page.click("#detail-close")
    page.wait_for_selector("#detail:not([open])", state="attached")


def test_an_image_opened_by_its_address_can_be_closed_with_escape_and_opened_again(folder, open_page):
    page = open_page(write_report(folder), "#image=b")
    page.keyboard.press("Escape")
    page.wait_for_url("**#all")
    assert open_card(page, 1) == "b.jpg"


def test_an_address_that_names_no_image_opens_nothing(folder, open_page):
    page = open_page(write_report(folder), "#image=zebra")
    assert page.locator("#detail").get_attribute("open") is None


def test_closing_leaves_the_page_where_it_was(run_of, done, open_page):
    page = open_page(write_report(run_of(*[done(f"{i}.jpg") for i in range(60)])))
    page.evaluate("scrollTo(0, 900)")
    page.locator(".card >> text=25.jpg").click()
    before = page.evaluate("scrollY")
    page.keyboard.press("Escape")
    page.wait_for_selector("#detail:not([open])", state="attached")
    assert page.evaluate("scrollY") == before


def test_further_pictures_of_a_technique_are_shown(run_of, done, open_page, picture_widths):
    entry = done("a.jpg")
    entry["files"]["classes"] = "a.png"
    page = open_page(write_report(run_of(entry)), "#image=a")
    assert picture_widths(page, ".detail-facts") == [40]
