"""Both decoders give the tokens of transformers' generate() in float32, for every family, arm and batch."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import torch

from tests import tiny_families
from tests.tiny_world import train_tokenizer
from titlecraft.models.adapter.load import Loaded
from titlecraft.models.base.model import LoadedBase
from titlecraft.models.decoding import open as opening
from titlecraft.models.decoding.decoder import Decoder, SharedDecoder
from titlecraft.models.decoding.generate import greedy_settings
from titlecraft.models.decoding.plain import PlainDecoder
from titlecraft.models.decoding.request import ARMS, Answering, Request, Sampling
from titlecraft.models.decoding.static import StaticDecoder
from titlecraft.models.decoding.table import Table
from titlecraft.process.threads import one_thread

pytestmark = pytest.mark.slow

FAST = ("llama", "qwen2", "qwen3", "smollm3", "mistral, wide window")
SLOW = {"gpt2": "gpt2", "mistral": "sliding window", "gemma": "gemma", "qwen3 moe": "qwen3_moe"}
NEW = 12


@pytest.fixture(scope="module", autouse=True)
def single_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer()


def loaded(family: str, tokenizer: Any) -> Loaded:
    """A family's model with an adapter that changes its answers."""
    more = ("gate_proj", "up_proj", "down_proj") if family in FAST else ()
    model = tiny_families.with_adapter(tiny_families.make(family), *more).eval()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.3)
    return Loaded(model, tokenizer, LoadedBase(model, tokenizer, "none", None, "float32"), checks=[])


@pytest.fixture(scope="module")
def llama(tokenizer: Any) -> Loaded:
    return loaded("llama", tokenizer)


def ask(count: int, tokenizer: Any, sampling: Sampling | None = None) -> list[Request]:
    """Requests of all lengths, in turns for base and tuned model."""
    random = Random(1)
    prompts = [[0, *(random.randrange(6, 300) for _ in range(random.randrange(0, 30)))] for _ in range(count)]
    stop = (tokenizer.eos_token_id,)
    return [Request(prompt, NEW + place % 3, stop, ARMS[place % 2], sampling) for place, prompt in enumerate(prompts)]


def by_generate(model: Any, tokenizer: Any, request: Request) -> list[int]:
    """The answer of transformers' generate() to one request, alone."""
    settings = greedy_settings(tokenizer, request.new_tokens)
    settings.eos_token_id = list(request.stop) or None
    if request.sampling is not None:
        settings.do_sample, settings.temperature = True, request.sampling.temperature
        settings.top_k, settings.top_p = request.sampling.top_k, request.sampling.top_p
        torch.manual_seed(request.sampling.seed)
    ids = torch.tensor([request.prompt])
    with torch.no_grad(), model.disable_adapter() if request.arm == "base" else nullcontext():
        return model.generate(input_ids=ids, generation_config=settings)[0, ids.shape[1] :].tolist()


