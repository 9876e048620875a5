"""What is shown beside the patches, written into the folder of a survey, where its page finds it."""

import json
from pathlib import Path
from typing import Any

from viz.microscope.filters import Pictures
from viz.microscope.links import Links
from viz.report.microscope.survey_folder import EXTRAS
from viz.report.page_files import write_whole


def show_beside(folder: Path, found_links: Links, pictures: dict[str, Pictures]) -> Path:
    """Write microscope.json: links and pictures (by kind, such as "filter") of units, by layer and channel.

    `viz.report.write_microscope` shows it. What was there before is replaced.
    """
    layers: dict[str, Any] = {}
    for name, by_channel in found_links.items():
        layers.setdefault(name, {})["links"] = {str(channel): one for channel, one in by_channel.items() if one}
    for kind, by_layer in pictures.items():
        for name, found in by_layer.items():
            of_kind = {str(channel): [picture] for channel, picture in found.items()}
            layers.setdefault(name, {}).setdefault("pictures", {})[kind] = of_kind
    return write_whole(folder / EXTRAS, (json.dumps(layers, ensure_ascii=False) + "\n").encode())
