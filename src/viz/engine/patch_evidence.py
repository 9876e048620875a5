"""What a run says of its windows: plan.json, entries of run.json, and a line for people."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from viz.core.batching import BatchedAdapter
from viz.core.patch_use import together
from viz.engine.run_folder import RunFolder

PLAN_FILE = "plan.json"


def keep_plans(folder: RunFolder, model: BatchedAdapter) -> dict[str, Any]:
    """Write the plans that were followed into plan.json, layer by layer; gives the `evidence` of run.json for them.

    Both are left as they are where nothing was computed.
    """
    uses = together(model.patch_uses)
    plans = [use.plan.described() for use in uses if use.plan.layers]
    if plans:
        folder.write(PLAN_FILE, (json.dumps({"plans": plans}, indent=1, ensure_ascii=False) + "\n").encode())
    return {"windows": [use.summary() for use in uses]} if uses else {}


def windows_in_words(run: Mapping[str, Any]) -> Sequence[str]:
    """How the variants of a run's images were computed, a line for each plan; of whole passes, its notes say why."""
    uses = run.get("evidence", {}).get("windows", [])
    return [_in_words(use) for use in uses if use["by_windows"] or not use["reason"]]


def _in_words(use: Mapping[str, Any]) -> str:
    if not use["by_windows"]:
        return f"not used: windows were off by {_difference(use)}"
    share = f"{use['share']:.0%} of the multiply-accumulates".replace("%", " %")
    if use["cap"] is not None:
        share += f", approximate: no window larger than {use['cap']:g} of a map's height and width"
    if "variants" not in use:
        return share
    return f"{share}, {use['variants']} variants checked, largest difference {_difference(use)}"


def _difference(use: Mapping[str, Any]) -> str:
    difference = use["largest_difference"]
    return "no finite number" if difference is None else f"{difference:.2g}"
