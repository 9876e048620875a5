"""Writes the reference pages that follow from the code: `python docs/generate.py`, or `--check` that they are current.

Exit code 1 with `--check` where a committed page is not what the code gives; `make check` runs that.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))  # its helpers lie beside it, also where a test loads it by its path

from generated_cli import cli_page  # noqa: E402  # only now can it be found
from generated_operators import operators_page  # noqa: E402
from generated_python import python_page  # noqa: E402
from generated_techniques import techniques_page  # noqa: E402

NOTICE = "<!-- Written by docs/generate.py from the code. Do not edit: change the code, then run `make docs`. -->\n\n"


def pages() -> dict[str, str]:
    """Every generated page's text, by its path below docs/."""
    written = {"cli": cli_page, "python": python_page, "techniques": techniques_page, "onnx-operators": operators_page}
    return {f"reference/{name}.md": NOTICE + page() for name, page in written.items()}


def stale(folder: Path) -> list[str]:
    """The pages in `folder` that are missing or not what the code gives now."""
    return [name for name, text in pages().items() if _read(folder / name) != text]


def write(folder: Path) -> None:
    """Write every page."""
    for name, text in pages().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main(arguments: Sequence[str], folder: Path = DOCS) -> int:
    """0; or 1 where `--check` found a stale page, or 2 for arguments that are not known."""
    if list(arguments) not in ([], ["--check"]):
        sys.stderr.write("usage: python docs/generate.py [--check]\n")
        return 2
    if not arguments:
        write(folder)
        return 0
    outdated = stale(folder)
    for name in outdated:
        sys.stderr.write(f"docs/{name} is not what the code says; `python docs/generate.py` writes it\n")
    return 1 if outdated else 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
