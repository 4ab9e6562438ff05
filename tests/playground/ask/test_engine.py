"""Answers of base and tuned model: equal to those of transformers' generate(), also with concurrent requests."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import msgspec
import pytest
import torch

from evaluation import inputs
from playground.ask import engine as engine_module
from playground.ask.answer import Answer
from playground.ask.decoding import Decoding
from playground.ask.engine import Engine
from tests.model_card.literal_records import dataset_record
from titlecraft.errors import UserError
from titlecraft.models.decoding.generate import greedy_settings
from titlecraft.models.loss.answer_nll import plain_nll
from titlecraft.prompt import encode_completion, encode_prompt
from titlecraft.settings import Generation

PROMPT = "Describe the red lamp."
SHORT = Generation(max_new_tokens=12)


def last(engine: Engine, prompt: str, decoding: Decoding) -> tuple[Answer, ...]:
    return list(engine.answer(prompt, decoding))[-1]


def by_generate(engine: Engine, arm: str, decoding: Decoding) -> str:
    """The answer of one arm by transformers' generate(), alone."""
    model, tokenizer, settings = engine.loaded.model, engine.loaded.tokenizer, decoding.settings
    config = greedy_settings(tokenizer, settings.max_new_tokens)
    if not decoding.greedy:
        config.do_sample, config.temperature = True, settings.temperature
        config.top_k, config.top_p = settings.top_k, settings.top_p
    torch.manual_seed(decoding.seed)
    ids = torch.tensor([encode_prompt(tokenizer, PROMPT)])
    with torch.no_grad(), model.disable_adapter() if arm == "base" else nullcontext():
        tokens = model.generate(input_ids=ids, generation_config=config)[0, ids.shape[1] :]
    return tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)


@pytest.mark.parametrize("decoding", [Decoding(SHORT, greedy=True), Decoding(SHORT, seed=3), Decoding(SHORT, seed=4)])
def test_tokens_equal_those_of_generate(engine: Engine, decoding: Decoding) -> None:
    base, tuned = last(engine, PROMPT, decoding)
    assert (base.arm, tuned.arm) == ("base", "tuned")
    assert base.text == by_generate(engine, "base", decoding)
    assert tuned.text == by_generate(engine, "tuned", decoding)
    assert base.text != tuned.text


def test_the_arms_generate_in_turns(engine: Engine) -> None:
    states = list(engine.answer(PROMPT, Decoding(Generation(max_new_tokens=5), seed=1)))
    assert [[answer.tokens for answer in state] for state in states] == [[n, n] for n in range(1, 6)]
    assert [answer.stop for answer in states[-2]] == [None, None]
    assert [answer.stop for answer in states[-1]] == ["length", "length"]


def test_stop_reasons(engine: Engine) -> None:
    assert "eos" in {
        last(engine, f"Lamp {n}", Decoding(Generation(max_new_tokens=60), seed=n))[0].stop for n in range(4)
    }
    room = 512 - len(engine.prompt_tokens("x" * 505))
    full = last(engine, "x" * 505, Decoding(Generation(max_new_tokens=100), seed=0))
    assert ("context", room) in {(answer.stop, answer.tokens) for answer in full} and 0 < room < 10
    with pytest.raises(UserError, match=r"the prompt has \d+ tokens, and the model's context is 512 tokens"):
        last(engine, "x" * 600, Decoding(SHORT))


def test_concurrent_requests_get_their_own_answers(engine: Engine) -> None:
    requests = [(f"Describe lamp {n}.", Decoding(SHORT, seed=n)) for n in range(4)]
    alone = [[answer.text for answer in last(engine, *request)] for request in requests]
    assert len({text for texts in alone for text in texts}) == 8
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda request: [answer.text for answer in last(engine, *request)], requests))
    assert together == alone


def test_nll_of_the_reference(engine: Engine) -> None:
    tokenizer, model = engine.loaded.tokenizer, engine.loaded.model
    prompt, completion = encode_prompt(tokenizer, PROMPT), encode_completion(tokenizer, "A lamp of red glass.")
    nll = engine.nll(PROMPT, "A lamp of red glass.")
    assert nll["tuned"] == pytest.approx(plain_nll(model, prompt, completion) / len(completion), abs=1e-5)
    with model.disable_adapter():
        assert nll["base"] == pytest.approx(plain_nll(model, prompt, completion) / len(completion), abs=1e-5)
    assert engine.nll("x" * 600, "A lamp.") == {}  # longer than the context


def test_special_tokens_in_a_text_are_text(engine: Engine) -> None:
    tokens = engine.prompt_tokens("</s> and <pad>")
    assert tokens[0] == 0 and not {0, 1, 2} & set(tokens[1:])


def test_a_dataset_without_a_test_split_can_be_asked_about(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only an evaluation needs a test split."""
    dataset = dataset_record()
    without = msgspec.structs.replace(dataset, splits={"train": dataset.splits["train"]}).to_json()
    monkeypatch.setattr(inputs, "read_file", lambda pinned, path: without)
    monkeypatch.setattr(inputs, "read_adapter", lambda adapter: engine.inputs)
    monkeypatch.setattr(engine_module, "read_adapter", lambda adapter, stated: engine.inputs)
    monkeypatch.setattr(engine_module, "load", lambda inputs: engine.loaded)
    assert Engine.open("ns/adapter").inputs is engine.inputs
