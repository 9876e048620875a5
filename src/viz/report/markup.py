"""HTML that nothing it shows can break: every text is escaped where it is put in."""

import html
import json
import math
import os
from typing import Any
from urllib.parse import quote


class Markup(str):
    """HTML that is safe as it stands; any other text is escaped by `tag` and `join`."""

    __slots__ = ()


def join(*children: str) -> Markup:
    """Children one after the other, escaped unless they are `Markup`."""
    return Markup("".join(c if isinstance(c, Markup) else html.escape(c) for c in children))


def tag(name: str, *children: str, **attributes: str) -> Markup:
    """One element: `tag("p", "1 < 2", class_="note")`. A trailing underscore in an attribute's name is dropped."""
    written = "".join(f' {key.rstrip("_")}="{html.escape(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def url(path: str, base: str = "") -> str:
    """A relative address for a path with forward slashes: `a #1.png` -> `./a%20%231.png`.

    `base` is an address that the path continues, ending in a slash. Bytes of a file name that are no
    UTF-8 survive. The leading `./` keeps `//host/x` and `c:x` from meaning another place.
    """
    return (base or "./") + quote(os.fsencode(path), safe="/")


def embedded_json(value: Any) -> Markup:
    """JSON for a <script type="application/json">: pure ASCII, and without any character that HTML reads.

    Numbers that JSON does not have become the texts "nan", "inf" and "-inf".
    """
    text = json.dumps(_finite(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
