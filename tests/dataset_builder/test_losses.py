"""Dropped and quarantined lines are counted by reason; above --max-loss nothing is built; errors name a wrong column."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.checks.guards import require_rows
from dataset_builder.checks.valid_settings import require_settings
from dataset_builder.engine.local import local_engine
from dataset_builder.first_pass import read_rows
from dataset_builder.outcome import outcome_lines, split_notes
from dataset_builder.source.files.catalogue import CatalogueFile
from tests.dataset_builder.build_offline import build_offline
from titlecraft.errors import UserError
from titlecraft.prompt import require_places
from titlecraft.records import DatasetRecord
from titlecraft.settings import Data, Prompt

ALL = Data(test_share=0.0, validation_share=0.0)


def row(number: int, **others: object) -> dict[str, object]:
    content = f"Kettle number {number} boils water for {number} cups and whistles."
    return {"uid": f"K{number}", "title": f"Kettle {number}", "content": content, **others}


def write(folder: Path, rows: Sequence[object], name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


def build(folder: Path, rows: Sequence[object], data: Data = ALL, **options: Any) -> tuple[DatasetRecord, list[str]]:
    notes: list[str] = []
    return build_offline(write(folder, rows), folder / "work", data, warn=notes.append, **options), notes


def refusal(folder: Path, rows: Sequence[object], data: Data = ALL, **options: Any) -> str:
    with pytest.raises(UserError) as refused:
        build(folder, rows, data, **options)
    assert "\n" not in str(refused.value) and not list((folder / "work" / "publish").glob("data/*"))
    return str(refused.value)


def test_more_quarantined_lines_than_allowed_stop_the_build(tmp_path: Path) -> None:
    rows: list[Any] = [row(number, content=["a", 1]) if number % 4 else row(number) for number in range(100)]
    rows[4] = "{cut"
    message = refusal(tmp_path, rows, max_loss=0.2)
    assert (
        "76 of 100 lines (76.0 %) are no rows, more than --max-loss 0.2: content_not_text 75 (line 2, 3, 4), not_json 1 (line 5)"
        in message
    )
    assert "write titles and descriptions as text" in message and message.endswith(
        "or build from the other lines with --max-loss 0.76"
    )
    (tmp_path / "again").mkdir()
    record, _ = build(tmp_path / "again", rows, max_loss=0.76)
    assert record.published == 24 and record.quarantined == {"content_not_text": 75, "not_json": 1}


def test_an_allowed_loss_is_reported_with_its_reasons(tmp_path: Path) -> None:
    rows = [row(number) for number in range(80)] + [row(99, content=None)] * 2 + ["[1]"] * 20
    record, _ = build(tmp_path, rows, max_loss=0.2)
    assert outcome_lines(record) == [
        "102 lines: 80 published, 2 dropped, 20 quarantined",
        "  dropped: empty content 2 (2.0 %)",
        "  quarantined: not an object 20 (19.6 %)",
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [row(n, content="Tea.") for n in range(9)],
            "(too_short 9): descriptions have fewer than 20 characters: set --data.minimum_characters smaller",
        ),
        (
            [row(n, content="") for n in range(9)],
            "(empty_content 9): the title is looked for under 'title' and the description under 'content'",
        ),
        ([row(n, content=f"Kettle {n}") for n in range(9)], "(content_is_title 9): the title is looked for"),
        (["nothing"] * 9, "(not_json 9): write one JSON object (RFC 8259) a line"),
        (["", "  "], "(blank_line 2): expected products, one a line"),
    ],
)
def test_fix_matches_the_reason_if_no_line_gives_a_row(rows: Sequence[object], message: str, tmp_path: Path) -> None:
    path = write(tmp_path, rows)
    with pytest.raises(UserError) as refused:
        read_and_judge(path, tmp_path)
    assert message in str(refused.value)


def read_and_judge(path: Path, folder: Path) -> None:
    """Without the look at the file's beginning, which refuses some of these files already."""
    (folder / "publish").mkdir()
    with local_engine(1) as engine:
        files = [CatalogueFile(str(path), path.name, path.stat().st_size, False)]
        rows = read_rows(files, ALL, folder, folder / "publish" / "quarantine" / "lines.jsonl", engine)
    require_rows(files, rows, ALL)


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("[1]", "write one JSON object a line, with names"),
        ("nonsense", "write one JSON object (RFC 8259) a line"),
        ('{"title": "A"}{"title": "B"}', "jq -c . rows.jsonl > lines.jsonl"),
        ('{"title": "\\ud83d"}', "an emoji was cut in half"),
        ('{"title": "A", "title": "B"}', "once in each object"),
        (json.dumps(row(1, uid=1.5)), "identifiers as text or whole numbers"),
    ],
)
def test_every_reason_has_its_fix(line: str, fix: str, tmp_path: Path) -> None:
    assert fix in refusal(tmp_path, [row(0), row(1), line], max_loss=0.2)


