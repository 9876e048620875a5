"""Every command and snippet of the README, CONTRIBUTING and docs/ is run, or stands here with the reason why not."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks, blocks_in, pages
from tests.docs.session import session_in

# Blocks that no test runs, by page and first line, each with its reason.
NOT_RUN = {
    ("README.md", "make demo"): "makes an environment and installs; the viz commands in it are run by a test below",
    ("README.md", "make test"): "would run these tests inside themselves",
    ("README.md", "pip install ."): "installs into an environment",
    ("CONTRIBUTING.md", "make test"): "would run these tests inside themselves",
    ("docs/tutorial/first-report.md", "python3 -m venv .venv"): "installs into an environment",
    ("docs/how-to/add-a-technique.md", "$ pip install --editable ."): (
        "installs; the session writes the entry point that this would, and everything after it uses that"
    ),
    ("docs/how-to/devices.md", "$ viz predict --model zoo:shapes photos --device cuda"): (
        "what it prints depends on the machine; tests/adapters covers the error"
    ),
    ("docs/how-to/devices.md", "error: CUDAExecutionProvider could not be used: onnxruntime fell back to"): (
        "needs a GPU whose libraries are broken"
    ),
    ("docs/how-to/devices.md", "pip uninstall onnxruntime-gpu onnxruntime"): "would break this environment",
    ("docs/how-to/devices.md", "$ viz occlusion --model mobilenetv2.onnx photos"): "needs onnxruntime-openvino",
    ("docs/how-to/devices.md", "$ viz occlusion --model model.onnx photos --provider openvino"): (
        "needs onnxruntime-openvino; tests/adapters/onnx_runtime/test_placement.py covers the note"
    ),
    ("docs/how-to/models.md", "$ viz predict --model torchvision:resnet18 --model-arg weights=DEFAULT photos"): (
        "downloads weights, and neither torchvision nor timm is a dependency"
    ),
    ("docs/how-to/offline-and-cache.md", "$ viz zoo fetch squeezenet1.1-7 mobilenetv2-12"): "downloads",
    ("docs/how-to/many-machines.md", "pip install 'onnx-viz[ray]'"): "installs; tests/engine/ray runs on a cluster",
    ("docs/how-to/many-machines.md", "pip install 'onnx-viz[remote]' s3fs"): "installs, and needs an S3 storage",
    ("docs/how-to/see-neurons.md", "viz patches --model squeezenet1.1.onnx"): (
        "needs a model and photos that are not in the repository"
    ),
    (
        "docs/explanation/how-good-is-a-map.md",
        "$ viz zoo samples samples100",
    ): "takes minutes; a shorter one runs above it",
    ("docs/explanation/how-good-is-a-map.md", "$ viz evaluate --model zoo:shapes samples100"): (
        "takes minutes; a shorter one runs above it"
    ),
    ("docs/explanation/how-good-is-a-map.md", "$ viz evaluate --model mobilenetv"): (
        "needs models and photos that are not in the repository"
    ),
    ("docs/explanation/design.md", "cli                               parses and prints"): "a drawing, not a command",
}
PAGES = [page for page in pages() if any(block.is_executed for block in blocks(page))]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VIZ_OFFLINE", "1")
    monkeypatch.setenv("VIZ_CACHE", str(tmp_path / "cache"))
    for name in ("VIZ_MODEL", "VIZ_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("page", PAGES)
def test_every_snippet_of_the_page_does_what_the_page_says(page: str, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    with session_in(folder) as session:
        for block in blocks(page):
            if block.is_executed:
                session.run(block)


@pytest.mark.parametrize("page", pages())
def test_every_block_of_the_page_is_run_or_has_a_reason_why_not(page: str) -> None:
    unexplained = [block for block in blocks(page) if not block.is_executed and not _reason(block)]
    assert [f"{page}:{block.line}: {block.first_line}" for block in unexplained] == []


def test_every_reason_belongs_to_a_block_that_is_there() -> None:
    unused = [key for key in NOT_RUN if not any(_is_meant(block, key) for block in blocks(key[0]))]
    assert unused == []


def test_a_block_that_is_not_run_and_not_excused_is_noticed() -> None:
    block, *_ = blocks_in("README.md", "```text\nviz predict photos\n```")
    assert not block.is_executed
    assert not _reason(block)


def test_the_commands_of_make_demo_run(tmp_path: Path) -> None:
    recipe = re.search(r"^demo:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert recipe is not None
    commands = [line.strip().replace("$(BIN)/viz", "$ viz") for line in recipe[1].splitlines() if "$(BIN)/viz" in line]
    assert len(commands) >= 2
    with session_in(tmp_path) as session:
        for block in blocks_in("Makefile", "```console\n" + "\n".join(commands) + "\n```"):
            session.run(block)
    assert (tmp_path / "demo" / "occlusion" / "index.html").is_file()


@pytest.mark.parametrize("page", pages())
def test_links_to_files_of_the_repository_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    files = [target for target in targets if target and "://" not in target]
    assert [file for file in files if not ((ROOT / page).parent / file).exists()] == []


def test_the_pictures_of_the_pages_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs" / "images").iterdir()}
    assert sizes
    assert max(sizes.values()) < 200_000, sizes


def _reason(block: Block) -> str:
    return next((reason for key, reason in NOT_RUN.items() if _is_meant(block, key)), "")


def _is_meant(block: Block, key: tuple[str, str]) -> bool:
    page, start = key
    return block.page == page and not block.is_executed and block.first_line.startswith(start)
