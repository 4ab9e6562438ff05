"""The prompts of rows, and a published dataset in other formats."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dataset_builder.export import export
from dataset_builder.shards.wording import Wording
from tests.dataset_builder.build_offline import build_offline
from titlecraft.errors import UserError
from titlecraft.prompt import PromptFormat, require_places
from titlecraft.settings import Data, Prompt

ISBN, ASIN = "0001360000", "B00CHH2SG8"


def test_the_word_by_uid() -> None:
    auto = Prompt(product_word="auto", instruction="Describe the {product}.", question="The {product} '{title}'?")
    wording = Wording.from_settings(auto, 7)
    assert wording.of(ISBN, "Emma") == ("Describe the book.", "The book 'Emma'?")
    assert wording.of(ASIN, "Kettle") == wording.of("", "Kettle") == ("Describe the product.", "The product 'Kettle'?")
    assert PromptFormat.from_settings(auto).question == "The product '{title}'?"
    book = Wording.from_settings(Prompt(product_word="book", question="The {product} {title}?"), 7)
    assert book.of(ASIN, "Kettle")[1] == "The book Kettle?"


def test_several_questions_by_a_seeded_choice() -> None:
    settings = Prompt(question="A {title}", other_questions=["B {title}", "C {title}"])
    wording = Wording.from_settings(settings, 7)
    asked = [wording.of(ASIN, f"t{number}")[1][0] for number in range(3000)]
    assert all(900 < asked.count(letter) < 1100 for letter in "ABC")
    assert asked == [wording.of(ASIN, f"t{number}")[1][0] for number in range(3000)]
    other = Wording.from_settings(settings, 8)
    assert asked != [other.of(ASIN, f"t{number}")[1][0] for number in range(3000)]
    assert PromptFormat.from_settings(settings).question == "A {title}"
    with pytest.raises(UserError, match=r"prompt\.other_questions is 'Which\?': it must hold \{title\}"):
        Wording.from_settings(Prompt(other_questions=["Which?"]), 7)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            Prompt(instruction="Describe {item}."),
            "prompt.instruction is 'Describe {item}.': {item} is no place that a build fills",
        ),
        (Prompt(instruction="Describe '{title}'."), "{title} is no place that a build fills; expected {product}"),
        (
            Prompt(question="What is {title}, {brand}?"),
            "{brand} is no place that a build fills; expected {title} and {product}",
        ),
        (Prompt(question="{0} {title}"), "{0} is no place"),
        (Prompt(question="{title!r}"), "{title!r} is no place"),
        (Prompt(question="{title.x} {title}"), "{title.x} is no place"),
        (Prompt(question="{} {title}"), "{} is no place"),
        (Prompt(question="{title"), "a brace stands alone"),
        (Prompt(question="{title}}"), "a brace stands alone"),
        (Prompt(question="{{title}}"), "a brace stands alone"),
        (Prompt(question="{{product} {title}"), "a brace stands alone"),
        (Prompt(question="What?"), "it must hold {title}, where the title goes, once"),
        (Prompt(question="{title} {title}"), "once"),
        (
            Prompt(product_word="{product}"),
            "prompt.product_word is '{product}': {product} is no place that a build fills; expected no braces",
        ),
        (
            Prompt(other_questions=["A {title}", "B {titel}"]),
            "prompt.other_questions[1] is 'B {titel}': {titel} is no place",
        ),
    ],
)
def test_an_unknown_placeholder_is_refused(settings: Prompt, message: str) -> None:
    with pytest.raises(UserError) as refused:
        require_places(settings)
    assert message in str(refused.value)


def test_known_placeholders() -> None:
    require_places(Prompt())
    require_places(
        Prompt(product_word="auto", instruction="Go.", question="{product}: {title}", other_questions=["{title}"])
    )


def test_export_to_other_formats(tmp_path: Path) -> None:
    content = "A kettle that boils water for {tea}."
    (tmp_path / "rows.json").write_text(json.dumps({"uid": ASIN, "title": "Kettle", "content": content}) + "\n")
    build_offline(tmp_path / "rows.json", tmp_path / "work", Data(validation_share=0, test_share=0))
    folder = tmp_path / "work" / "publish"
    assert export(folder, "conversational", tmp_path / "chat") == 1
    assert pq.read_table(tmp_path / "chat" / "train-00000-of-00001.parquet").to_pylist() == [
        {
            "messages": [
                {
                    "role": "user",
                    "content": "Describe product as accurately as possible.\n\n"
                    "Question: Could you give me a description of the product 'Kettle'?",
                },
                {"role": "assistant", "content": content},
            ]
        }
    ]
    assert export(folder, "prompt-completion", tmp_path / "pairs") == 1
    (pair,) = pq.read_table(tmp_path / "pairs" / "train-00000-of-00001.parquet").to_pylist()
    prompt = PromptFormat.from_json((folder / "prompt.json").read_bytes(), "prompt.json")
    assert pair == {"prompt": prompt.render_title("Kettle"), "completion": content}
    with pytest.raises(UserError, match=r"holds no data/\*\.parquet"):
        export(tmp_path, "conversational", tmp_path / "none")