def test_latin_1_is_named_with_the_command_for_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(
        "".join(json.dumps(row(n, title=f"Café {n}"), ensure_ascii=False) + "\n" for n in range(9)).encode("latin-1")
    )
    with pytest.raises(UserError, match=r"not_utf8 9 \(line 1, 2, 3\); .*set --data\.encoding .*cp1252"):
        build_offline(path, tmp_path / "work", ALL, max_loss=0.2)


def test_a_column_that_no_line_has_is_a_wrong_setting(tmp_path: Path) -> None:
    rows = [{"asin": "1", "name": f"Kettle {n}", "text": "Boils water for two.", "price": 3} for n in range(5)]
    message = refusal(tmp_path, [*rows, "", "[1]"])
    assert "no line has 'title' and 'content'; the lines have 'asin', 'name', 'text', 'price': " in message
    assert message.endswith("set --data.title_column=name and --data.content_column=text")
    for name, option in ((Data(content_column="body"), "content_column"), (Data(uid_column="sku"), "uid_column")):
        (tmp_path / option).mkdir()
        assert f": set --data.{option}" in refusal(tmp_path / option, [row(n) for n in range(5)], name)
    (tmp_path / "none").mkdir()
    record, notes = build(
        tmp_path / "none", [{k: v for k, v in row(n).items() if k != "uid"} | {"asin": "1"} for n in range(5)]
    )
    assert record.published == 5 and "set --data.uid_column=asin to keep an identifier" in notes[0]


def test_absent_and_null_texts_are_dropped_and_named_where_they_are_many(tmp_path: Path) -> None:
    rows = [row(0), row(1, content=None), {"uid": "2", "title": "No text"}, row(3, title=None), {"content": "No title"}]
    record, notes = build(tmp_path, rows)
    assert record.dropped == {"empty_content": 2, "empty_title": 2} and not record.quarantined and not notes
    (tmp_path / "many").mkdir()
    record, notes = build(tmp_path / "many", [row(0)] + [row(n, content=None, body="x") for n in range(9)])
    assert notes == [
        "9 of 10 lines have nothing under 'content'; the lines have 'uid', 'title', 'content', 'body': "
        "set --data.content_column if it is under another name"
    ]


def test_a_file_among_several_that_gives_no_row_is_named(tmp_path: Path) -> None:
    paths = [
        write(tmp_path, [row(n) for n in range(50)], "a.jsonl"),
        write(tmp_path, [{"id": 1, "name": "x"}] * 5, "b.jsonl"),
    ]
    notes: list[str] = []
    record = build_offline([str(path) for path in paths], tmp_path / "work", ALL, warn=notes.append)
    assert record.dropped == {"empty_title": 5} and notes == [
        "no line of b.jsonl gives a row, of 2 files: look at their columns"
    ]


