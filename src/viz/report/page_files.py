"""A page put together from the files in page/: styles and scripts inline, and a policy that lets nothing else in."""

import base64
import hashlib
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from viz.report.markup import Markup, embedded_json, join

SHARED_STYLES = ("base.css", "picture.css", "toolbar.css", "card.css", "detail.css")
SHARED_SCRIPTS = (
    "dom.js",
    "format.js",
    "figures.js",
    "picture.js",
    "facts.js",
    "detail.js",
    "windowed.js",
    "roving.js",
    "routing.js",
)


def fill(template: str, **parts: str) -> Markup:
    """A template from page/ with `$name` replaced; parts that are not `Markup` are escaped."""
    return Markup(Template(_read(template)).substitute({name: join(part) for name, part in parts.items()}))


def page(title: str, body: Markup, data: Any, styles: tuple[str, ...], scripts: tuple[str, ...]) -> bytes:
    """A whole page as bytes. The same arguments give the same bytes, all of them ASCII."""
    return _page(title, body, data, SHARED_STYLES + styles, SHARED_SCRIPTS + scripts, fill("detail.html"))


def loading_page(title: str, body: Markup, data: Any, styles: tuple[str, ...], scripts: tuple[str, ...]) -> bytes:
    """A page that also runs scripts from where it lies, its further data; of `page`'s shared files it names its own."""
    return _page(title, body, data, styles, scripts, Markup(), "'self' file: ")


def _page(
    title: str,
    body: Markup,
    data: Any,
    styles: tuple[str, ...],
    scripts: tuple[str, ...],
    detail: Markup,
    scripts_from: str = "",
) -> bytes:
    style = "\n".join(_read(name) for name in styles)
    script = "\n".join(_read(name) for name in scripts)
    whole = fill(
        "page.html",
        policy=_policy(style, script, scripts_from),
        title=title,
        style=Markup(style),
        script=Markup(script),
        body=body,
        detail=detail,
        data=embedded_json(data),
    )
    # Characters outside ASCII become references, so half of a surrogate pair in a name does no harm.
    return whole.encode("ascii", "xmlcharrefreplace")


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file so that nobody ever sees half of it; returns its path."""
    temporary = path.with_name(f".{path.name}.tmp")  # the next run removes what a kill leaves of it
    temporary.write_bytes(content)
    temporary.replace(path)
    return path


def _policy(style: str, script: str, scripts_from: str) -> str:
    """Only this style, this script, and pictures and videos from where the page lies: no network is possible."""
    return (
        f"default-src 'none'; img-src 'self' file: data:; media-src 'self' file:; style-src '{_hash(style)}'; "
        f"script-src {scripts_from}'{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _read(name: str) -> str:
    return (files("viz.report") / "page" / name).read_text(encoding="utf-8")
