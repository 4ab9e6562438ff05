"""A stage's key covers what decides its result: the lists of `stage_sources.py` are what each stage imports, without messages."""

import re
from functools import cache
from pathlib import Path

import grimp
import pytest

from titlecraft.records import stage_sources
from titlecraft.records.code_version import ROOT, deciding_text, sources_sha256
from titlecraft.records.stage_sources import ENTRIES, MESSAGE_ONLY, SOURCES, deciding_files

PACKAGES = ("titlecraft", "local_hub", "dataset_builder", "training", "evaluation", "model_card", "playground")


@cache
def import_graph() -> grimp.ImportGraph:
    """The imports of the house; imports inside functions count."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def imported(stage: str) -> set[str]:
    """Modules that a stage imports, directly or not, and its own."""
    entry = ENTRIES[stage]
    return import_graph().find_upstream_modules(entry) | {entry}


def path_of(module: str) -> str:
    """Path of a module's file from the root; "" for a package whose `__init__.py` has no code."""
    path = module.replace(".", "/")
    if not (ROOT / path).is_dir():
        return f"{path}.py"
    return f"{path}/__init__.py" if deciding_text((ROOT / path / "__init__.py").read_bytes()) else ""


def expected(stage: str) -> set[str]:
    """Paths of the Python files that should be listed for a stage."""
    return {path_of(module) for module in imported(stage) - set(MESSAGE_ONLY.split())} - {""}


@pytest.mark.parametrize("stage", ENTRIES)
def test_lists_are_what_stages_import(stage: str) -> None:
    listed = {path for path in deciding_files(stage) if path.endswith(".py")}
    fix = "run `python -m tests.titlecraft.records.test_stage_sources`, or add a file that only words messages to MESSAGE_ONLY"
    assert expected(stage) - listed == set(), f"decide the result of {stage} and are not in its key: {fix}"
    assert listed - expected(stage) == set(), f"are in the key of {stage} and decide nothing: {fix}"


def test_every_message_only_module_is_imported_by_a_stage() -> None:
    assert set(MESSAGE_ONLY.split()) <= set().union(*(imported(stage) for stage in ENTRIES))


def test_every_template_of_a_stage_package_is_listed() -> None:
    listed = {path for stage in ENTRIES for path in deciding_files(stage)}
    for package in ("dataset_builder", "evaluation", "model_card"):
        for template in (ROOT / package).rglob("*.jinja"):
            path = template.relative_to(ROOT).as_posix()
            assert path in listed, f"{path} decides what is published: list it in TEMPLATES"


def test_docstrings_comments_and_messages_do_not_change_a_key() -> None:
    source = b'"""Docs."""\n\n\ndef f(x):  # why: \xc3\xa9\n    """Returns x."""\n    if not x:\n        raise ValueError(f"no {x}: \xc3\xa9")\n    return "#x"\n'
    reworded = b'"""Other."""\ndef f(x):\n    if not x:\n        raise ValueError(  # a comment\n            "x is missing"\n        )\n    return "#x"\n'
    assert deciding_text(source).replace(b" ", b"").replace(b"\n", b"") == deciding_text(reworded).replace(
        b" ", b""
    ).replace(b"\n", b"")
    assert b'return "#x"' in deciding_text(source)
    assert deciding_text(source) != deciding_text(source.replace(b'"#x"', b'"#y"'))


def test_help_of_play_is_in_no_key_and_settings_are_in_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not any("commands/" in path for stage in ENTRIES for path in deciding_files(stage))
    before = sources_sha256("training")
    assert before == sources_sha256("training") and before != sources_sha256("evaluation")
    assert "training/trainer.py" in deciding_files("training")


def listing() -> str:
    """SOURCES as Python text, written from the imports."""
    text = "SOURCES: dict[str, str] = {\n"
    for stage in ENTRIES:
        folders: dict[str, list[str]] = {}
        for path in sorted(expected(stage)):
            folder, _, name = path.removesuffix(".py").rpartition("/")
            folders.setdefault(folder, []).append(name)
        text += f'    "{stage}": """\n'
        for folder, names in folders.items():
            text += "".join(f"        {folder}: {' '.join(line)}\n" for line in wrapped(names, 100))
        text += '    """,\n'
    return text + "}\n"


def wrapped(names: list[str], width: int) -> list[list[str]]:
    """Names in lines of at most `width` characters."""
    lines: list[list[str]] = [[]]
    for name in names:
        if sum(len(other) + 1 for other in lines[-1]) + len(name) > width:
            lines.append([])
        lines[-1].append(name)
    return lines


if __name__ == "__main__":
    file = Path(stage_sources.__file__)
    text = file.read_text(encoding="utf-8")
    new = re.sub(r"^SOURCES.*?(?=^# End of the lists)", lambda _: listing(), text, flags=re.M | re.S)
    file.write_text(new, encoding="utf-8")
    print(f"{len(SOURCES)} lists written to {file.relative_to(ROOT)}")
