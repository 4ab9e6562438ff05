"""Scoring, generating and the guards on a tiny real Llama with a LoRA adapter."""

import pytest
import torch

from evaluation.guards import check_scores, check_titles
from evaluation.measures.sentences import orders
from evaluation.model.finished_batches import FinishedBatches
from evaluation.model.sampling import seed_of
from evaluation.model.sentence_order import sentence_order_nll
from evaluation.progress import Progress
from evaluation.titles.draw import Title, TokenLimits, encode
from tests import present
from tests.tiny_world import add_adapter, make_base, row, train_tokenizer
from titlecraft.errors import UserError
from titlecraft.models.adapter.load import Loaded, check_adapter
from titlecraft.models.adapter.probe import probe_logits
from titlecraft.models.adapter.zeroed import is_base_when_zeroed, zeroed_adapter
from titlecraft.models.attention.grouped import attention_of
from titlecraft.models.base.model import LoadedBase
from titlecraft.models.batches import length_sorted, pad_left
from titlecraft.models.decoding.generate import Shape, generate
from titlecraft.models.decoding.request import Sampling
from titlecraft.models.loss.answer_nll import groups_of_pairs, plain_nll, reference_nll
from titlecraft.process.threads import steady_threads
from titlecraft.prompt import PromptFormat, token_ids
from titlecraft.settings import Generation, Prompt

ROOM = TokenLimits(scored=512, context=512, new_tokens=16)


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer()


@pytest.fixture(scope="module")
def model(tokenizer):
    model = add_adapter(make_base(len(tokenizer)))
    with steady_threads(model):  # as in a run
        yield model


@pytest.fixture(scope="module")
def titles(tokenizer) -> list[Title]:
    prompt = PromptFormat.from_settings(Prompt())
    rows = [row(n) | {"output": row(n)["output"] * (1 + n % 3)} for n in range(10)]
    return [present(encode(row, prompt, tokenizer, ROOM)) for row in rows]


def test_batched_scores_equal_a_plain_loop(model, tokenizer, titles, monkeypatch) -> None:
    monkeypatch.setattr("titlecraft.models.loss.answer_nll.LOGITS_AT_ONCE", 50 * len(tokenizer))  # many chunks
    pairs = [(title.prompt_tokens, title.reference_tokens) for title in titles]
    assert len({len(completion) for _, completion in pairs}) > 1
    batched = reference_nll(model, pairs, tokenizer.pad_token_id)
    plain = [plain_nll(model, *pair) for pair in pairs]
    assert batched == pytest.approx(plain, rel=1e-5)


def test_a_zeroed_adapter_gives_the_base_and_is_restored(model, tokenizer, titles) -> None:
    prompts = [title.prompt_tokens for title in titles]
    on = probe_logits(model)
    with model.disable_adapter():
        bare, answers = probe_logits(model), generate(model, tokenizer, prompts, new_tokens=16)
    assert is_base_when_zeroed(model, bare) and not is_base_when_zeroed(model, on)
    with zeroed_adapter(model):
        assert generate(model, tokenizer, prompts, new_tokens=16) == answers
    assert torch.equal(probe_logits(model), on) and not torch.equal(on, bare)


def test_a_batch_with_too_many_tokens_is_split() -> None:
    pairs = [([0] * length, [1]) for length in (5, 5, 2, 1, 1, 8)]
    lengths = lambda most, padded: [[len(one[0]) for one in run] for run in groups_of_pairs(pairs, most, padded)]  # noqa: E731
    assert lengths(None, padded=True) == [[5, 5, 2, 1, 1, 8]]
    assert lengths(12, padded=True) == [[5, 5], [2, 1, 1], [8]]
    assert lengths(15, padded=False) == [[5, 5, 2], [1, 1, 8]]
    assert lengths(3, padded=True) == lengths(3, padded=False) == [[5], [5], [2], [1], [1], [8]]