@pytest.mark.parametrize("family", [*FAST, *SLOW])
def test_greedy_answers_are_those_of_generate(family: str, tokenizer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    model = loaded(family, tokenizer)
    decoder = opening.open_decoder(model, 3)
    said = capsys.readouterr().err
    if family in FAST:
        assert isinstance(decoder, StaticDecoder) and not said
    else:
        assert isinstance(decoder, PlainDecoder)
        assert said.startswith("transformers decodes, which is slower: ") and SLOW[family] in said
    requests = ask(6, tokenizer)  # more than rows, so that ended rows take the next
    expected = [by_generate(model.model, tokenizer, request) for request in requests]
    assert decoder.answers(requests) == expected
    assert expected[1] != by_generate(model.model, tokenizer, replace(requests[1], arm="base"))
    stopping = [replace(request, stop=(1, expected[0][3], expected[1][5])) for request in requests]
    stopped = decoder.answers(stopping)
    assert stopped == [by_generate(model.model, tokenizer, request) for request in stopping]
    assert stopped[0] == expected[0][: len(stopped[0])] and len(stopped[0]) <= 4 and len(stopped[1]) <= 6


@pytest.mark.parametrize("sampling", [Sampling(0.8, 20, 0.9, 3), Sampling(1.3, 0, 1.0, 4), Sampling(1.0, 1, 1.0, 5)])
def test_sampled_answers_are_those_of_generate_whatever_else_is_in_the_batch(
    llama: Loaded, tokenizer: Any, sampling: Sampling
) -> None:
    requests = [*ask(5, tokenizer, sampling), *ask(3, tokenizer)]
    expected = [by_generate(llama.model, tokenizer, request) for request in requests]
    for decoder in (opening.open_decoder(llama, 3), PlainDecoder(llama.model, tokenizer, 3)):
        assert decoder.answers(requests) == expected


def test_a_family_whose_logits_differ_is_left_to_transformers(
    llama: Loaded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def scaled(*arguments: Any) -> Any:
        network = opening.Network(arguments[0], arguments[1], opening.TorchOps(), together=False)
        network.scale *= 1.01
        return network

    monkeypatch.setattr(opening, "network_of", scaled)
    assert isinstance(opening.open_decoder(llama, 3), PlainDecoder)
    assert "of the largest from the model's own, at most 0.0001 expected" in capsys.readouterr().err


@pytest.mark.parametrize("fast", [True, False])
def test_requests_come_and_go_while_others_are_in_work(llama: Loaded, tokenizer: Any, fast: bool) -> None:
    decoder: Decoder = opening.open_decoder(llama, 2) if fast else PlainDecoder(llama.model, tokenizer, 2)
    requests = ask(5, tokenizer)
    expected = [by_generate(llama.model, tokenizer, request) for request in requests]
    first, second = (decoder.add(request) for request in requests[:2])
    decoder.step()
    decoder.step()
    decoder.cancel(first)
    assert first.stop == "cancelled" and 0 < len(first.tokens) < len(expected[0])
    longer = Request([0] * 100, 40, (), "base")  # the cache has to grow
    others = [decoder.add(request) for request in (*requests[2:], longer)]
    while any(one.stop is None for one in (second, *others)):
        decoder.step()
    assert [one.tokens for one in (second, *others)] == [
        *expected[1:],
        by_generate(llama.model, tokenizer, longer),
    ]
    decoder.step()  # nothing is in work
    decoder.release()
    assert decoder.answers(requests) == expected


def test_any_number_of_threads_share_a_decoder(llama: Loaded, tokenizer: Any) -> None:
    decoder = opening.open_decoder(llama, 4)
    shared, requests = SharedDecoder(decoder), ask(12, tokenizer)
    pairs = list(zip(requests[::2], requests[1::2], strict=True))

    def last(pair: tuple[Request, Request]) -> tuple[Answering, ...]:
        states = [tuple(len(one.tokens) for one in state) for state in shared.stream(*pair)]
        assert states == sorted(states)
        return list(shared.stream(*pair))[-1]

    with ThreadPoolExecutor(4) as threads:
        found = [one.tokens for state in threads.map(last, pairs) for one in state]
    assert found == [by_generate(llama.model, tokenizer, request) for request in requests]
    stream = shared.stream(*requests[:2])
    states = next(stream)
    stream.close()
    assert [one.stop for one in states] == ["cancelled", "cancelled"]
    assert not any(decoder.slots) and not decoder.waiting  # pyright: ignore[reportAttributeAccessIssue]


def test_a_request_that_exceeds_the_context_is_refused(llama: Loaded) -> None:
    decoder = opening.open_decoder(llama, 2)
    with pytest.raises(ValueError, match="200 tokens and 57 new ones: expected 1 to 256 in all"):
        decoder.add(Request([0] * 200, 57))


def test_an_error_ends_the_answers_that_it_concerns(
    llama: Loaded, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = opening.open_decoder(llama, 4)
    shared, requests = SharedDecoder(decoder), ask(4, tokenizer)
    first = shared.stream(requests[0])
    next(first)
    with monkeypatch.context() as patch:
        patch.setattr(Table, "begin", lambda *arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            list(shared.stream(requests[1]))
    assert list(first)[-1][0].tokens == by_generate(llama.model, tokenizer, requests[0])
    second, third = shared.stream(requests[2]), shared.stream(requests[3])
    for stream in (second, third):
        next(stream)
    with monkeypatch.context() as patch:
        patch.setattr(Table, "advance", lambda *arguments: 1 / 0)
        for stream in (second, third):  # each of them is told, whoever ran the step
            with pytest.raises(ZeroDivisionError):
                list(stream)
    assert decoder.answers(requests) == [by_generate(llama.model, tokenizer, request) for request in requests]
