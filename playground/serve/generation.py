"""Streams the answer to a request as pieces of text, without stop texts, and counts its tokens."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from playground.ask.answer import Arm
from playground.ask.engine import Engine
from playground.serve.request import Settings
from titlecraft.models.decoding.request import Request


@dataclass(frozen=True)
class Piece:
    """A piece of an answer.

    Args:
        text: text that the piece adds.
        tokens: number of tokens of the answer so far.
        finish: "stop" after EOS or a stop text, "length" at the maximum length; None before the end.
    """

    text: str
    tokens: int
    finish: Literal["stop", "length"] | None = None


def generate(engine: Engine, arm: Arm, prompt: list[int], settings: Settings) -> Iterator[Piece]:
    """Yield the answer in pieces; the last one has `finish`. Closing the iterator ends the generation."""
    eos = engine.loaded.tokenizer.eos_token_id
    new_tokens = min(settings.new_tokens, engine.loaded.context - len(prompt))
    request, given, count = Request(prompt, new_tokens, (eos,), arm, settings.sampling), 0, 0
    for (state,) in engine.shared.stream(request):
        ended = state.stop  # read before the tokens, because another thread may append some
        tokens = list(state.tokens)
        if len(tokens) == count and ended is None:
            continue
        count = len(tokens)
        text = decoded(engine, tokens[:-1] if ended == "eos" else tokens)
        if (cut := first_stop(text, settings.stops)) is not None:
            yield Piece(text[given:cut], count, "stop")
            return
        if ended:
            yield Piece(text[given:], count, "stop" if ended == "eos" else "length")
            return
        safe = len(text) - held_back(text, settings.stops)
        if safe > given:
            yield Piece(text[given:safe], count)
            given = safe


def decoded(engine: Engine, tokens: list[int]) -> str:
    """The text of tokens."""
    tokenizer: Any = engine.loaded.tokenizer
    with engine.lock:
        return tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def first_stop(text: str, stops: tuple[str, ...]) -> int | None:
    """The position of the first stop text; None if there is none."""
    return min((found for stop in stops if (found := text.find(stop)) >= 0), default=None)


def held_back(text: str, stops: tuple[str, ...]) -> int:
    """The number of characters at the end to hold back: an incomplete character, or the beginning of a stop text."""
    broken = len(text) - len(text.rstrip("\ufffd"))
    begun = (
        size for stop in stops for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])
    )
    return max(broken, max(begun, default=0))
