"""Names and labels that look like code are shown as they are, and run nowhere."""

import pytest

from viz.report import CombinedColumn, write_combined, write_report

pytestmark = pytest.mark.browser

NAMES = [
    "<img src=x onerror=alert(1)>.png",
    '"><svg onload=alert(2)>.png',
    "50% #1?x=1&y=2.png",
    'it\'s "quoted" `${alert(3)}`.png',
    "\u732b und \U0001f431 caf\u00e9\u2028.png",
    "  two  spaces .png",
    "a\\b;c:d.png",
]
LABEL = "</script><script>alert(4)</script><!-- <script>"


@pytest.fixture
def folder(run_of, done, failed):
    """A run in which every text is hostile; file names stay as hostile as a file system takes them."""
    entries = [
        done(name, key=name, label=LABEL, truth=LABEL, warnings=[LABEL], numbers={LABEL: LABEL}) for name in NAMES
    ]
    bad = failed("<script>alert(5)</script>.png", LABEL)
    changes = {"command": LABEL, "summary": LABEL, "warnings": [LABEL], "notes": [LABEL], "skipped": [NAMES[0]]}
    return run_of(*entries, bad | {"key": "bad"}, settings={LABEL: LABEL}, **changes)


def assert_harmless(page):
    assert page.evaluate("document.querySelectorAll('script').length") == 2
    assert page.evaluate("document.querySelectorAll('img[onerror], [onload], svg, script[src]').length") == 0


def test_hostile_names_are_text_and_their_pictures_load(folder, open_page, picture_widths):
    page = open_page(write_report(folder))
    assert picture_widths(page, ".card") == [40] * (2 * len(NAMES))
    assert set(page.locator(".name").all_text_contents()) >= set(NAMES)
    assert_harmless(page)


def test_hostile_names_open_and_stay_text_in_the_detail_view(folder, open_page, picture_widths):
    page = open_page(write_report(folder))
    for name in NAMES:
        page.fill("#search", name.replace("\u2028", "").split(".png")[0][:8])
        page.locator(".card").first.click()
        page.wait_for_selector("#detail[open]")
        assert page.locator("#detail-name").text_content() == name
        assert picture_widths(page, "#detail") == [40, 40]
        assert LABEL in page.locator("#detail-facts").text_content()
        assert_harmless(page)
        page.keyboard.press("Escape")
        page.wait_for_selector("#detail:not([open])", state="attached")


def test_hostile_names_are_text_in_the_combined_table(folder, tmp_path, open_page):
    runs = [CombinedColumn(LABEL, LABEL, folder, LABEL), CombinedColumn("m", "t", tmp_path, problem=LABEL)]
    page = open_page(write_combined(tmp_path, runs, LABEL))
    page.wait_for_selector(".card .picture")
    assert page.title() == LABEL
    assert_harmless(page)


def test_the_policy_stops_code_and_requests_that_get_in_all_the_same(folder, open_page):
    page = open_page(write_report(folder), expected=("Content Security Policy", "Refused", "Failed to load"))
    page.evaluate("""() => {
        document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.broken = true">');
        const script = document.createElement('script');
        script.textContent = 'window.broken = true';
        document.body.append(script);
    }""")
    assert page.evaluate("fetch('https://127.0.0.1:9/').then(() => 'sent', () => 'refused')") == "refused"
    assert page.evaluate("window.broken") is None
