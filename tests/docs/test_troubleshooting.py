"""The troubleshooting pages: each message is in the source, and most messages are caused and compared with the output."""

import ast
import json
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from local_hub.server import start, stop
from tests import ROOT, present
from tests.docs import troubled_world as world
from tests.warm import PYTHON

PACKAGES = ("titlecraft", "local_hub", "dataset_builder", "training", "evaluation", "model_card", "playground")
PLACEHOLDER = re.compile(r"\{[^{}]*\}")
JOINTS = " :;?()"  # between a message and one that it is part of
ALONE = ("rate_limit", "hub_away")  # each against a Hub of its own

spec = present(spec_from_file_location("troubleshooting", ROOT / "docs" / "troubleshooting.py"))
pages: Any = module_from_spec(spec)
present(spec.loader).exec_module(pages)
ENTRIES = {entry["name"]: entry for section in pages.sections() for entry in section["entry"]}
PROVOKED = (*world.mistakes(Path(), 0), *ALONE)


@pytest.mark.parametrize("language", pages.PAGES)
def test_the_pages_equal_a_fresh_rendering(language: str) -> None:
    assert pages.PAGES[language].read_text(encoding="utf-8") == pages.page(language), (
        "run: python docs/troubleshooting.py"
    )


def test_every_entry_has_both_languages() -> None:
    for name, entry in ENTRIES.items():
        assert set(entry) == {"name", "message", "en", "pt"}, name
        assert set(entry["en"]) == set(entry["pt"]) == {"title", "cause", "fix"}, name


@cache
def source_text() -> str:
    """The constant parts of all strings in the source, one per line."""
    pieces = []
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            pieces += [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return "\n".join(piece.replace("\n", " ") for piece in pieces)


def stands_in(source: str, said: str, pieces: int = 3) -> bool:
    """Whether a text without placeholders consists of at most this many parts of the source, each of ten letters or more."""
    if not said:
        return True
    said = said.lstrip(JOINTS)
    longest = next((end for end in range(len(said), 0, -1) if said[:end] in source), 0)
    return pieces > 0 and longest >= min(10, len(said)) and stands_in(source, said[longest:], pieces - 1)


@pytest.mark.parametrize("name", ENTRIES)
def test_each_message_is_in_the_source(name: str) -> None:
    fixed = PLACEHOLDER.split(ENTRIES[name]["message"].removeprefix("error: "))
    assert sum(map(len, fixed)) > 25
    for message in fixed:
        assert stands_in(source_text(), message.strip(JOINTS)), message


def test_a_message_that_is_not_in_the_source_is_detected() -> None:
    assert not stands_in(source_text(), " has a headache and cannot be trained today")


def run(cases: dict[str, list[str]], environment: dict[str, str]) -> dict[str, tuple[int, str]]:
    """The exit status and stderr of each command."""
    asked = {
        name: {"arguments": arguments, "environment": {"HF_TOKEN": world.TOKENS[name]} if name in world.TOKENS else {}}
        for name, arguments in cases.items()
    }
    process = subprocess.run(
        [PYTHON, "-m", "tests.docs.provoke"],
        input=json.dumps(asked),
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return json.loads(process.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def provoked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[int, str]]]:
    """The exit status and stderr of every mistake of the troubled world."""
    folder = tmp_path_factory.mktemp("troubles")
    (folder / "hub").mkdir()
    (folder / "hub" / "accounts.json").write_text(json.dumps(world.ACCOUNTS))
    world.write_files(folder)
    hub, home = start(folder / "hub"), folder / "home"
    world.publish_repos(folder, hub.url)
    environment = os.environ | hub.environment(home) | {"HF_TOKEN": "hf_mine", "TRANSFORMERS_VERBOSITY": "error"}
    with world.locked(home, "dataset", "me/locked"), world.taken_port() as port, world.busy_hub() as busy:
        result = run(world.mistakes(folder, port), environment)
        result |= run({"rate_limit": ["card", "me/adapter"]}, environment | {"HF_ENDPOINT": busy})
        result |= run({"hub_away": ["card", "me/adapter"]}, environment | {"HF_ENDPOINT": "http://127.0.0.1:9"})
    yield result
    stop(folder / "hub")


@pytest.mark.slow
@pytest.mark.parametrize("name", PROVOKED)
def test_each_message_is_printed(name: str, provoked: dict[str, tuple[int, str]]) -> None:
    if name == "unsloth_without_gpu":
        import torch

        if torch.cuda.is_available():
            pytest.skip("there is a GPU here")
    status, message = provoked[name]
    pattern = ".+".join(map(re.escape, PLACEHOLDER.split(ENTRIES[name]["message"])))
    errors = [line for line in message.splitlines() if line.startswith("error: ")]
    assert status == 2 and len(errors) == 1 and re.fullmatch(pattern, errors[0]), (
        f"{status} {message}\nexpected {pattern}"
    )
