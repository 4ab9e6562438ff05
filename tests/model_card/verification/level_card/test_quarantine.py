"""The quarantine file at level card: its lines are lines of the source, each once, with what the settings allow."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from model_card.verification.level_card.dataset import check_quarantine
from model_card.verification.lines.checks import Checks
from model_card.verification.repo_state import RepoState
from tests.model_card.literal_records import dataset_record
from titlecraft.records import Pin, sources_sha256

FIRST = {"line": 3, "reason": "not_json", "columns": {}}
SECOND = {"line": 9, "reason": "title_not_text", "columns": {"title": 7}}


def failures(folder: Path, entries: list[Any], *, other_code: bool = False) -> list[str]:
    record = dataset_record()
    code = msgspec.structs.replace(record.code, sources="0" if other_code else sources_sha256("dataset_builder"))
    record = msgspec.structs.replace(record, quarantined={"not_json": 1, "title_not_text": 1}, code=code)
    (folder / "quarantine").mkdir()
    (folder / "quarantine" / "lines.jsonl").write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    (folder / "dataset_record.json").write_bytes(record.to_json())
    state = RepoState.of_folder(Pin(type="dataset", repo="ns/data", revision="d" * 40), folder)
    checks = Checks("card", "quarantine")
    return [line.claim for line in checks.gather(check_quarantine(checks, state)) if line.verdict == "does not hold"]


def test_an_honest_quarantine_holds(tmp_path: Path) -> None:
    assert failures(tmp_path, [FIRST, SECOND]) == []


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([FIRST], "quarantined lines"),
        ([FIRST, FIRST], "quarantined lines"),
        ([FIRST, SECOND | {"line": 3}], "twice"),
        ([SECOND, FIRST], "order"),
        ([FIRST, SECOND | {"line": 16}], "no source file has"),
        ([FIRST, SECOND | {"line": 0}], "no source file has"),
        ([FIRST, SECOND | {"raw": "x"}], "raw lines"),
        ([FIRST, SECOND | {"columns": {"review": "secret"}}], "not configured"),
        ([FIRST, "a text"], "can be derived"),
        ([FIRST, SECOND | {"line": "9"}], "can be derived"),
    ],
)
def test_a_tampered_quarantine_does_not_hold(tmp_path: Path, entries: list[Any], words: str) -> None:
    assert any(words in claim for claim in failures(tmp_path, entries))


def test_what_other_code_shows_of_a_line_is_not_looked_at(tmp_path: Path) -> None:
    assert failures(tmp_path, [FIRST, SECOND | {"raw": "x"}], other_code=True) == []
