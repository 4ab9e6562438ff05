"""Datasets that other people built: which format their columns are, and what a row's question and answer are."""

from pathlib import Path
from typing import Any

import pytest

from titlecraft.errors import UserError
from titlecraft.records import Pin
from titlecraft.rows.folder import require_no_namesake
from titlecraft.rows.formats import NO_ANSWER, NO_QUESTION, NO_TEXT, Unusable, columns_of, format_of, reader_of

SYSTEM, USER, ASSISTANT = (
    {"role": role, "content": text} for role, text in (("system", "Be brief."), ("user", "Why?"), ("assistant", "So."))
)
DEFAULT = ("title", "content")


def found(columns: list[str], question: str = "title", answer: str = "content") -> str:
    return format_of(columns, question, answer, "d", named=(question, answer) != DEFAULT)


def test_a_folder_with_the_datasets_name_is_not_read_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Pin(type="dataset", repo="me/rows", revision="0" * 40)
    monkeypatch.chdir(tmp_path)
    require_no_namesake(dataset)
    (tmp_path / "me" / "rows").mkdir(parents=True)
    with pytest.raises(UserError, match=r"me/rows has the name of dataset me/rows, and would be read instead"):
        require_no_namesake(dataset)


def test_the_format_follows_from_the_columns() -> None:
    assert found(["instruction", "input", "output", "text"]) == "alpaca"
    assert found(["instruction", "output"]) == "alpaca"
    assert found(["id", "prompt", "completion"]) == "prompt-completion"
    assert found(["messages", "source"]) == "messages"
    assert found(["title", "content"]) == found(["name", "text"], "name", "text") == "columns"
    assert found(["instruction", "output", "name", "text"], "name", "text") == "columns"
    assert columns_of("alpaca", ["text", "input", "output", "instruction"], *DEFAULT) == [
        "instruction",
        "output",
        "input",
    ]


@pytest.mark.parametrize(
    "columns", [["text"], ["prompt", "chosen", "rejected"], ["instruction"], ["Title", "content"], []]
)
def test_columns_of_no_format_are_listed(columns: list[str]) -> None:
    with pytest.raises(
        UserError, match=r"expected instruction and output, prompt and completion, messages, or two"
    ) as refusal:
        found(columns)
    assert ", ".join(columns) in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "row", "question", "answer", "goes_on"),
    [
        ("alpaca", {"instruction": "Sum.", "input": "1, 2", "output": "3"}, "Sum.\n\n1, 2", "3", False),
        ("alpaca", {"instruction": "Greet.", "input": "", "output": "Hi"}, "Greet.", "Hi", False),
        ("alpaca", {"instruction": "Greet.", "input": None, "output": "Hi"}, "Greet.", "Hi", False),
        ("alpaca", {"instruction": "Greet.", "output": "Hi"}, "Greet.", "Hi", False),
        ("prompt-completion", {"prompt": "Why?", "completion": "So."}, "Why?", "So.", False),
        ("prompt-completion", {"prompt": [SYSTEM, USER], "completion": [ASSISTANT]}, "Be brief.\n\nWhy?", "So.", False),
        ("messages", {"messages": [USER, ASSISTANT]}, "Why?", "So.", False),
        ("messages", {"messages": [SYSTEM, USER, ASSISTANT]}, "Be brief.\n\nWhy?", "So.", False),
        ("messages", {"messages": [USER, ASSISTANT, USER, ASSISTANT]}, "Why?", "So.", True),
        ("columns", {"title": "A lamp", "content": "Red."}, "A lamp", "Red.", False),
    ],
)
def test_a_question_and_its_answer(name: Any, row: dict[str, Any], question: str, answer: str, goes_on: bool) -> None:
    exchange = reader_of(name, *DEFAULT)(row)
    assert (exchange.question, exchange.answer, exchange.goes_on) == (question, answer, goes_on)


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [
        ("alpaca", {"instruction": None, "output": "Hi"}, NO_QUESTION),
        ("alpaca", {"instruction": "Greet.", "output": " \n"}, NO_ANSWER),
        ("alpaca", {"instruction": "Greet.", "input": 3, "output": "Hi"}, NO_TEXT),
        ("prompt-completion", {"prompt": 5, "completion": "x"}, NO_TEXT),
        ("messages", {"messages": None}, NO_TEXT),
        ("messages", {"messages": []}, NO_QUESTION),
        ("messages", {"messages": [ASSISTANT]}, NO_QUESTION),
        ("messages", {"messages": [USER]}, NO_ANSWER),
        ("messages", {"messages": [USER, USER, ASSISTANT]}, NO_ANSWER),
        ("messages", {"messages": [{"role": "user", "content": [{"type": "image"}]}, ASSISTANT]}, NO_TEXT),
        ("columns", {"title": "", "content": "Red."}, NO_QUESTION),
    ],
)
def test_a_row_that_cannot_be_used_has_a_reason(name: Any, row: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        reader_of(name, *DEFAULT)(row)
