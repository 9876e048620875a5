"""Declaring techniques."""

from typing import Annotated

import pytest

from viz.core.options import Opt
from viz.core.technique import technique, techniques
from viz.core.technique_listing import listed_techniques


def test_an_option_that_every_command_has_already_is_refused_where_it_is_declared():
    with pytest.raises(TypeError, match="--channels already"):

        @technique(source="none")
        class Clashing:
            """Clash."""

            channels: Annotated[int, Opt("A name that models use.")] = 1

    assert "clashing" not in techniques()


def test_a_technique_may_have_a_name_that_no_class_can_have():
    assert techniques()["grad-cam++"].info.name == "grad-cam++"


def test_the_list_that_imports_nothing_is_the_list_of_what_is_there():
    found = {name: technique.info for name, technique in techniques().items()}
    assert [one.name for one in listed_techniques()] == list(found)
    assert all(found[one.name].summary == one.summary for one in listed_techniques())
