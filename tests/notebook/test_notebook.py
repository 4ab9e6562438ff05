"""The notebook for Colab: every cell runs on the embedded Hub with the tiny recipe, and the file has no personal data."""

import os
import re
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from local_hub.server import stop
from tests import ROOT
from tests.warm import PYTHON
from titlecraft.command_line.main import VERBS

NOTEBOOK = ROOT / "notebooks" / "amazon_titles.ipynb"


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    return notebook


def test_the_file_has_no_outputs_and_no_personal_data(notebook: nbformat.NotebookNode) -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
    assert not re.search(r"hf_[A-Za-z]{8}|(?<![\w.:/])/(?:home|root|tmp|work|Users|content)/|HF_TOKEN", text)
    assert "notebook_login()" in text


def test_each_heading_has_a_portuguese_translation(notebook: nbformat.NotebookNode) -> None:
    headings = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert len(headings) == 12
    assert all(re.match(r"#{1,2} .+\n\n\*[^*]", text) for text in headings)


def test_every_command_exists(notebook: nbformat.NotebookNode) -> None:
    used = re.findall(r"^!titlecraft (\w+)", "\n".join(cell.source for cell in notebook.cells), re.MULTILINE)
    assert set(used) <= set(VERBS) and {"build", "train", "evaluate", "ask", "verify", "document"} <= set(used)


def test_colabs_python_version_is_supported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.14"  # Colab has 3.12


def commands(folder: Path) -> Path:
    """A folder with `titlecraft` and `python` that use the warm process; `--version` uses the installed program."""
    folder.mkdir()
    installed = Path(sys.executable).parent / "titlecraft"
    warm = f'exec "{PYTHON}" -m titlecraft.command_line.main "$@"'
    scripts = {
        "titlecraft": f'case "$1" in --version) exec "{installed}" "$@";; esac\n{warm}\n',
        "python": f'exec "{PYTHON}" "$@"\n',
    }
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)  # ten processes, each of which imports torch or much else
def test_every_cell_runs(notebook: nbformat.NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("HF_", "TITLECRAFT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TITLECRAFT_NOTEBOOK", "tiny")
    monkeypatch.setenv("TITLECRAFT_ROOT", str(tmp_path / "demo"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    path = [str(commands(tmp_path / "bin")), str(Path(sys.executable).parent), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    try:
        client = NotebookClient(notebook, timeout=280, resources={"metadata": {"path": str(tmp_path)}})
        client.execute()
    finally:
        stop(tmp_path / "demo" / "hub")
    message = {
        cell.id: "".join(output.get("text", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    }
    everything = "\n".join(message.values())
    assert re.search(r"dataset titlecraft/amazon-titles-alpaca@\w{12}: train", everything)
    assert "would stop the run" not in everything and "optimizer steps" in everything
    assert "examples seen" in everything and "NLL per token" in everything
    page = notebook.cells[-1].outputs[-1]["data"]["text/html"]
    assert 'lang="pt-BR"' in page and "O ajuste fino ajudou?" in page and "data:image/png;base64," in page
    written = {file.relative_to(tmp_path / "document").as_posix() for file in (tmp_path / "document").rglob("*.*")}
    pictures = {"splits", "output_length", "training_loss", "forest", "by_title", "scores", "lengths"}
    assert written == {f"{name}.{kind}" for name in ("document", "documento") for kind in ("md", "html")} | {
        f"assets/{name}.png" for name in pictures
    }
