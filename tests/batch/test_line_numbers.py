"""Lines of tables and keys: `tomllib` reads the values, so a value that states its own line is the answer."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from viz.batch.line_numbers import Place, line_numbers

# Every integer says on which line it stands.
TRICKY = '''\
first = 1  # a = 9, [b]
text = """
not = 9
[not]
\\""" still = 9
"""" # the text ends with a quote
after = 7
raw = \'\'\'
[[not]]
k = "\'\'\'
"quoted.key" = 11
'single # key' = 12
list = [
  "]", # ] not the end
  { x = "}" },
  [ 1, 2 ],
]
then = 18
dotted.inner . deep = 19
[table]  # comment
here = 21
   indented = 22

[[many]]
here = 25
[many.below]
here = 27
[[many]]
  [[many.more]]
  here = 30
  [[many.more]]
  here = 32
[ table . "a b" ]
here = 34
[last]
'''


def stated(values: Any, place: Place = ()) -> dict[Place, int]:
    """Every integer in a document with its place, but for those inside inline arrays."""
    if isinstance(values, dict):
        return {p: n for key, value in values.items() for p, n in stated(value, (*place, key)).items()}
    if isinstance(values, list) and all(isinstance(one, dict) for one in values):
        return {p: n for index, one in enumerate(values) for p, n in stated(one, (*place, index)).items()}
    return {place: values} if isinstance(values, int) else {}


def test_every_key_of_a_tricky_document_is_found_on_its_line() -> None:
    found = line_numbers(TRICKY)
    expected = stated(tomllib.loads(TRICKY))
    assert len(expected) == 13
    assert {place: found.get(place) for place in expected} == expected


def test_tables_stand_on_the_line_of_their_header() -> None:
    found = line_numbers(TRICKY)
    headers = {("table",): 20, ("many",): 24, ("many", 0): 24, ("many", 0, "below"): 26, ("many", 1): 28}
    headers |= {("many", 1, "more", 0): 29, ("many", 1, "more", 1): 31, ("table", "a b"): 33, ("last",): 35}
    assert {place: found.get(place) for place in headers} == headers


def test_dotted_keys_make_their_tables_on_their_line() -> None:
    assert line_numbers("\na.b.c = 1\n")[("a", "b")] == 2


def test_an_empty_document_and_one_without_a_last_line_break() -> None:
    assert line_numbers("") == {}
    assert line_numbers("# nothing\n\n") == {}
    assert line_numbers("\nx = 'y'") == {("x",): 2}


VALUES = st.sampled_from(
    ['"a"', "'#'", '"""\nx = 1\n"""', "'''\n[y]\n'''", '[\n1, # ]\n"[",\n]', "{ a = [1] }", '"\\""', "1979-05-27"]
)
GAPS = st.sampled_from(["", "\n", "# [c] = 1\n", "  \t\n\n"])


@given(st.lists(st.tuples(GAPS, st.sampled_from(["key", "table", "array"]), VALUES), max_size=12))
def test_statements_in_any_order_are_found_on_the_lines_where_they_were_put(
    statements: list[tuple[str, str, str]],
) -> None:
    text, expected, table, arrays = "", {}, (), 0
    for number, (gap, kind, value) in enumerate(statements):
        text += gap
        line = text.count("\n") + 1
        if kind == "key":
            text += f"k{number} = {value}\n"
            expected[(*table, f"k{number}")] = line
            continue
        text += f"[t{number}]\n" if kind == "table" else "[[many]]\n"
        table = (f"t{number}",) if kind == "table" else ("many", arrays)
        arrays += kind == "array"
        expected[table] = line
    tomllib.loads(text)
    found = line_numbers(text)
    assert {place: found.get(place) for place in expected} == expected
