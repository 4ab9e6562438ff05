"""A complete reply: its sources, whether the training data has the title, unsupported words, and its display."""

from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from evaluation.measures.detail import names
from playground.ask.conversation import converse
from playground.ask.decoding import Decoding
from playground.ask.engine import Engine
from playground.ask.question import Question
from playground.ask.reply import Reply, Request, reply
from playground.ask.sources import find_sources, pieces, unsupported
from playground.ask.terminal import show_replies
from playground.page import parts
from tests import present
from titlecraft.errors import UserError
from titlecraft.search.row_index import FoundRow, RowIndex
from titlecraft.settings import Generation

GREEDY = Decoding(Generation(max_new_tokens=8), greedy=True)
ROW = FoundRow(
    "B1",
    "The Red Lamp",
    "A lamp by Anna O'Neill, 1,200 lumen.",
    "train",
    "data/t.parquet",
    3,
    1.0,
    "exact",
    "http://hub/t",
)


def titled(title: str) -> Question:
    return Question(title, "title", title, title)


@pytest.mark.parametrize(
    ("title", "known", "sentence"),
    [
        ("the red lamp of the KITCHEN", "trained", "This title is in the training data."),
        (
            "The small clock of the library",
            "held out",
            "This title is in the dataset, but not in the training data: only in the test split.",
        ),
        (
            "The red lamp of the kitchens",
            "near",
            "No product with exactly this title is in the training data; similar titles are below.",
        ),
        ("A quiet day", "none", "No such product in the training data. The rows below share words with it."),
        ("Submarine", "none", "No such product in the training data. No row of the dataset shares a word with it."),
    ],
)
def test_whether_the_training_data_has_the_title(index: RowIndex, title: str, known: str, sentence: str) -> None:
    sources = find_sources(index, titled(title))
    assert (sources.known, sources.sentence) == (known, sentence)
    assert (sources.reference is not None) == (known in ("trained", "held out"))


def test_unsupported_words() -> None:
    answer = "The Red Lamp gives 1200 lumen. It was made in Oslo by Anna O'Neill and Otto Berg in 1931, with a shade."
    marks = unsupported(answer, titled("Red"), [ROW])
    assert [(answer[mark.start : mark.end], mark.kind) for mark in marks] == [
        ("gives", "word"),
        ("made", "word"),
        ("Oslo", "name"),
        ("Otto Berg", "name"),
        ("1931", "number"),
        ("shade", "word"),
    ]
    assert "".join(text for text, _ in pieces(answer, marks)) == answer
    assert names(answer) == [["red", "lamp"], ["oslo"], ["anna", "o'neill"], ["otto", "berg"]]
    assert unsupported("", titled("Red"), []) == []
    for unread in ("这款红色水壶容量2升。由张伟在北京设计。", "กาต้มน้ำสีแดงนี้จุ 2 ลิตร", "यह लाल केतली 2 लीटर की है।"):
        assert unsupported(unread, titled("Red"), []) == []


def test_words_with_digits_need_a_source() -> None:
    answer = "It plays mp3 by usb3 on a 4x6 screen, 12inch wide, like the x200."
    row = replace(ROW, text="A lamp of 4 or 12 inch with an MP3 player.")
    marks = unsupported(answer, titled("Red"), [row])
    assert [answer[mark.start : mark.end] for mark in marks if mark.kind == "number"] == ["usb3", "4x6", "x200"]


def last_reply(engine: Engine, index: RowIndex, text: str, **options: Any) -> Reply:
    return list(reply(engine, index, Request(text, GREEDY, **options)))[-1]


def test_the_reference_of_a_known_title_is_scored(engine: Engine, index: RowIndex) -> None:
    known = last_reply(engine, index, "The red lamp of the kitchen")
    assert present(known.sources.reference).uid == "B000000000" and set(known.nll) == {"base", "tuned"}
    assert known.prompt == engine.prompt.render_title("The red lamp of the kitchen") and known.in_prompt == 0
    unknown = last_reply(engine, index, "The green lamp of the moon", arms=("tuned",))
    assert unknown.nll == {} and [answer.arm for answer in unknown.answers] == ["tuned"]


