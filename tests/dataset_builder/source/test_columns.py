"""Columns by name and path, descriptions of several columns, and further columns that are published and stand in prompts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataset_builder.build import require_options
from dataset_builder.checks.loads import require_files
from dataset_builder.options import BuildOptions
from dataset_builder.source.json_parser import Parser
from dataset_builder.source.parse import Drop, Quarantine, Row
from tests.dataset_builder.build_offline import build_offline
from titlecraft.command_line.recipe_options import StageParser
from titlecraft.errors import UserError
from titlecraft.prompt import PromptFormat
from titlecraft.settings import Data, Prompt, Recipe

NESTED = Data(title_column="product.title", content_column="product.text", uid_column="id")


@pytest.mark.parametrize(("settings", "value", "expected"), [
    (NESTED, {"id": 7, "product": {"title": "A", "text": "B"}}, Row("7", "A", "B")),
    (NESTED, {"id": "x", "product": {"title": ["A"], "text": ["B", "C"]}}, Row("x", "A", "B\nC")),
    (NESTED, {"id": "x", "product.title": "A", "product.text": "B", "product": {"title": "no"}}, Row("x", "A", "B")),
    (NESTED, {"id": "x", "product": [{"title": "A", "text": "B"}]}, Drop.EMPTY_TITLE),
    (NESTED, {"id": "x", "product": {"title": "A", "text": None}}, Drop.EMPTY_CONTENT),
    (NESTED, {"id": "x", "product": {"title": "A", "text": {"a": "B"}}}, Quarantine.CONTENT_NOT_TEXT),
    (Data(content_columns=["a", "b.c"]), {"title": "T", "a": "A", "b": {"c": ["B", "", "C"]}}, Row("", "T", "A\nB\nC")),
    (Data(content_columns=["a", "b"]), {"title": "T", "a": None, "b": "B"}, Row("", "T", "B")),
    (Data(content_columns=["a", "b"]), {"title": "T", "a": "", "b": []}, Row("", "T", "")),
    (Data(content_columns=["a", "b"]), {"title": "T"}, Drop.EMPTY_CONTENT),
    (Data(content_columns=["a", "b"]), {"title": "T", "a": "A", "b": 3}, Quarantine.CONTENT_NOT_TEXT),
    (Data(keep_columns=["p", "q.r", "s", "t", "u"]), {"title": "T", "content": "C", "p": 9.5, "q": {"r": True}, "s": None, "t": ["a", "b"], "u": {"v": 1}},
     Row("", "T", "C", ("9.5", "true", "", "a\nb", '{"v":1}'))),
    (Data(uid_column="ids.sku"), {"title": "T", "content": "C", "ids": {"sku": 12345678901234567890123}}, Row("12345678901234567890123", "T", "C")),
])  # fmt: skip
def test_a_row_is_made_of_the_configured_columns(settings: Data, value: dict[str, Any], expected: Any) -> None:
    assert Parser(settings).parse(json.dumps(value).encode()) == expected


def test_a_key_on_the_way_twice_is_ambiguous() -> None:
    assert Parser(NESTED).parse(b'{"product": {}, "product": {"title": "A", "text": "B"}}') is Quarantine.DUPLICATE_KEY


ROWS = [
    {
        "id": number, "name": f"Kettle {number}", "about": [f"Kettle {number} boils {number} cups of water.", "It is red."],
        "facts": {"weight": f"{number} kg"}, "brand": "AT&amp;T" if number % 2 else None, "price": number / 4,
    }
    for number in range(40)
]  # fmt: skip
COLUMNS = Data(
    title_column="name", content_columns=["about", "facts.weight"], uid_column="id", keep_columns=["brand", "price"],
    near_duplicates=False, test_share=0.3,
)  # fmt: skip
PROMPT = Prompt(instruction="Describe {product} of {brand}.", question="'{title}' by {brand} for {price}?")


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_further_columns_are_published_and_fill_the_prompt(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "rows.parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    else:
        path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    record = build_offline(path, tmp_path / "work", COLUMNS, prompt=PROMPT)
    folder = tmp_path / "work" / "publish"
    require_files(folder, record)
    rows = {row["uid"]: row for split in record.splits.values() for file in split.files for row in pq.read_table(folder / file.path).to_pylist()}  # fmt: skip
    assert len(rows) == 40 and list(rows["3"]) == ["uid", "title", "instruction", "input", "output", "brand", "price"]
    assert rows["3"]["output"] == "Kettle 3 boils 3 cups of water.\nIt is red.\n3 kg"
    assert (rows["3"]["brand"], rows["3"]["price"]) == ("AT&T", "0.75")
    assert (rows["3"]["instruction"], rows["3"]["input"]) == (
        "Describe product of AT&T.",
        "'Kettle 3' by AT&T for 0.75?",
    )
    assert (rows["4"]["brand"], rows["4"]["input"]) == ("", "'Kettle 4' by  for 1.0?")
    prompt = PromptFormat.from_json((folder / "prompt.json").read_bytes(), "prompt.json")
    assert prompt.columns == ("brand", "price") and prompt.input_for("{brand} {x}") == "'{brand} {x}' by  for ?"


def test_the_prompt_file_without_further_columns_is_as_before() -> None:
    assert b"columns" not in PromptFormat.from_settings(Prompt(), ["brand"]).to_json()
    assert PromptFormat.from_settings(PROMPT).question == PROMPT.question  # a place that no column fills is text


@pytest.mark.parametrize(("data", "prompt", "message"), [
    (Data(), PROMPT, r"\{brand\} is no place that a build fills; expected \{product\} \(data.keep_columns gives others\)"),
    (Data(keep_columns=["brand"]), PROMPT, r"\{price\} is no place that a build fills; expected \{title\} and \{product\} and \{brand\}"),
    (Data(keep_columns=["output"]), Prompt(), "data.keep_columns has 'output'"),
    (Data(keep_columns=["a{b"]), Prompt(), "names of columns without braces"),
    (Data(keep_columns=["a", "a"]), Prompt(), "data.keep_columns has 'a' twice"),
    (Data(content_columns=["a", "title"]), Prompt(), "data.title_column and data.content_columns"),
    (Data(content_columns=["\udc80"]), Prompt(), "data.content_columns is .*no UTF-8"),
])  # fmt: skip
def test_columns_and_places_that_cannot_be_are_refused(data: Data, prompt: Prompt, message: str) -> None:
    with pytest.raises(UserError, match=message):
        require_options(Recipe(data=data, prompt=prompt), BuildOptions())


@pytest.mark.parametrize(("change", "message"), [
    ({"keep_columns": ["colour"]}, "no line has 'colour'; .*set --data.keep_columns"),
    ({"content_columns": ["about", "fact"]}, "no line has 'fact'; .*'facts.weight'.*set --data.content_columns"),
    ({"title_column": "title"}, "no line has 'title'; .*set --data.title_column=name"),
])  # fmt: skip
def test_a_column_that_no_row_has_is_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    with pytest.raises(UserError, match=message):
        build_offline(path, tmp_path / "work", replace(COLUMNS, **change))


def test_lists_of_names_have_commas() -> None:
    stage = StageParser("build", "Build.", ["data", "prompt"])
    for arguments in (
        ["--data.keep_columns=brand, price"],
        ["--data.keep_columns", "brand,price"],
        ['--data.keep_columns=["brand","price"]'],
    ):
        recipe, _ = stage.parse([*arguments, "--data.content_columns=text"])
        assert (recipe.data.keep_columns, recipe.data.content_columns) == (["brand", "price"], ["text"])
