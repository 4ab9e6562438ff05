"""How a text is read: as a title or as a question, or rejected with an error."""

import pytest

from playground.ask.decoding import Decoding
from playground.ask.question import read_question
from titlecraft.errors import UserError
from titlecraft.prompt import PromptFormat
from titlecraft.settings import Generation

PROMPT = PromptFormat(instruction="Describe.", question="Question: What is '{title}'?")


@pytest.mark.parametrize(
    ("text", "kind", "title", "input"),
    [
        ("  The Red Lamp\n", "title", "The Red Lamp", "Question: What is 'The Red Lamp'?"),
        ("Is it red?", "question", None, "Is it red?"),
        ("question: describe a lamp", "question", None, "question: describe a lamp"),
        ("Question: What is 'It's \"so\"'?", "question", 'It\'s "so"', "Question: What is 'It's \"so\"'?"),
        ("Who Moved My Cheese?", "title", "Who Moved My Cheese?", "Question: What is 'Who Moved My Cheese?'?"),
        ("{title} 🎈\n\nline", "title", "{title} 🎈\n\nline", "Question: What is '{title} 🎈\n\nline'?"),
    ],
)
def test_questions_are_read_by_the_rule(text: str, kind: str, title: str | None, input: str) -> None:
    question = read_question(text, PROMPT, is_title=lambda title: title == "Who Moved My Cheese?")
    assert (question.kind, question.title, question.input) == (kind, title, input)


def test_questions_are_read_as_requested() -> None:
    assert read_question("Is it red?", PROMPT, "title").input == "Question: What is 'Is it red?'?"
    assert read_question("The Red Lamp", PROMPT, "question").input == "The Red Lamp"


def test_empty_and_long_texts_are_refused() -> None:
    assert read_question("x" * 2000, PROMPT).title == "x" * 2000
    with pytest.raises(UserError, match="the text has 2,001 characters: expected at most 2,000"):
        read_question("x" * 2001, PROMPT)
    for nothing in ("", " \n\t"):
        with pytest.raises(UserError, match="nothing was asked"):
            read_question(nothing, PROMPT)
    assert read_question("half an emoji \ud83d", PROMPT).title == "half an emoji \ufffd"
    assert read_question("two halves \ud83d\ude00", PROMPT).title == "two halves 😀"


@pytest.mark.parametrize(
    ("settings", "seed", "message"),
    [
        (Generation(max_new_tokens=0), 0, "max_new_tokens is 0: expected 1 to 1024"),
        (Generation(temperature=0.0), 0, "temperature is 0.0: expected 0.001 to 100"),
        (Generation(top_p=1.5), 0, "top_p is 1.5"),
        (Generation(), -1, "seed is -1"),
        (Generation(), 1 << 63, "seed is 9223372036854775808: expected 0 to 9223372036854775807"),
    ],
)
def test_decoding_settings_out_of_range_are_refused(settings: Generation, seed: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Decoding(settings, seed=seed)
