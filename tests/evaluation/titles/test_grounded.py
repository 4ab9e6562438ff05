"""The third arm's prompts on literal rows; through the whole stage it goes in test_evaluate.py."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from evaluation.titles.draw import Title, TokenLimits, encode, with_other_prompts
from evaluation.titles.grounded import GroundedSample, check_sources, describe_grounded, gives_away, ground
from model_card.verification.level_scores.grounded import check_published_sources
from model_card.verification.lines.checks import Checks
from tests import present
from tests.tiny_world import row, train_tokenizer
from titlecraft.errors import UserError
from titlecraft.prompt import PromptFormat
from titlecraft.records import Grounded
from titlecraft.search.row_index import FoundRow
from titlecraft.settings import Prompt

PROMPT = PromptFormat.from_settings(Prompt())
ROOM = TokenLimits(scored=512, context=512, new_tokens=16)
TEXT = "A lamp of red glass for the desk, with a cord of two metres and a switch."


def source(uid: str, title: str, text: str) -> FoundRow:
    return FoundRow(
        uid=uid,
        title=title,
        text=text,
        split="train",
        file="data/train-0.parquet",
        row=0,
        score=1.0,
        match="words",
        link="",
    )


class Listed:
    """Finds the same rows for every title."""

    def __init__(self, *rows: FoundRow) -> None:
        self.rows = list(rows)

    def search(self, query: str, limit: int, splits: tuple[str, ...]) -> list[FoundRow]:
        assert splits == ("train",)
        return self.rows[:limit]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer()


@pytest.fixture(scope="module")
def titles(tokenizer) -> list[Title]:
    rows = [row(1), row(2) | {"output": TEXT}]
    asked = [present(encode(one, PROMPT, tokenizer, ROOM)) for one in rows]
    return with_other_prompts(asked, tokenizer, ROOM.context)


def test_sources_that_reveal_the_answer(titles) -> None:
    asked = titles[1]
    assert gives_away(source(asked.uid, "Another", "Something else."), asked)
    assert gives_away(source("B9", asked.title.upper(), "Something else."), asked)
    assert gives_away(source("B9", "Another", f"New! {TEXT.upper()} Buy now."), asked)
    assert gives_away(
        source("B9", "Another", "It has a lamp of red glass for the desk, with a cord of six metres"), asked
    )
    assert not gives_away(source("B9", "Another", "A lamp of red glass, with a cord of two metres."), asked)
    assert gives_away(source("B9", "Another", "Only one, ok."), replace(asked, reference="only one"))


def test_prompts_have_sources_and_copies_are_left_out(titles, tokenizer) -> None:
    kettle, copy = source("B8", "Old kettle", "Boils water."), source("B9", "Another", TEXT)
    result = ground(titles, Listed(copy, kettle), PROMPT, tokenizer, ROOM)
    assert [[one.uid for one in rows] for rows in result.sources] == [["B9", "B8"], ["B8"]]
    assert result.left_out == 1
    assert "[1] Another: A lamp of red glass" in result.titles[0].prompt
    assert "[1] Old kettle: Boils water." in result.titles[1].prompt and TEXT not in result.titles[1].prompt
    assert result.titles[1].prompt.startswith(titles[1].prompt.partition("\n\n### Response")[0])
    assert [one.reference_tokens for one in result.titles] == [one.reference_tokens for one in titles]
    assert result.titles[0].other_prompt_tokens == result.titles[1].prompt_tokens
    assert all(check.holds for check in check_sources(titles, result))


def test_a_prompt_without_sources_is_the_plain_one(titles, tokenizer) -> None:
    nothing = ground(titles, Listed(), PROMPT, tokenizer, ROOM)
    crowded = ground(
        titles, Listed(source("B8", "Kettle", "word " * 400)), PROMPT, tokenizer, replace(ROOM, context=150)
    )
    for result in (nothing, crowded):
        assert [title.prompt for title in result.titles] == [title.prompt for title in titles]
        assert result.sources == [[], []]


def test_a_source_that_reveals_the_answer_stops_the_run(titles, tokenizer) -> None:
    result = ground(titles, Listed(source("B8", "Kettle", "Boils water.")), PROMPT, tokenizer, ROOM)
    wrong = GroundedSample(result.titles, [result.sources[0], [source("B9", "Another", TEXT)]], 0)
    with pytest.raises(UserError, match=r"no source holds the answer.*expected 0, found 1"):
        check_sources(titles, wrong)


def test_verify_finds_the_sources_and_their_counts_again(titles, tokenizer) -> None:
    index = Listed(source("B9", "Another", TEXT), source("B8", "Old kettle", "Boils water. " * 40))
    result = ground(titles, index, PROMPT, tokenizer, ROOM)
    record = describe_grounded(result, [])
    rows = [
        {"grounded_prompt": asked.prompt, "grounded_sources": [one.uid for one in sources]}
        for asked, sources in zip(result.titles, result.sources, strict=True)
    ]

    def wrong(record: Grounded, rows: list[dict[str, Any]]) -> list[str]:
        lines = check_published_sources(Checks("scores", "report"), record, rows, titles, index, PROMPT)
        return [line.claim.removeprefix("report: grounded") for line in lines if line.verdict != "holds"]

    assert wrong(record, rows) == []
    for field, claim in (
        ("titles", ": titles with sources"),
        ("sources", ": sources"),
        ("left_out", ": rows left out"),
    ):
        assert wrong(msgspec.structs.replace(record, **{field: getattr(record, field) + 1}), rows) == [claim]
    assert wrong(record, [rows[0] | {"grounded_prompt": rows[0]["grounded_prompt"] + " Praise it."}, rows[1]]) == [
        "_prompt of every title"
    ]
    assert "_sources of every title" in wrong(record, [rows[0] | {"grounded_sources": ["B8", "B9"]}, rows[1]])
