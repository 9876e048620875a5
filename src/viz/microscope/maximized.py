"""Images that units respond to most, from a run of `viz maximize`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from viz.core.adapter import Adapter
from viz.core.run_options import MakeOptions
from viz.core.technique import find
from viz.engine.listener import Listener
from viz.microscope.filters import Pictures
from viz.runs import run, run_path


def maximizing(units: Sequence[str]) -> Any:
    """`viz maximize` for these units, `LAYER:CHANNEL` each."""
    return find("maximize")(target=tuple(units))


def maximized(model: Adapter, units: Sequence[str], folder: Path, listener: Listener, command: str) -> Pictures:
    """An image for each of these units (`LAYER:CHANNEL`): {"file", "text"}, by layer and channel.

    The run goes to a folder of its own in `folder`, and the same call again continues it; files are named from
    `folder`. A unit that no image can be made for has none. Raises `NotSupported` for a model without gradients.
    """
    if not units:
        return {}
    asked, options = maximizing(units), MakeOptions(frames=0)
    name = run_path(asked, model, (), options).name  # other units are another run
    summary: Any = run(asked, model, (), replace(options, out=str(folder / name)), listener, command)
    found: Pictures = {}
    for record in summary.records:
        if record["status"] == "done":
            layer, _, channel = record["target"]["label"].rpartition(":")
            picture = {"file": f"{name}/{record['files']['picture']}", "text": _words(record)}
            found.setdefault(layer, {})[int(channel)] = picture
    return found


def _words(record: dict[str, Any]) -> str:
    score = record["numbers"].get("score")
    return "an image made for this unit" + ("" if score is None else f"; its mean response: {score:.4g}")