def test_sources_are_put_into_the_prompt_if_they_fit(engine: Engine, index: RowIndex) -> None:
    grounded = last_reply(engine, index, "The red lamp of the kitchen", grounded=True)
    assert grounded.in_prompt == 3 and "\n[1] The red lamp of the kitchen: A red lamp, made" in grounded.prompt
    assert engine.fits(grounded.prompt, 8)
    assert "does not show what the model has learned" in parts.answers(grounded)
    assert last_reply(engine, index, "Submarine", grounded=True).in_prompt == 0


def test_typed_text_is_escaped(engine: Engine, index: RowIndex) -> None:
    text = "</p><script>alert(1)</script> ### Response:\n<|end_of_text|> {{ 1234 * 5678 }} \x1b[31m zeppelin"
    shown = last_reply(engine, index, text)
    page = parts.answers(shown) + parts.sources(shown) + parts.prompt(shown)
    assert "<script" not in page and "<img" not in page and "\x1b" not in page and "7006652" not in page
    assert (
        "&lt;script&gt;alert(1)&lt;/script&gt; ### Response:\n&lt;|end_of_text|&gt; {{ 1234 * 5678 }} \ufffd[31m"
        in page
    )
    assert "onerror=&#39;" in parts.sources(shown)  # from the row with hostile markup


def typed(*texts: str) -> Iterator[str]:
    yield from texts
    raise KeyboardInterrupt


def test_a_conversation_in_plain_text(engine: Engine, index: RowIndex, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(file=(out := StringIO()), highlight=False, width=80)
    options = {"decoding": GREEDY, "arms": ("tuned",)}
    texts = typed("The red lamp of the kitchen", "", "x" * 2001, "[bold]zeppelin[/bold]")
    assert converse(engine, index, texts, options, console, True, single=False) == 0
    text = out.getvalue()
    assert "\x1b" not in text and text.count("The prompt, without BOS:") == 2
    assert (
        "This title is in the training data.\n1. The red lamp of the kitchen\n   same title · train · B000000000 · BM25 "
        in text
    )
    assert (
        "[bold]zeppelin[/bold]" in text
        and "nats/token" in text
        and "Read as a title · greedy, at most 8 tokens" in text
    )
    errors = capsys.readouterr().err
    assert "error: nothing was asked" in errors and "expected at most 2,000" in errors
    with pytest.raises(UserError, match="nothing was asked"):
        converse(engine, index, [""], options, console, False, single=True)


def test_text_generated_before_ctrl_c_stays(engine: Engine, index: RowIndex) -> None:
    console = Console(file=(out := StringIO()), force_terminal=True, width=120, highlight=False)

    def interrupted() -> Iterator[Reply]:
        yield from list(reply(engine, index, Request("The red lamp of the kitchen", GREEDY)))[:4]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        show_replies(console, interrupted(), False)
    left = out.getvalue().rpartition("\x1b[2K")[2]  # the text after the last erased line
    assert "Base model" in left and "writing … · 3 tokens" in left


def test_a_terminal_shows_both_side_by_side(engine: Engine, index: RowIndex) -> None:
    console = Console(
        file=(out := StringIO()), force_terminal=True, width=120, color_system="standard", highlight=False
    )
    converse(engine, index, ["The red lamp of the kitchen"], {"decoding": GREEDY}, console, False, single=True)
    line = next(line for line in out.getvalue().splitlines() if "Base model" in line)
    assert index.search("The red lamp of the kitchen", 1)[0].link in out.getvalue()  # not broken, though wider than 120
    assert "Tuned model" in line and "\x1b[" in out.getvalue()
    assert out.getvalue().count("nats/token") >= 2  # nothing is cut off
