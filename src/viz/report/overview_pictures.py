"""Pictures of a whole run, such as the sheet of all its images: figures above the gallery."""

from viz.report.markup import Markup, join, tag, url
from viz.report.run_folder import RunFolder

_TITLES = {"sheet": "All images"}


def overview_pictures(found: RunFolder) -> Markup:
    """Every picture that run.json names under `pictures`, each a link to its file; nothing where there is none."""
    pictures = found.run.get("pictures", {})
    if not pictures:
        return Markup()
    return tag("section", *(_figure(found, name, file) for name, file in pictures.items()), class_="overview")


def _figure(found: RunFolder, name: str, file: str) -> Markup:
    title = _TITLES.get(name, name.replace("_", " ").capitalize())
    if not (found.path / file).is_file():
        return tag("p", f"{title}: {file} is not in its place", class_="bad")
    image = Markup(tag("img", src=url(file), alt=title, loading="lazy", decoding="async").removesuffix("</img>"))
    link = tag("a", image, href=url(file), target="_blank", rel="noopener", title="Open the picture itself")
    return tag("figure", link, join(tag("figcaption", title)))
