"""A card that other code rendered: its words could not be looked at, its numbers are compared with the records."""

from pathlib import Path

import msgspec
import pytest

from model_card.verification.level_card.text.older import check_numbers, rendered_by_other_code, without_wording
from model_card.verification.lines.checks import Checks
from model_card.verification.repo_state import RepoState
from tests.model_card.literal_records import DATASET, dataset_record
from titlecraft import __version__
from titlecraft.records import Code, sources_sha256

CHECKS = Checks("card", "card")


def state(folder: Path, version: str, sources: str) -> RepoState:
    """The repo of a dataset whose record names this code."""
    code = Code(titlecraft=version, sources=sources, python="3.11", packages={})
    (folder / "dataset_record.json").write_bytes(msgspec.structs.replace(dataset_record(), code=code).to_json())
    return RepoState.of_folder(DATASET, folder)


def test_the_code_of_the_records_tells_whether_other_code_rendered_the_card(tmp_path: Path) -> None:
    here = sources_sha256("dataset_builder")
    assert rendered_by_other_code(state(tmp_path, __version__, here)) is None
    for version, sources in (("0.0.9", here), (__version__, "0" * 64)):
        note = rendered_by_other_code(state(tmp_path, version, sources))
        assert note == f"rendered by Titlecraft {version} (sources {sources[:12]}); `titlecraft card` renders it anew"


@pytest.mark.parametrize(
    ("note", "verdict"), [(None, "does not hold"), ("rendered by 0.0.9", "could not be looked at")]
)
def test_other_words_never_hold(note: str | None, verdict: str) -> None:
    lines = [CHECKS.equal("a", 1, 1), CHECKS.equal("b", 1, 2), CHECKS.not_looked_at("c", 1, "no")]
    assert [line.verdict for line in without_wording(lines, note)] == ["holds", verdict, "not looked at"]


def test_a_number_of_no_record_does_not_hold_in_any_version(tmp_path: Path) -> None:
    old, rows = state(tmp_path, "0.0.9", "0"), dataset_record().published
    assert check_numbers(CHECKS, old, f"{rows:,} rows were published.", "").verdict == "holds"
    line = check_numbers(CHECKS, old, f"{rows + 71_234_567:,} rows", "rows")
    assert (line.verdict, line.claimed) == ("does not hold", str(rows + 71_234_567))