def test_split_batches_give_the_same_scores(model, tokenizer, titles, monkeypatch) -> None:
    pairs = [(title.prompt_tokens, title.reference_tokens) for title in titles]
    full = reference_nll(model, pairs, tokenizer.pad_token_id)
    monkeypatch.setattr("titlecraft.models.loss.answer_nll.tokens_at_once", lambda model: 600)
    assert reference_nll(model, pairs, tokenizer.pad_token_id) == pytest.approx(full, rel=1e-5)


def test_batched_answers_equal_single_answers(model, tokenizer, titles) -> None:
    prompts = [title.prompt_tokens for title in titles]
    batched = generate(model, tokenizer, prompts, new_tokens=16)
    for prompt, answer in zip(prompts, batched, strict=True):
        alone = model.generate(
            input_ids=torch.tensor([prompt]),
            max_new_tokens=16,
            do_sample=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )[0, len(prompt) :].tolist()
        assert answer == alone


def test_a_batch_of_one_shape_with_a_static_cache_gives_the_same_answers(model, tokenizer, titles) -> None:
    prompts = [title.prompt_tokens for title in titles[:3]]
    shape = Shape.of(5, prompts)
    assert shape == Shape(5, 64) if max(map(len, prompts)) <= 64 else shape.columns % 64 == 0
    assert generate(model, tokenizer, prompts, 16, shape) == generate(model, tokenizer, prompts, 16)


def test_sentence_orders_are_scored_under_the_base(model, tokenizer, tmp_path) -> None:
    texts = ["A red lamp. It is old. Buy it.", "One sentence.", "A tent! A clock?", "A tent! A clock?", ""]
    loaded = Loaded(model, tokenizer, base=LoadedBase(model, tokenizer, "none", None, "float32"), checks=[])
    result = sentence_order_nll(
        loaded, texts, seed=7, batch_size=3, progress=Progress(), finished=FinishedBatches(tmp_path, {})
    )
    second = FinishedBatches(tmp_path, {})
    assert sentence_order_nll(loaded, texts, seed=7, batch_size=3, progress=Progress(), finished=second) == result
    assert (second.found, second.computed) == ({"rereading": 2}, {})
    assert list(result) == ["A red lamp. It is old. Buy it.", "A tent! A clock?"]
    with model.disable_adapter():
        for text, scores in result.items():
            expected = [
                plain_nll(model, [0], token_ids(tokenizer, [order])[0]) for order in present(orders(text, seed=7))
            ]
            assert list(scores) == pytest.approx(expected, rel=1e-5) and scores[0] != scores[1]


@pytest.mark.parametrize("doing", ["scoring", "generating"])
def test_the_attention_for_gpus_gives_the_same(doing: str, model, tokenizer, titles, monkeypatch) -> None:
    monkeypatch.setattr("titlecraft.models.loss.answer_nll.TOKENS_AT_ONCE", 150)  # several rows
    prompts = [title.prompt_tokens for title in titles]
    pairs = [(title.prompt_tokens, title.reference_tokens) for title in titles]
    shape = Shape.of(len(prompts), prompts)
    run = {
        "scoring": lambda: reference_nll(model, pairs, tokenizer.pad_token_id),
        "generating": lambda: generate(model, tokenizer, prompts, 16, shape),
    }[doing]
    plain = run()
    with attention_of(doing, model, on_gpu=True):
        assert model.config._attn_implementation.startswith("titlecraft_")
        fast = run()
    assert model.config._attn_implementation == "sdpa"
    assert fast == (pytest.approx(plain, rel=1e-5) if doing == "scoring" else plain)


