"""Reading files with a JSON value a line."""

import json
from collections.abc import Iterator
from pathlib import Path

from viz.engine.run_folder import Record


def lines_of(path: Path) -> Iterator[Record]:
    """The records of a file; a last line that was cut off by a kill is left out."""
    with path.open("rb") as stream:
        for line in stream:
            if line.endswith(b"\n"):
                yield json.loads(line)
