"""Escaping: whatever a name, a label or a figure holds, the page stays whole."""

import json
import math
import os
from urllib.parse import unquote_to_bytes

from hypothesis import given
from hypothesis import strategies as st

from viz.report.markup import Markup, embedded_json, join, tag, url


def test_text_is_escaped_where_it_becomes_an_element():
    assert tag("p", "<b> & \"quotes\" 'single'") == "<p>&lt;b&gt; &amp; &quot;quotes&quot; &#x27;single&#x27;</p>"


def test_attributes_are_escaped_and_lose_their_trailing_underscore():
    assert tag("p", class_='a" onclick="x') == '<p class="a&quot; onclick=&quot;x"></p>'


def test_markup_is_not_escaped_twice():
    assert join(tag("b", "<"), "<") == "<b>&lt;</b>&lt;"
    assert isinstance(join("a"), Markup)


def test_embedded_json_cannot_end_its_script_nor_open_a_comment():
    text = embedded_json({"label": "</script><!--<script>\u2028\u2029&"})
    assert not set("<>&") & set(text)
    assert text.isascii()


@given(
    st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
)
def test_embedded_json_gives_back_what_went_in(value):
    assert json.loads(embedded_json(value)) == value


def test_numbers_that_json_does_not_have_become_text():
    assert json.loads(embedded_json({"a": [math.nan, math.inf, (-math.inf,)]})) == {"a": ["nan", "inf", ["-inf"]]}


def test_an_address_keeps_no_character_that_means_something_in_one():
    assert url("originals/a #1?50%.jpg") == "./originals/a%20%231%3F50%25.jpg"


def test_an_address_never_leaves_for_another_host_or_scheme():
    assert url("//evil.example/x") == ".///evil.example/x"
    assert url("javascript:alert(1)") == "./javascript%3Aalert%281%29"


def test_a_base_is_continued_as_it_stands():
    assert url("a b.png", "./run%201/") == "./run%201/a%20b.png"


@given(st.binary(min_size=1).filter(lambda name: not {0, 47} & set(name)))
def test_any_file_name_survives_in_an_address(name):
    assert unquote_to_bytes(url(os.fsdecode(name)).removeprefix("./")) == name
