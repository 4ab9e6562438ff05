"""The exact prompt with sources, and how it is shortened to fit."""

from typing import NamedTuple

from titlecraft.grounded_prompt import grounded_prompt
from titlecraft.prompt import PromptFormat

PROMPT = PromptFormat(instruction="Describe.", question="What is '{title}'?", template="{instruction}|{input}|")


class Row(NamedTuple):
    """A source."""

    title: str
    text: str


LAMP = Row(title="The Red Lamp", text="A lamp of red glass.\nFor the {desk}.")
LONG = Row(title="Tent", text="canvas " * 200)


def test_the_exact_prompt() -> None:
    assert grounded_prompt(PROMPT, "What is 'Lamp'?", [LAMP]) == (
        "Describe.|What is 'Lamp'?\n\nAnswer only with what these sources say:\n"
        "[1] The Red Lamp: A lamp of red glass. For the {desk}.|",
        1,
    )
    assert grounded_prompt(PROMPT, "What is 'Lamp'?", []) == ("Describe.|What is 'Lamp'?|", 0)


def test_texts_are_truncated_then_sources_left_out() -> None:
    full, count = grounded_prompt(PROMPT, "Q", [LONG, LAMP, LAMP, LAMP])
    assert count == 3 and len(full) < 1000 and full.count("…") == 1 and "canvas…" in full
    cut, count = grounded_prompt(PROMPT, "Q", [LONG, LAMP], fits=lambda text: len(text) < 300)
    assert count == 2 and len(cut) < 300
    one, count = grounded_prompt(PROMPT, "Q", [LONG, LAMP], fits=lambda text: len(text) < 160)
    assert count == 1 and "Lamp" not in one
    assert grounded_prompt(PROMPT, "Q", [LONG], fits=lambda text: False) == ("Describe.|Q|", 0)
