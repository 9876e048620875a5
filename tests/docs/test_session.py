"""Does the runner of the pages notice when a page is wrong?"""

from pathlib import Path

import pytest

from tests.docs.pages import blocks_in
from tests.docs.session import session_in


def run(text: str, folder: Path) -> None:
    with session_in(folder) as session:
        for block in blocks_in("page.md", text):
            session.run(block)


def test_output_that_is_as_written_passes(tmp_path: Path) -> None:
    run("```console\n$ echo one; echo two three\none\ntwo ...\n```", tmp_path)


def test_output_that_differs_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the page says"):
        run("```console\n$ echo one\ntwo\n```", tmp_path)


def test_output_that_the_page_leaves_out_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the page says"):
        run("```console\n$ echo one; echo two\none\n```", tmp_path)


def test_three_dots_stand_for_any_lines(tmp_path: Path) -> None:
    run("```console\n$ seq 5\n1\n...\n5\n```", tmp_path)


def test_a_command_that_fails_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ended with 2"):
        run("```console\n$ viz config check nowhere.toml\n```", tmp_path)


def test_a_page_may_show_how_a_command_fails(tmp_path: Path) -> None:
    run("```console\n$ viz config check nowhere.toml\nerror: ...\n...\n$ echo $?\n2\n```", tmp_path)


def test_a_wrong_exit_code_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the page says"):
        run("```console\n$ viz config check nowhere.toml\n$ echo $?\n3\n```", tmp_path)


def test_python_blocks_share_names_and_what_they_print_is_compared(tmp_path: Path) -> None:
    run("```python\nx = 2\n```\n\n```python\nprint(x + 1)  # 3\n```", tmp_path)
    with pytest.raises(AssertionError, match="the page says"):
        run("```python\nprint(1 + 1)  # 3\n```", tmp_path)


def test_a_block_with_a_title_is_a_file(tmp_path: Path) -> None:
    run('```toml title="a/b.toml"\nx = 1\n```\n\n```console\n$ cat a/b.toml\nx = 1\n```', tmp_path)


def test_a_file_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="outside"):
        run('```toml title="../b.toml"\nx = 1\n```', tmp_path)


def test_a_viz_command_of_a_workflow_that_fails_is_noticed(tmp_path: Path) -> None:
    steps = "jobs:\n  look:\n    steps:\n      - run: |\n          viz smoke --only nothing-of-this-name\n"
    with pytest.raises(AssertionError, match="ended with 2"):
        run(f'```yaml title=".github/workflows/a.yml"\n{steps}```', tmp_path)
