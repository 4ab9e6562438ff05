"""The reply to one question: first the sources, then the answers, then the NLL and the unsupported words."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from playground.ask.answer import ARMS, Answer, Arm
from playground.ask.decoding import Decoding
from playground.ask.engine import Engine
from playground.ask.question import Question, ReadAs, read_question
from playground.ask.sources import Mark, Sources, find_sources, unsupported
from titlecraft.grounded_prompt import grounded_prompt
from titlecraft.search.row_index import RowIndex


@dataclass(frozen=True)
class Request:
    """The user's text and how to answer it.

    Args:
        grounded: put the sources into the prompt.
    """

    text: str
    decoding: Decoding
    arms: tuple[Arm, ...] = ARMS
    read_as: ReadAs = "auto"
    grounded: bool = False


@dataclass(frozen=True)
class Reply:
    """The reply so far.

    Args:
        prompt: the prompt without BOS.
        in_prompt: the number of sources in the prompt.
        nll: mean NLL per token of the reference (the text of the row with this title) for each arm; empty without a reference.
        marks: the unsupported parts of each answer.
        complete: whether the reply is complete.
    """

    question: Question
    sources: Sources
    prompt: str
    in_prompt: int
    decoding: Decoding
    answers: tuple[Answer, ...] = ()
    nll: dict[Arm, float] = field(default_factory=dict)
    marks: dict[Arm, list[Mark]] = field(default_factory=dict)
    complete: bool = False


def reply(engine: Engine, index: RowIndex, request: Request) -> Iterator[Reply]:
    """Yield the reply as it grows. Raises UserError for an empty or too long text, or if the GPU is out of memory."""
    question = read_question(
        request.text, engine.prompt, request.read_as, lambda title: bool(index.same_title(title, None))
    )
    sources = find_sources(index, question)
    new_tokens = request.decoding.settings.max_new_tokens
    prompt, in_prompt = grounded_prompt(
        engine.prompt,
        question.input,
        sources.rows if request.grounded else [],
        lambda text: engine.fits(text, new_tokens),
    )
    state = Reply(question, sources, prompt, in_prompt, request.decoding)
    yield state
    for answers in engine.answer(prompt, request.decoding, request.arms):
        state = replace(state, answers=answers)
        yield state
    reference = sources.reference
    yield replace(
        state,
        nll=engine.nll(prompt, reference.text, request.arms) if reference else {},
        marks={answer.arm: unsupported(answer.text, question, sources.rows) for answer in state.answers},
        complete=True,
    )
