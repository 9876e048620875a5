"""What a run is called and how far it got, in a few words."""

from viz.report.markup import Markup, join, tag
from viz.report.run_folder import RunFolder
from viz.report.sections import counted, notice
from viz.report.views import counts


def title_case(technique: str) -> str:
    """`grad-cam` -> `Grad cam`."""
    return technique.replace("-", " ").capitalize()


def images_fact(found: RunFolder) -> Markup:
    """`18 done, 2 failed, 3 with warnings, top-1 right 15 of 18`, leaving out what is none."""
    warned = sum(bool(image["warnings"]) for image in found.done)
    parts = [f"{len(found.done):,} done"]
    parts += [f"{len(found.failed):,} failed"] * bool(found.failed)
    parts += [f"{warned:,} with warnings"] * bool(warned)
    known = counts(found.done)
    parts += [f"top-1 right {known['right']:,} of {known['known']:,}"] * bool(known["known"])
    return join(*(tag("span", part, class_="count") for part in parts))


def unfinished(found: RunFolder) -> Markup:
    """A notice for a run that was stopped; nothing for a complete one."""
    if found.run["complete"]:
        return Markup()
    so_far = f"{len(found.images):,} of {counted(found.run['images']['found'], 'image')} so far"
    return notice(
        "warning", "This run is not finished", [f"{so_far}. The same command again continues where it stopped."]
    )
