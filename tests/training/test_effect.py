"""An adapter that is broken is not published; one that changes nothing or ruins its base is measured, and said."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from tests.training.test_trainer import SETTINGS, adapter_on_base, examples
from titlecraft.errors import UserError
from titlecraft.models.adapter.probe import probe_logits
from titlecraft.prompt import PromptFormat
from titlecraft.records import Effect, Pin
from titlecraft.settings import Prompt
from training.checks import CHANGES, check_adapter
from training.data.validation_rows import MOST_WITHOUT, draw_rows, encode_held_out
from training.effect import measure_effect, print_effect
from training.publishing.publish import publish_trained, require_trained
from training.trainer import make_trainer, run_all_steps
from training.validation.score import Scorer

DATA = Pin(type="dataset", repo="ns/data", revision="d" * 40)
TOKENS = list(range(5, 25))
PAIRS = [(list(range(5, 5 + n)), list(range(30, 32 + n))) for n in (3, 7, 11)]


@pytest.fixture(scope="module")
def model() -> Any:
    """A tiny base with a fresh adapter."""
    return adapter_on_base()[0].eval()


def weights(model: Any, name: str, value: float) -> None:
    """Give all adapter weights of a kind one value."""
    for found, parameter in model.named_parameters():
        if name in found:
            parameter.data.fill_(value)


def base_logits(model: Any) -> torch.Tensor:
    with model.disable_adapter():
        return probe_logits(model, TOKENS)


def test_an_adapter_is_told_from_one_that_changes_nothing(model: Any) -> None:
    weights(model, "lora_B", 0.0)
    restored = "without the adapter the logits are the base's, bit for bit"
    assert [one.name for one in check_adapter(model, TOKENS, base_logits(model))] == [restored]
    weights(model, "lora_B", 1e-20)  # it was trained, and too little for float32
    assert [one.name for one in check_adapter(model, TOKENS, base_logits(model))] == [restored]
    weights(model, "lora_B", 0.1)
    assert [one.name for one in check_adapter(model, TOKENS, base_logits(model))] == [CHANGES, restored]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])
def test_logits_that_are_not_finite_are_no_change(model: Any, value: float) -> None:
    """The last one is finite as a weight, and overflows in the forward pass."""
    weights(model, "lora_B", 0.0)
    bare = base_logits(model)
    weights(model, "lora_B", value)
    with pytest.raises(
        UserError, match=r"^the trained adapter gives logits that are not finite .*; nothing was published$"
    ):
        check_adapter(model, TOKENS, bare)


def test_the_effect_is_the_mean_over_answer_tokens_with_the_adapter_and_without(model: Any) -> None:
    weights(model, "lora_B", 0.1)
    state = torch.get_rng_state()
    effect = measure_effect(Scorer(model, PAIRS, 2), True)
    assert torch.get_rng_state().equal(state)
    ids = [torch.tensor([[*prompt, *answer]]) for prompt, answer in PAIRS]
    labels = [torch.tensor([[-100] * len(prompt) + answer]) for prompt, answer in PAIRS]
    tokens = [len(answer) for _, answer in PAIRS]

    def mean() -> float:
        both = zip(ids, labels, tokens, strict=True)
        return sum(float(model(input_ids=asked, labels=label).loss) * n for asked, label, n in both) / sum(tokens)

    with torch.no_grad(), model.disable_adapter():
        before = mean()
    with torch.no_grad():
        after = mean()
    assert (effect.nll_base, effect.nll_adapter) == (pytest.approx(before, abs=1e-3), pytest.approx(after, abs=1e-3))
    assert before != pytest.approx(after, abs=0.05)
    assert (effect.rows, effect.tokens, effect.split) == (3, sum(tokens), "validation")


def test_an_adapter_that_ruins_its_base_is_said(model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    effect = Effect(changes_logits=True, split="validation", rows=3, tokens=27, nll_base=0.7, nll_adapter=7.1)
    assert effect.ruins() and not msgspec.structs.replace(effect, nll_adapter=6.9).ruins()
    print_effect(effect)
    assert "IT MAKES THE MODEL WORSE, and its card says so" in capsys.readouterr().out
    weights(model, "lora_B", 0.0)
    silent = measure_effect(Scorer(model, PAIRS, 2), False)
    assert silent.nll_base == silent.nll_adapter and not silent.ruins()
    print_effect(silent)
    assert "THE ADAPTER DOES NOT CHANGE WHAT THE BASE SAYS" in capsys.readouterr().out


def test_an_effect_that_is_no_number_is_refused(model: Any) -> None:
    weights(model, "lora_B", float("nan"))
    with pytest.raises(
        UserError, match=r"^the trained adapter gives no finite likelihood for rows of the validation split"
    ):
        measure_effect(Scorer(model, PAIRS, 2), True)


def test_without_rows_or_memory_it_is_not_measured(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert measure_effect(Scorer(model, [], 2), True).nll_base is None

    def full(*_: Any) -> float:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr("training.validation.score.reference_nll", full)
    assert measure_effect(Scorer(model, PAIRS, 2), True) == measure_effect(Scorer(model, [], 2), True)


@pytest.mark.parametrize("rows", [0, 5, 500])
def test_rows_are_drawn_by_the_seed_from_all_files(rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    monkeypatch.setattr("training.data.validation_rows.download", lambda *_: tmp_path)
    (tmp_path / "data").mkdir()
    row = lambda n: {"uid": str(n), "instruction": "i", "input": f"q{n}", "output": f"a{n}"}  # noqa: E731
    halves = [range(rows // 2), range(rows // 2, rows)] if rows else []
    for place, half in enumerate(halves):
        table = pa.Table.from_pylist([row(n) for n in half])
        pq.write_table(table, tmp_path / "data" / f"validation-{place:05}-of-00002.parquet")
    pq.write_table(pa.Table.from_pylist([row(9999)]), tmp_path / "data" / "train-00000-of-00001.parquet")
    drawn = draw_rows(DATA, 7, MOST_WITHOUT)
    numbers = [int(one["output"][1:]) for one in drawn]
    assert len(numbers) == min(rows, MOST_WITHOUT) == len(set(numbers)) and 9999 not in numbers
    assert drawn == draw_rows(DATA, 7, MOST_WITHOUT) and (rows < 500 or drawn != draw_rows(DATA, 8, MOST_WITHOUT))
    assert draw_rows(DATA, 7, 3) == drawn[:3] and all(one["input"] == f"q{one['output'][1:]}" for one in drawn)
    assert rows < 500 or max(numbers) > rows // 2 > min(numbers)


def test_rows_are_encoded_as_for_training_and_cut_at_the_same_length() -> None:
    _, tokenizer = adapter_on_base()
    prompt = PromptFormat.from_settings(Prompt())
    rows = [{"instruction": "i", "input": "x" * n, "output": "a lamp of " * 9} for n in (1, 400)]
    [(asked, answer)] = encode_held_out(rows, tokenizer, prompt, 90, "truncate")
    assert len(asked) + len(answer) == 90 and answer[-1] != tokenizer.eos_token_id
    assert encode_held_out(rows[:1], tokenizer, prompt, 500, "truncate")[0][1][-1] == tokenizer.eos_token_id


def saved(model: Any, folder: Path) -> Path:
    """The adapter's file, as training writes it."""
    model.save_pretrained(folder)
    return folder / "adapter_model.safetensors"


