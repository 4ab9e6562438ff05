"""Parses and checks requests to `/v1/chat/completions` and `/v1/completions`.

An unsupported field that would change the answer is refused, so no setting is lost silently. The names are
those of the openai package's `CompletionCreateParams`.
"""

import random
from dataclasses import dataclass
from typing import Any

import msgspec

from playground.ask.decoding import MOST_NEW_TOKENS
from playground.serve.errors import RequestError, invalid
from titlecraft.models.decoding.request import Sampling
from titlecraft.settings import Generation

MOST_STOPS = 4
# fields that do not change an answer
WITHOUT_EFFECT = frozenset(
    [
        "user",
        "metadata",
        "store",
        "service_tier",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "parallel_tool_calls",
        "extra_body",
    ]
)
# fields that change an answer, and the values with which they do not
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "repetition_penalty": (1,),
    "logit_bias": ({},),
    "logprobs": (False, 0),
    "top_logprobs": (0,),
    "echo": (False,),
    "suffix": ("",),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "reasoning_effort": ("none",),
    "min_p": (0,),
}


class Body(msgspec.Struct, kw_only=True):
    """The fields that both requests share; `top_k`, `sources` and `grounded` are not in OpenAI's interface."""

    model: str
    stream: bool | None = None
    stream_options: dict[str, bool] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    sources: bool | None = None
    grounded: bool | None = None


class Part(msgspec.Struct):
    """A part of a message; only text is supported."""

    type: str
    text: str | None = None


class Message(msgspec.Struct):
    """A message of a chat."""

    role: str
    content: str | list[Part] | None = None


class ChatBody(Body, kw_only=True):
    """A request to `/v1/chat/completions`."""

    messages: list[Message]


class TextBody(Body, kw_only=True):
    """A request to `/v1/completions`; a prompt is a text or token ids."""

    prompt: str | list[str | int | list[int]]

    def prompts(self) -> list[str | list[int]]:
        """The prompts, each a text or token ids. Raises RequestError for a mixture."""
        given = self.prompt
        if isinstance(given, str):
            return [given]
        if given and all(isinstance(one, int) for one in given):
            return [[one for one in given if isinstance(one, int)]]
        found = [one for one in given if not isinstance(one, int)]
        if not found or len(found) < len(given):
            raise invalid("prompt", "expected a text, texts, token ids, or lists of token ids")
        return found


@dataclass(frozen=True)
class Settings:
    """How to answer a request.

    Args:
        sampling: None is greedy.
        new_tokens: maximum number of tokens of the answer.
        stops: texts that end the answer and are not part of it.
        usage: whether the last chunk of a stream has the token counts.
    """

    sampling: Sampling | None
    new_tokens: int
    stops: tuple[str, ...]
    stream: bool
    usage: bool


def read_body(raw: bytes, kind: type[Body]) -> Any:
    """Return a request of this kind. Raises RequestError for JSON of another form, and for a field that is not supported."""
    try:
        fields = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestError(400, f"the body is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise RequestError(400, f"the body is a JSON {type(fields).__name__}: expected an object")
    known = kind.__struct_fields__
    for name, value in fields.items():
        if name in known or name in WITHOUT_EFFECT or value is None:
            continue
        if name not in NEUTRAL:
            raise invalid(name, "this server has no such setting, and would ignore it", "unknown_parameter")
        if value not in NEUTRAL[name]:
            raise invalid(name, f"not supported by this server: expected {NEUTRAL[name][0]!r}", "unsupported_parameter")
    try:
        return msgspec.convert({name: value for name, value in fields.items() if name in known}, kind, strict=True)
    except msgspec.ValidationError as error:
        field = str(error).partition("`$.")[2].partition("`")[0] or None
        raise RequestError(400, f"{field or 'the request'}: {str(error).partition(' - at')[0]}", field) from error


def settings_of(body: Body, published: Generation) -> Settings:
    """Return the settings of a request; defaults are those of the adapter's recipe. Raises RequestError."""
    most = body.max_completion_tokens or body.max_tokens
    most = min(published.max_new_tokens, MOST_NEW_TOKENS) if most is None else most
    temperature = published.temperature if body.temperature is None else body.temperature
    top_p = published.top_p if body.top_p is None else body.top_p
    top_k = published.top_k if body.top_k is None else body.top_k
    seed = random.getrandbits(63) if body.seed is None else body.seed
    stops = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    for name, value, holds, expected in (
        ("max_tokens", most, 1 <= most <= MOST_NEW_TOKENS, f"1 to {MOST_NEW_TOKENS}"),
        ("temperature", temperature, 0 <= temperature <= 2, "0 (greedy) to 2"),
        ("top_p", top_p, 0 < top_p <= 1, "more than 0 and at most 1"),
        ("top_k", top_k, top_k >= 0, "0 (off) or more"),
        ("seed", seed, 0 <= seed < 1 << 63, f"0 to {(1 << 63) - 1}"),
        ("stop", stops, len(stops) <= MOST_STOPS and all(stops), f"at most {MOST_STOPS} texts that are not empty"),
    ):
        if not holds:
            raise invalid(name, f"{value!r}: expected {expected}")
    sampling = None if temperature < 1e-3 else Sampling(temperature, top_k, top_p, seed)
    usage = bool((body.stream_options or {}).get("include_usage"))
    return Settings(sampling, most, stops, bool(body.stream), usage)


def chat_of(messages: list[Message]) -> list[dict[str, str]]:
    """Return the messages as text, with roles that chat templates support. Raises RequestError."""
    chat = []
    for number, message in enumerate(messages):
        role = "system" if message.role == "developer" else message.role
        if role not in ("system", "user", "assistant"):
            raise invalid(f"messages[{number}].role", f"{role!r}: expected system, user or assistant")
        parts = [Part("text", message.content or "")] if not isinstance(message.content, list) else message.content
        if others := [part.type for part in parts if part.type != "text"]:
            raise invalid(f"messages[{number}].content", f"a part of type {others[0]!r}: expected text")
        chat.append({"role": role, "content": "".join(part.text or "" for part in parts)})
    if not any(message["role"] == "user" and message["content"].strip() for message in chat):
        raise invalid("messages", "expected a message of the user with a title or a question")
    return chat
