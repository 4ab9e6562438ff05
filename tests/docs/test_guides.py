"""The guides: measured figures equal those of their files, links have targets, and commands exist."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import pytest

from local_hub.accounts import FIRST_USER
from tests import ROOT, present
from titlecraft.command_line.main import VERBS
from titlecraft.command_line.recipe_options import SECTIONS, recipe_folders

spec = present(spec_from_file_location("figures", ROOT / "docs" / "figures.py"))
figures: Any = module_from_spec(spec)
present(spec.loader).exec_module(figures)
PAGES = {f"{page.parent.name}/{page.name}": page for page in figures.pages()}
GUIDES = ["en/guide.md", "pt-BR/guia.md"]


@pytest.mark.parametrize("name", PAGES)
def test_figures_are_those_of_the_results(name: str) -> None:
    page = PAGES[name]
    assert page.read_text(encoding="utf-8") == figures.current(page), "run: python docs/figures.py"


@pytest.mark.parametrize("name", GUIDES)
def test_all_figures_with_a_unit_are_checked(name: str) -> None:
    """Except for memory sizes of GPUs, which are part of their names."""
    text = figures.FIGURE.sub("", PAGES[name].read_text(encoding="utf-8"))
    text = re.sub(r"^\| [^|]*\|", "|", text, flags=re.MULTILINE)  # first column of the table of GPUs
    assert len(figures.FIGURE.findall(PAGES[name].read_text(encoding="utf-8"))) >= 10
    units = r"(?:s|GB|MB|h|min\w*|hours?|horas?|rows|linhas|tokens|times|vezes|%|x|×)\b"
    assert not re.findall(rf"\d[\d.,]* ?{units}", text)


@pytest.mark.parametrize("name", PAGES)
def test_links_have_targets(name: str) -> None:
    links = re.findall(r"\]\(([^)]+)\)", PAGES[name].read_text(encoding="utf-8"))
    assert links
    for link in links:
        if not link.startswith("http"):
            assert (PAGES[name].parent / link).exists(), link


@pytest.mark.parametrize("name", PAGES)
def test_verbs_recipes_and_settings_exist(name: str) -> None:
    text = PAGES[name].read_text(encoding="utf-8")
    verbs = set(re.findall(r"(?:^|`)titlecraft ([a-z]+)", text, re.MULTILINE))
    assert verbs and verbs <= set(VERBS)
    known = {file.stem for folder in recipe_folders() for file in folder.glob("*.yaml")}
    recipes = set(re.findall(r"--recipe ([a-z-]+)(?![\w.-])", text))
    assert recipes and recipes <= known
    for section, setting in re.findall(r"--([a-z]+)\.([a-z_]+)=", text):
        assert hasattr(SECTIONS[section](), setting), f"{section}.{setting}"


@pytest.mark.parametrize("name", GUIDES)
def test_the_trial_without_a_gpu_uses_working_commands(name: str) -> None:
    """It names the embedded Hub's user, and passes a recipe only to verbs that take one."""
    text = PAGES[name].read_text(encoding="utf-8")
    trial = present(re.search(r"^## 3\..*?^## 4\.", text, re.MULTILINE | re.DOTALL))[0]
    assert all(
        f"`{word}`" in trial for word in ("--hub local", FIRST_USER, "--recipe tiny", "build", "train", "evaluate")
    )


def test_both_guides_have_the_same_commands_and_figures() -> None:
    texts = [PAGES[name].read_text(encoding="utf-8") for name in GUIDES]
    places = [[match[:3] for match in figures.FIGURE.findall(text)] for text in texts]
    headings = [re.findall(r"^## (\d+)\.", text, re.MULTILINE) for text in texts]
    commands = [re.findall(r"^titlecraft [^#\n]*", text.replace("SEU_USUARIO", "YOU"), re.MULTILINE) for text in texts]
    assert places[0] == places[1] and headings[0] == headings[1] == [str(number) for number in range(1, 14)]
    assert [re.sub(r"--out \w+", "", line).strip() for line in commands[0]] == [
        re.sub(r"--out \w+", "", line).strip() for line in commands[1]
    ]