def test_a_split_without_rows_is_omitted_with_a_warning(tmp_path: Path) -> None:
    record, _ = build(tmp_path, [row(n) for n in range(6)], Data(test_share=0.01, validation_share=0.0))
    folder = tmp_path / "work" / "publish"
    assert list(record.splits) == ["train"] and record.leakage == {}
    assert [path.name for path in (folder / "data").iterdir()] == ["train-00000-of-00001.parquet"]
    notes = list(split_notes(record))
    assert notes[0] == "data.validation_share is 0, so the dataset has no validation split"
    assert "no row fell into the test split" in notes[1] and "cannot be evaluated; a larger data.test_share" in notes[1]


def test_one_group_does_not_dominate_a_held_out_split(tmp_path: Path) -> None:
    """Whatever the seed: 600 near-copies stay in the training split, although their hash may say otherwise."""
    tail = " at best prices with free shipping and cash on delivery all over the country, only genuine products in our shop"
    copies = [row(n, content=f"Case {n}." + tail) for n in range(600)]
    others = [
        row(n, title=f"Lamp {n}", content=f"Lamp {n} is {n * 7} cm high and {n * 3} cm wide, weight {n} g.")
        for n in range(900, 1300)
    ]
    path, held = write(tmp_path, [*copies, *others]), 0
    for seed in range(6):
        record = build_offline(path, tmp_path / str(seed), Data(seed=seed, test_share=0.2, validation_share=0.2))
        assert record.splits["test"].rows < 200 and record.splits["validation"].rows < 200
        assert record.kept_in_train in (0, 600)
        held += record.kept_in_train > 0
        assert any(
            "one group of near-copies" in note and "600 of 1,000 rows (60.0 %)" in note for note in split_notes(record)
        )
    assert held  # or the test would show nothing


def test_a_sample_of_another_size_gives_a_warning(tmp_path: Path) -> None:
    rows = [row(n, title="Gift card" if n < 200 else f"Kettle {n}") for n in range(300)]
    path, message = write(tmp_path, rows), []
    for seed in range(8):
        record = build_offline(
            path, tmp_path / str(seed), Data(limit=90, seed=seed, test_share=0.0, validation_share=0.0)
        )
        notes = [note for note in split_notes(record) if note.startswith("data.limit asks for about 90 rows and ")]
        assert bool(notes) == (record.published > 180 or record.published < 45)
        message += notes
    assert message


def test_an_empty_sample_is_an_error(tmp_path: Path) -> None:
    rows = [row(n, title="Gift card") for n in range(50)]
    for seed in range(20):
        (tmp_path / str(seed)).mkdir()
        try:
            build(tmp_path / str(seed), rows, Data(limit=2, seed=seed, test_share=0.0, validation_share=0.0))
        except UserError as error:
            assert "the sample of about 2 rows took none of 50 rows" in str(error) and "data.limit larger" in str(error)
            return
    pytest.fail("every seed sampled the one group")


def test_invalid_settings_are_refused() -> None:
    for wrong, message in (
        (-0.1, "--max-loss -0.1: expected a share"),
        (1.5, "--max-loss 1.5"),
        (float("nan"), "--max-loss nan"),
    ):
        with pytest.raises(UserError, match=message):
            require_settings(ALL, wrong)
    with pytest.raises(UserError, match="are both 'title': expected two columns"):
        require_settings(Data(content_column="title"))


def test_settings_in_another_encoding_are_refused() -> None:
    with pytest.raises(UserError, match=r"title_column is '\\udcff': it holds bytes that are no UTF-8"):
        require_settings(Data(title_column="\udcff"))
    with pytest.raises(UserError, match=r"prompt\.question is .* no UTF-8"):
        require_places(Prompt(question="caf\udce9 {title}"))


@pytest.mark.parametrize("bad", [20, 29, 57, 58])
def test_the_limit_itself_is_allowed(bad: int, tmp_path: Path) -> None:
    """0.29 * 100 is 28.999… in floating point: 29 lines of 100 are not more than 0.29."""
    rows = [row(number) if number >= bad else "{cut" for number in range(100)]
    record, _ = build(tmp_path, rows, max_loss=bad / 100)
    assert record.published == 100 - bad
