"""Asks a judge behind an OpenAI-compatible endpoint; answers are kept on disk, so that an interruption loses none.

The openai client and not lighteval's JudgeLM, which 0.13 has for this: with free text JudgeLM sends no temperature, it ignores the
key given with a URL and sends OPENAI_API_KEY to it, and one request that fails three times loses the answers to all others.
"""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import openai
from huggingface_hub import get_token
from openai.types.chat import ChatCompletion

from evaluation.progress import Progress
from titlecraft.errors import UserError
from titlecraft.hub import PUBLIC_HUB
from titlecraft.hub.pins import endpoint
from titlecraft.process.loopback import is_loopback

PROVIDERS = "https://router.huggingface.co/v1"
KEY = "JUDGE_API_KEY"
AT_ONCE, RETRIES, TIMEOUT = 8, 3, 120  # requests at the same time; retries of one, by the client; seconds
TEMPERATURE, MAX_TOKENS = 0.0, 512

EXPECTED = "expected an OpenAI-compatible endpoint, whose address often ends in /v1"

Kind = Literal["this machine", "OpenAI-compatible endpoint", "Hugging Face inference provider"]


@dataclass(frozen=True)
class Answer:
    """An answer of the judge, the version that the endpoint says it is of (OpenAI's system_fingerprint), and its day in UTC."""

    text: str
    revision: str | None
    date: str


@dataclass(frozen=True)
class Endpoint:
    """A judge model behind an OpenAI-compatible endpoint."""

    url: str
    model: str
    kind: Kind
    api_key: str = field(repr=False)

    @classmethod
    def open(cls, judge: str, model: str | None) -> "Endpoint":
        """The judge at a URL, or a model of the Hub through its inference providers. Raises UserError if it does not answer.

        The key is the environment variable JUDGE_API_KEY; for an inference provider else the token of the public Hub.
        """
        if judge.startswith(("http://", "https://")):
            url, key = judge.rstrip("/"), os.environ.get(KEY) or "none"
            kind: Kind = "this machine" if is_local(url) else "OpenAI-compatible endpoint"
        elif judge.count("/") == 1 and model is None:
            token = get_token() if endpoint() == PUBLIC_HUB else None  # another Hub's token is nobody else's business
            url, key, model = PROVIDERS, os.environ.get(KEY) or token or "", judge
            kind = "Hugging Face inference provider"
            if not key:
                raise UserError(
                    f"judge --judge {judge}: inference providers need a token of the public Hub: run `hf auth login`, or set {KEY} "
                    "where --hub is another"
                )
        else:
            raise UserError(
                f"judge --judge {judge}: expected the address of an OpenAI-compatible endpoint, such as "
                "http://localhost:8000/v1, with --judge-model where it has several models, or a model of the Hub, NAMESPACE/NAME"
            )
        return cls(url, model or only_model(url, key), kind, key)

    async def ask(self, client: openai.AsyncOpenAI, prompt: str) -> Answer:
        """The judge's answer, greedy. Raises openai.OpenAIError."""
        completion = await client.chat.completions.create(
            model=self.model,
            messages=[{"role": "user", "content": prompt}],
            temperature=TEMPERATURE,
            max_tokens=MAX_TOKENS,
        )
        if not isinstance(completion, ChatCompletion):  # the client returns a web page as a string
            raise openai.OpenAIError(f"the reply is no chat completion; {EXPECTED}")
        message = completion.choices[0].message if completion.choices else None
        text = message.content if message else None
        return Answer(text or "", completion.system_fingerprint, datetime.now(UTC).date().isoformat())

    def ask_all(self, prompts: Sequence[str], kept: Path) -> list[Answer]:
        """The answers to the prompts; those in the file `kept` are not asked again. Raises UserError if the endpoint fails."""
        answers = read_kept(kept)
        missing = {self.key(prompt): prompt for prompt in prompts if self.key(prompt) not in answers}
        with kept.open("a", encoding="utf-8") as file, Progress().bar("judging", len(missing)) as advance:

            def keep(key: str, answer: Answer) -> None:
                answers[key] = answer
                file.write(kept_line(key, answer))
                file.flush()
                advance(1)

            try:
                asyncio.run(self.ask_missing(missing, keep))
            except openai.OpenAIError as error:
                raise UserError(
                    f"the judge at {self.url} failed: {reason(error)}. {kept} keeps the {len(answers)} answers so far: run the same "
                    "command again once the endpoint works"
                ) from error
        return [answers[self.key(prompt)] for prompt in prompts]

    async def ask_missing(self, missing: dict[str, str], keep: Callable[[str, Answer], None]) -> None:
        """Ask the prompts, AT_ONCE at the same time, and give each answer with its key to `keep`. An error cancels all others."""
        free = asyncio.Semaphore(AT_ONCE)

        async def one(key: str, prompt: str) -> None:
            async with free:
                keep(key, await self.ask(client, prompt))

        async with openai.AsyncOpenAI(
            base_url=self.url, api_key=self.api_key, max_retries=RETRIES, timeout=TIMEOUT
        ) as client:
            tasks = [asyncio.create_task(one(key, prompt)) for key, prompt in missing.items()]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def key(self, prompt: str) -> str:
        """The key of a request: judge, decoding and prompt."""
        return sha256(json.dumps([self.url, self.model, TEMPERATURE, MAX_TOKENS, prompt]).encode()).hexdigest()


def only_model(url: str, key: str) -> str:
    """The name of the endpoint's model. Raises UserError if it has none or several, or does not answer."""
    try:
        with openai.OpenAI(base_url=url, api_key=key, max_retries=RETRIES, timeout=TIMEOUT) as client:
            names = [model.id for model in client.models.list()]
    except (AttributeError, TypeError, ValueError) as error:  # a web page
        raise UserError(f"judge --judge {url}: {url}/models is no list of models; {EXPECTED}") from error
    except openai.OpenAIError as error:
        raise UserError(
            f"judge --judge {url}: no list of models at {url}/models: {reason(error)}; name one with --judge-model"
        ) from error
    if len(names) != 1:
        raise UserError(
            f"judge --judge {url}: has {len(names)} models; name one with --judge-model: {', '.join(names[:8])}"
        )
    return names[0]


def kept_line(key: str, answer: Answer) -> str:
    """An answer as a line of the file that keeps them."""
    return json.dumps({"key": key, **asdict(answer)}) + "\n"


def read_kept(kept: Path) -> dict[str, Answer]:
    """The answers in the file by key. A line that an interruption cut is taken out of the file, and asked again."""
    answers = {}
    if kept.is_file():
        for line in kept.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
                key = entry.pop("key")
                answers[key] = Answer(**entry)
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
        kept.write_text("".join(kept_line(*entry) for entry in answers.items()), encoding="utf-8")
    return answers


def reason(error: openai.OpenAIError) -> str:
    """An error of the client in one line."""
    if isinstance(error, openai.APITimeoutError):
        return f"no answer within {TIMEOUT} s"
    if isinstance(error, openai.APIConnectionError):
        return f"no connection ({error.__cause__ or error})"
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return f"status {error.status_code}, the key is not accepted; the environment variable {KEY} holds the key of a URL"
    return " ".join(str(error).split())[:300]


def is_local(url: str) -> bool:
    """Whether the URL is of this machine."""
    return is_loopback(urlsplit(url).hostname or "")
