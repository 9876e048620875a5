"""Class names: by index, by name, by synonym."""

from dataclasses import dataclass

from viz.core.errors import UnknownName, UsageError


@dataclass(frozen=True)
class Labels:
    """Names of a model's classes in class order (empty where none are known), and where they were found."""

    names: tuple[str, ...] = ()
    origin: str = ""

    def name(self, index: int) -> str:
        """The class's name, or `class 207` where none is known."""
        return self.names[index] if index < len(self.names) else f"class {index}"

    def index(self, text: str, classes: int) -> int:
        """The class that `text` means: its index, its name, or one of its comma-separated synonyms.

        Raises `UnknownName` with the nearest names, `UsageError` where several classes share the name.
        """
        if text.strip().isdecimal():
            return checked_index(int(text), classes)
        found = [i for i, name in enumerate(self.names) if text.strip().lower() in _synonyms(name)]
        if len(found) == 1:
            return checked_index(found[0], classes)
        if found:
            raise UsageError(
                f"{len(found)} classes are called {text!r}: " + ", ".join(map(str, found)), "name one by its index"
            )
        listing = "" if self.names else "this model came without labels: give an index, or --labels FILE"
        raise UnknownName("class", text, [s for name in self.names for s in _synonyms(name)], listing)


def _synonyms(name: str) -> list[str]:
    whole = name.strip().lower()
    return list(dict.fromkeys([whole, *(part.strip() for part in whole.split(","))]))


def checked_index(index: int, classes: int) -> int:
    """The index itself; raises `UsageError` where the model has no such class."""
    if not 0 <= index < classes:
        raise UsageError(f"class {index} does not exist", f"the model has classes 0 to {classes - 1}")
    return index


def means(text: str, index: int, name: str) -> bool:
    """Whether `text` (an index, a name or a synonym, in any case) means the class with this index and name."""
    return int(text) == index if text.strip().isdecimal() else text.strip().lower() in _synonyms(name)
