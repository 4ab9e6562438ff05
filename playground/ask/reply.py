"""Everything that is shown for one question, as it comes: sources first, then both answers, then what can be said of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from playground.ask.answer import ARMS, Answer, Arm, Engine
from playground.ask.decoding import Decoding
from playground.ask.question import Question, ReadAs, read_question
from playground.ask.sources import Mark, Sources, find_sources, unsupported
from titlecraft.grounded_prompt import grounded_prompt
from titlecraft.search.row_index import RowIndex


@dataclass(frozen=True)
class Asked:
    """What a person asks, and how.

    Args:
        grounded: put the rows that were found into the prompt.
    """

    text: str
    decoding: Decoding
    arms: tuple[Arm, ...] = ARMS
    read_as: ReadAs = "auto"
    grounded: bool = False


@dataclass(frozen=True)
class Reply:
    """What is known so far.

    Args:
        prompt: the text that is really sent, behind BOS.
        in_prompt: how many of the sources are in it.
        nll: mean NLL of a token of the reference, the text of the row of this very title, for each arm; empty without one.
        marks: what no source supports, for each answer.
        whole: nothing more is to come.
    """

    question: Question
    sources: Sources
    prompt: str
    in_prompt: int
    decoding: Decoding
    answers: tuple[Answer, ...] = ()
    nll: dict[Arm, float] = field(default_factory=dict)
    marks: dict[Arm, list[Mark]] = field(default_factory=dict)
    whole: bool = False


def reply(engine: Engine, index: RowIndex, asked: Asked) -> Iterator[Reply]:
    """The reply again and again, each time with more in it. Raises UserError: nothing asked, too long, memory full."""
    question = read_question(
        asked.text, engine.prompt, asked.read_as, lambda title: bool(index.same_title(title, None))
    )
    sources = find_sources(index, question)
    new_tokens = asked.decoding.settings.max_new_tokens
    prompt, in_prompt = grounded_prompt(
        engine.prompt,
        question.input,
        sources.rows if asked.grounded else [],
        lambda text: engine.fits(text, new_tokens),
    )
    now = Reply(question, sources, prompt, in_prompt, asked.decoding)
    yield now
    for answers in engine.answer(prompt, asked.decoding, asked.arms):
        now = replace(now, answers=answers)
        yield now
    reference = sources.reference
    yield replace(
        now,
        nll=engine.nll(prompt, reference.text, asked.arms) if reference else {},
        marks={answer.arm: unsupported(answer.text, question, sources.rows) for answer in now.answers},
        whole=True,
    )
