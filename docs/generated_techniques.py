"""The techniques' reference page, from the registry: what each shows, what it needs, what it costs."""

from typing import Any

from generated_cli import anchor

from viz.cli.top import FAMILIES
from viz.core.technique import techniques

SIZE = (224, 224)

INTRODUCTION = f"""\
# Techniques

Every technique is a command, a class (`viz.find_technique("NAME")`) and a name in a [plan](../how-to/batch.md).
[Choose among them](../how-to/gradients.md#choose-a-technique) is a page of its own.

*Gradient* says whether a technique needs one; those without also explain models that have none, such as quantized ones.
*Passes* are for one image of {SIZE[0]} × {SIZE[1]} with the default settings; where there is a gradient, a forward
and a backward pass count as two. `--dry-run` gives the number for your settings, and a time.

Those that look at a whole folder give results for each unit of a layer, not for each image; they can be split over
[many machines](../how-to/many-machines.md).

Those that make images have a column for *Photos*: some begin with photos, others make their images from nothing.
"""
_PHOTOS = {"required": "required", "optional": "optional", "alone": "none"}
_HEAD = "| Command | What it shows | Gradient | Passes | Source |\n|---|---|---|---|---|"
_HEAD_OF_MAKERS = "| Command | What it makes | Gradient | Passes | Source | Photos |\n|---|---|---|---|---|---|"


def techniques_page() -> str:
    """The whole page as Markdown."""
    every = list(techniques().values())
    families = dict.fromkeys(one.info.family for one in every)
    return "\n".join([INTRODUCTION, *(_section(family, every) for family in families)])


def _section(family: str, every: list[Any]) -> str:
    members = [one for one in every if one.info.family == family]
    tables = [
        "\n".join([head, *(_row(one) for one in found)])
        for head, makes in ((_HEAD, False), (_HEAD_OF_MAKERS, True))
        if (found := [one for one in members if bool(one.info.makes) is makes])
    ]
    return f"## {FAMILIES.get(family, family)}\n\n" + "\n\n".join(tables) + "\n"


def _row(technique: Any) -> str:
    info = technique.info
    command = f"[`viz {info.name}`](cli.md#{anchor(f'viz {info.name}')})"
    gradient = "needed" if info.needs_gradient else "–"
    photos = f" {_PHOTOS[info.makes]} |" if info.makes else ""
    summary = info.summary.replace("|", "\\|")  # a bar would end the cell
    return f"| {command} | {summary} | {gradient} | {technique().passes(SIZE):,} | {info.source} |{photos}"