def test_sampled_answers_depend_on_their_seed_only(model, tokenizer, titles) -> None:
    prompts = [title.prompt_tokens for title in titles[:3]]

    def sample(seed: int, take: int, **how) -> list[list[int]]:
        drawn = [Sampling.of(Generation(**how), seed_of(seed, take, title.title)) for title in titles[:3]]
        return generate(model, tokenizer, prompts, 12, sampling=drawn)

    before = torch.get_rng_state()
    first = sample(7, 0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert sample(7, 0) == first
    assert sample(7, 1) != first and sample(8, 0) != first
    assert sample(7, 0, top_k=1) == generate(model, tokenizer, prompts, 12) != first
    alone = Sampling.of(Generation(), seed_of(7, 0, titles[1].title))
    assert generate(model, tokenizer, prompts[1:2], 12, sampling=[alone]) == first[1:2]


def test_an_answer_ends_at_the_first_eos(model, titles) -> None:
    tokenizer = train_tokenizer()
    prompts = [title.prompt_tokens for title in titles[:4]]
    first = generate(model, tokenizer, prompts, new_tokens=6)
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(first[0][2])
    stopped = generate(model, tokenizer, prompts, new_tokens=6)
    assert stopped[0] == first[0][: first[0].index(first[0][2]) + 1]


def test_the_bases_generation_settings_are_ignored(model, tokenizer, titles) -> None:
    prompts = [titles[0].prompt_tokens]
    plain = generate(model, tokenizer, prompts, new_tokens=8)
    shipped = model.get_base_model().generation_config
    shipped.repetition_penalty, shipped.no_repeat_ngram_size, shipped.suppress_tokens = 5.0, 1, [plain[0][0]]
    try:
        assert generate(model, tokenizer, prompts, new_tokens=8) == plain
        assert model.get_base_model().generation_config is shipped
    finally:
        shipped.repetition_penalty = shipped.no_repeat_ngram_size = shipped.suppress_tokens = None


def test_padding_is_on_the_left_without_positions() -> None:
    padded = pad_left([[5, 6, 7], [8]], 2, "cpu")
    assert padded.input_ids.tolist() == [[5, 6, 7], [2, 2, 8]]
    assert padded.attention_mask.tolist() == [[1, 1, 1], [0, 0, 1]]
    assert padded.position_ids.tolist() == [[0, 1, 2], [0, 0, 0]]
    assert list(length_sorted(["a", "ccc", "bb", "dd"], len, 3)) == [["ccc", "bb", "dd"], ["a"]]


def test_an_adapter_that_changes_nothing_stops_the_run(tokenizer) -> None:
    base = make_base(len(tokenizer))
    bare = probe_logits(base)
    with pytest.raises(UserError, match=r"the adapter changes the model: .* found equal; .*train it"):
        check_adapter(add_adapter(base, scale=0.0), bare)


def test_a_base_that_is_not_restored_stops_the_run(tokenizer) -> None:
    base = make_base(len(tokenizer))
    bare = probe_logits(base)
    model = add_adapter(base)
    assert [check.holds for check in check_adapter(model, bare)] == [True, True]
    with torch.no_grad():
        base.model.norm.weight += 1e-3  # as a merge, or "before" measured on a changed base, would do
    with pytest.raises(UserError, match="switching the adapter off gives back the base"):
        check_adapter(model, bare)


def test_a_model_that_scales_its_logits_stops_the_run(model, tokenizer, titles, monkeypatch) -> None:
    assert check_scores(model, titles, tokenizer.pad_token_id).holds
    honest = model.get_base_model().forward

    def capped(*args, **kwargs):
        out = honest(*args, **kwargs)
        out.logits = torch.tanh(out.logits)
        return out

    monkeypatch.setattr(model.get_base_model(), "forward", capped)
    with pytest.raises(UserError, match=r"chunked scoring .* apart"):
        check_scores(model, titles, tokenizer.pad_token_id)


def test_prompts_must_be_equal_in_both_arms_and_without_the_answer(titles) -> None:
    prompts = [title.prompt for title in titles]
    assert all(check.holds for check in check_titles(titles, {"before": prompts, "after": prompts}))
    with pytest.raises(UserError, match="both arms are asked the same prompts"):
        check_titles(titles, {"before": prompts, "after": [*prompts[:-1], prompts[-1] + " "]})
