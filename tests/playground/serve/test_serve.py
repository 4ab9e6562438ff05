"""The server through the unmodified openai client, and by the requests of chat front-ends."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest

from playground.ask.decoding import Decoding
from playground.ask.engine import Engine
from playground.serve.app import Server, build_app
from playground.serve.generation import first_stop, held_back
from playground.serve.serve import greeting
from tests.playground.served import served
from titlecraft.prompt import encode_prompt
from titlecraft.search.row_index import RowIndex
from titlecraft.settings import Generation

TUNED, BASE = "titlecraft/tiny-adapter", "titlecraft/tiny-base"
TITLE = "The small clock of the library"
ASKED: Any = [{"role": "user", "content": TITLE}]
GREEDY: Any = {"temperature": 0, "max_tokens": 12}


@pytest.fixture(scope="module")
def address(engine: Engine, index: RowIndex) -> Iterator[str]:
    app = build_app(Server(engine, index, "sesame"), loopback=True, origins=["http://chat.example"])
    with served(app) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="sesame", max_retries=0)


def expected(engine: Engine, arm: Any, tokens: int = 12) -> str:
    """The greedy answer of `titlecraft ask`."""
    decoding = Decoding(Generation(max_new_tokens=tokens), greedy=True)
    *_, (answer,) = engine.answer(engine.prompt.render_title(TITLE), decoding, (arm,))
    return answer.text


def test_models_are_the_adapter_and_its_base(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [TUNED, BASE]
    assert client.models.retrieve(TUNED).owned_by == "titlecraft"


@pytest.mark.parametrize(("model", "arm"), [(TUNED, "tuned"), (BASE, "base")])
def test_a_chat_is_answered_as_by_ask(client: openai.OpenAI, engine: Engine, model: str, arm: str) -> None:
    answer = client.chat.completions.create(model=model, messages=ASKED, **GREEDY)
    text = expected(engine, arm)
    assert answer.choices[0].message.content == text and answer.model == model
    prompt = encode_prompt(engine.loaded.tokenizer, engine.prompt.render_title(TITLE))
    usage: Any = answer.usage
    assert usage.prompt_tokens == len(prompt) and usage.total_tokens == len(prompt) + usage.completion_tokens
    assert answer.choices[0].finish_reason == ("length" if usage.completion_tokens == 12 else "stop")
    chunks = list(
        client.chat.completions.create(
            model=model, messages=ASKED, stream=True, stream_options={"include_usage": True}, **GREEDY
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
    assert chunks[0].choices[0].delta.role == "assistant" and len(chunks) > 3
    assert chunks[-2].choices[0].finish_reason == answer.choices[0].finish_reason
    assert chunks[-1].usage == usage and len({chunk.id for chunk in chunks}) == 1


def test_a_question_and_a_part_are_read_like_the_title(client: openai.OpenAI, engine: Engine) -> None:
    for content in (engine.prompt.input_for(TITLE), [{"type": "text", "text": TITLE}]):
        chat: Any = [{"role": "user", "content": content}]
        answer = client.chat.completions.create(model=TUNED, messages=chat, **GREEDY)
        assert answer.choices[0].message.content == expected(engine, "tuned")


def test_a_longer_chat_is_rendered_by_the_published_template(client: openai.OpenAI, engine: Engine) -> None:
    talk: Any = [*ASKED, {"role": "assistant", "content": "Red."}, {"role": "user", "content": "Thanks"}]
    server = client.chat.completions.create(model=TUNED, messages=talk, **GREEDY)
    eos = engine.loaded.tokenizer.eos_token
    text = f"{engine.prompt.render_title(TITLE)}Red.{eos}{engine.prompt.around()[0]}Thanks{engine.prompt.around()[2]}"
    ids = [0, *engine.loaded.tokenizer(text, add_special_tokens=False)["input_ids"]]
    whole = client.completions.create(model=TUNED, prompt=ids, **GREEDY)
    assert server.choices[0].message.content == whole.choices[0].text and server.usage == whole.usage


def test_completions_take_texts_and_token_ids(client: openai.OpenAI, engine: Engine) -> None:
    text = engine.prompt.render_title(TITLE)
    ids = encode_prompt(engine.loaded.tokenizer, text)
    for prompt in (text, ids):
        answer = client.completions.create(model=TUNED, prompt=prompt, **GREEDY)
        assert answer.choices[0].text == expected(engine, "tuned")
    two = client.completions.create(model=TUNED, prompt=[text, "A"], **GREEDY)
    assert [choice.index for choice in two.choices] == [0, 1] and two.choices[0].text == expected(engine, "tuned")
    chunks = list(client.completions.create(model=TUNED, prompt=text, stream=True, **GREEDY))
    assert "".join(chunk.choices[0].text for chunk in chunks) == expected(engine, "tuned")


def test_a_seed_repeats_an_answer_whoever_else_asks(client: openai.OpenAI) -> None:
    def ask(number: int) -> str:
        model = (TUNED, BASE)[number % 2]
        answer = client.chat.completions.create(
            model=model, messages=ASKED, seed=number // 2, max_tokens=8, temperature=1, top_p=0.9
        )
        return answer.choices[0].message.content or ""

    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(ask, range(8)))
    assert together == [ask(number) for number in range(8)] and len(set(together)) > 4


def test_a_text_of_stop_ends_the_answer_and_is_not_in_it(client: openai.OpenAI, engine: Engine) -> None:
    text = expected(engine, "tuned", 24)
    stop = text[9:12]
    for stream in (False, True):
        found: Any = client.chat.completions.create(
            model=TUNED, messages=ASKED, temperature=0, max_tokens=24, stop=["never there", stop], stream=stream
        )
        if stream:
            chunks = list(found)
            said, reason = (
                "".join(one.choices[0].delta.content or "" for one in chunks),
                chunks[-1].choices[0].finish_reason,
            )
        else:
            said, reason = found.choices[0].message.content, found.choices[0].finish_reason
        assert (said, reason) == (text[: text.find(stop)], "stop")


def test_stop_texts_across_pieces() -> None:
    assert first_stop("one\n\ntwo", ("two", "\n\n")) == 3 and first_stop("one", ("two",)) is None
    assert held_back("a\n", ("\n\n",)) == 1 and held_back("a\ufffd", ()) == 1 and held_back("ab", ("bcd", "abcd")) == 2


def test_sources_are_an_extension(client: openai.OpenAI) -> None:
    for extra in ({"sources": True}, {"grounded": True}):
        answer: Any = client.chat.completions.create(model=TUNED, messages=ASKED, extra_body=extra, **GREEDY)
        assert answer.sources["known"] == "held out" and answer.sources["rows"][0]["title"] == TITLE
    plain = client.chat.completions.create(model=TUNED, messages=ASKED, **GREEDY)
    assert not hasattr(plain, "sources") and answer.usage.prompt_tokens > plain.usage.prompt_tokens  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"model": "gpt-4o"}, 404, f"the model 'gpt-4o' is not served here: expected one of {TUNED}, {BASE}"),
        ({"temperature": 3}, 400, "temperature: 3.0: expected 0 (greedy) to 2"),
        ({"max_tokens": 0}, 400, "max_tokens: 0: expected 1 to 1024"),
        ({"n": 2}, 400, "n: not supported by this server: expected 1"),
        ({"frequency_penalty": 0.5}, 400, "frequency_penalty: not supported by this server: expected 0"),
        ({"mirostat": 2}, 400, "mirostat: this server has no such setting, and would ignore it"),
        ({"stop": ["a"] * 5}, 400, "stop: ('a', 'a', 'a', 'a', 'a'): expected at most 4"),
        ({"messages": []}, 400, "messages: expected a message of the user with a title or a question"),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400, "messages[0].role: 'tool': expected system, user or"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "a part of type 'image_url'"),
        ({"messages": "A lamp"}, 400, "messages: Expected `array`, got `str`"),
        ({"messages": [{"role": "user", "content": "x" * 2001}]}, 400, "the text has 2,001 characters"),
        ({"messages": [{"role": "user", "content": "ab " * 600}]}, 400, "the model's context is 512 tokens"),
    ],
)
def test_a_request_that_cannot_be_answered_is_refused(
    address: str, change: dict[str, Any], status: int, message: str
) -> None:
    body = {"model": TUNED, "messages": ASKED} | change
    answer = httpx.post(f"{address}/v1/chat/completions", json=body, headers={"Authorization": "Bearer sesame"})
    error = answer.json()["error"]
    assert answer.status_code == status and message in error["message"], error
    assert set(error) == {"message", "type", "param", "code"}


def test_the_requests_of_chat_front_ends(address: str) -> None:
    """What Open WebUI and LibreChat send beside the messages, and what a browser asks before it sends."""
    body = {
        "model": TUNED,
        "messages": ASKED,
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": "someone",
        "frequency_penalty": 0,
        "presence_penalty": 0,
        "n": 1,
        "logit_bias": None,
        "max_completion_tokens": 5,
    }
    headers = {"Authorization": "Bearer sesame"}
    with httpx.stream("POST", f"{address}/v1/chat/completions", json=body, headers=headers) as answer:
        lines = [line for line in answer.iter_lines() if line]
    assert answer.headers["content-type"].startswith("text/event-stream") and lines[-1] == "data: [DONE]"
    assert all(json.loads(line.removeprefix("data: "))["object"] == "chat.completion.chunk" for line in lines[:-1])
    asked = {"Origin": "http://chat.example", "Access-Control-Request-Method": "POST"}
    allowed = httpx.options(f"{address}/v1/chat/completions", headers=asked)
    assert allowed.headers["access-control-allow-origin"] == "http://chat.example"
    asked["Origin"] = "http://elsewhere.example"
    assert "access-control-allow-origin" not in httpx.options(f"{address}/v1/models", headers=asked).headers


def test_strangers_are_refused(address: str, client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError, match="missing or wrong API key"):
        client.with_options(api_key="guess").models.list()
    assert httpx.get(f"{address}/v1/models").status_code == 401
    rebound = httpx.get(f"{address}/v1/models", headers={"Host": "evil.example", "Authorization": "Bearer sesame"})
    assert rebound.status_code == 400
    assert httpx.get(f"{address}/health").json() == {"status": "ok"}
    with pytest.raises(openai.NotFoundError, match=r"no such address: POST /v1/embeddings"):
        client.embeddings.create(model=TUNED, input="x")


def test_the_greeting_names_addresses_and_a_command(engine: Engine, index: RowIndex) -> None:
    said = greeting(Server(engine, index, None), "127.0.0.1", 8000)
    assert f"  {TUNED}  (the adapter)\n  {BASE}  (its base)\ncurl http://127.0.0.1:8000/v1/chat/completions" in said