def test_saved_tensors_are_looked_at_before_they_are_published(model: Any, tmp_path: Path) -> None:
    weights(model, "lora_B", 0.1)
    require_trained(file := saved(model, tmp_path))
    weights(model, "lora_B", 0.0)
    with pytest.raises(
        UserError, match=r"as it was before the first step, every lora_B is zero: no step changed a weight"
    ):
        require_trained(saved(model, tmp_path))
    parameter = next(one for name, one in model.named_parameters() if "lora_A" in name)
    was, parameter.data = parameter.data, parameter.data.clone().index_fill_(0, torch.tensor([1]), float("nan"))
    weights(model, "lora_B", 0.1)
    said = r"^nothing was published: adapter_model\.safetensors holds numbers that are not finite .*; train again with --fresh and a lower"
    with pytest.raises(UserError, match=said):
        require_trained(saved(model, tmp_path))
    record: Any = None  # what follows the check reads it
    with pytest.raises(UserError, match=said):  # --push-only and --resume come through here, and so does every training
        publish_trained(
            tmp_path, "ns/name", None, record, private=True, write_card=lambda *_: pytest.fail("a card was written")
        )
    parameter.data = was
    file.unlink()


def test_a_run_that_changes_no_weight_is_not_published(tmp_path: Path) -> None:
    model, tokenizer = adapter_on_base()
    settings = replace(SETTINGS, max_steps=1, warmup_steps=3)  # the command line refuses these two together
    run_all_steps(make_trainer(model, tokenizer, examples(), settings, "float32", tmp_path / "unfinished"))
    with pytest.raises(UserError, match="no step changed a weight"):
        require_trained(saved(model, tmp_path))
