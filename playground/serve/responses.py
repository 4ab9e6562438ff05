"""Answers in OpenAI's JSON, by the types of the openai package."""

import time
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from openai.types import Completion, CompletionChoice, CompletionUsage, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice
from openai.types.chat.chat_completion_chunk import Choice as ChunkChoice
from openai.types.chat.chat_completion_chunk import ChoiceDelta

from playground.ask.sources import Sources
from playground.serve.generation import Piece

DONE = "data: [DONE]\n\n"


def model_of(name: str, created: int, owner: str) -> Model:
    """An entry of `/v1/models`."""
    return Model(id=name, created=created, object="model", owned_by=owner)


def sources_of(sources: Sources) -> dict[str, Any]:
    """The extension `sources`: whether the training data have the title, and the rows that may support the answer."""
    rows = [{"title": row.title, "text": row.text, "split": row.split, "match": row.match} for row in sources.rows]
    return {"known": sources.known, "sentence": sources.sentence, "rows": rows}


def usage_of(prompt_tokens: int, completion_tokens: int) -> CompletionUsage:
    """The tokens of a request and its answer."""
    total = prompt_tokens + completion_tokens
    return CompletionUsage(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, total_tokens=total)


def event(value: Any) -> str:
    """One server-sent event."""
    return f"data: {value.model_dump_json(exclude_unset=True)}\n\n"


class ChatAnswer:
    """The answer of `/v1/chat/completions`, whole or as a stream of chunks."""

    def __init__(self, model: str, prompt_tokens: int, sources: Sources | None) -> None:
        self.prompt_tokens = prompt_tokens
        self.head: dict[str, Any] = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model}
        self.extension: dict[str, Any] = {"sources": sources_of(sources)} if sources else {}

    def whole(self, pieces: Iterable[Piece]) -> ChatCompletion:
        """The answer as one object."""
        found = list(pieces)
        message = ChatCompletionMessage(role="assistant", content="".join(piece.text for piece in found), refusal=None)
        choice = Choice(index=0, message=message, finish_reason=found[-1].finish or "stop", logprobs=None)
        usage = usage_of(self.prompt_tokens, found[-1].tokens)
        return ChatCompletion(**self.head, object="chat.completion", choices=[choice], usage=usage, **self.extension)

    def stream(self, pieces: Iterable[Piece], *, usage: bool) -> Iterator[str]:
        """The answer as server-sent events."""
        yield event(self.chunk(ChoiceDelta(role="assistant", content=""), None, **self.extension))
        tokens = 0
        for piece in pieces:
            tokens = piece.tokens
            if piece.text:
                yield event(self.chunk(ChoiceDelta(content=piece.text), None))
            if piece.finish:
                yield event(self.chunk(ChoiceDelta(), piece.finish))
        if usage:
            counted = usage_of(self.prompt_tokens, tokens)
            yield event(ChatCompletionChunk(**self.head, object="chat.completion.chunk", choices=[], usage=counted))
        yield DONE

    def chunk(self, delta: ChoiceDelta, finish: Any, **extension: Any) -> ChatCompletionChunk:
        """One chunk of a stream."""
        choice = ChunkChoice(index=0, delta=delta, finish_reason=finish)
        return ChatCompletionChunk(**self.head, object="chat.completion.chunk", choices=[choice], **extension)


class TextAnswer:
    """The answer of `/v1/completions`, whole or as a stream; of several prompts, with a choice each."""

    def __init__(self, model: str, prompt_tokens: int) -> None:
        self.prompt_tokens = prompt_tokens
        self.head: dict[str, Any] = {
            "id": f"cmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": model,
            "object": "text_completion",
        }

    def whole(self, answers: list[list[Piece]]) -> Completion:
        """The answers as one object."""
        choices = [
            CompletionChoice(
                index=number,
                text="".join(piece.text for piece in pieces),
                finish_reason=pieces[-1].finish or "stop",
                logprobs=None,
            )
            for number, pieces in enumerate(answers)
        ]
        usage = usage_of(self.prompt_tokens, sum(pieces[-1].tokens for pieces in answers))
        return Completion(**self.head, choices=choices, usage=usage)

    def stream(self, pieces: Iterable[Piece], *, usage: bool) -> Iterator[str]:
        """The answer to one prompt as server-sent events."""
        tokens = 0
        for piece in pieces:
            tokens = piece.tokens
            # a choice of the openai package always has a reason, but that of a stream has none before its end
            choice = CompletionChoice.model_construct(
                index=0, text=piece.text, finish_reason=piece.finish, logprobs=None
            )
            yield event(Completion.model_construct(**self.head, choices=[choice]))
        if usage:
            yield event(Completion(**self.head, choices=[], usage=usage_of(self.prompt_tokens, tokens)))
        yield DONE
