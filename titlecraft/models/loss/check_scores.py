"""Checks that batched scoring equals the NLL from plain logits, one sequence at a time."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from math import sqrt
from typing import Any, Literal

from peft import PeftModel
from transformers import PreTrainedModel

from titlecraft.models.attention.document import DOCUMENTS
from titlecraft.models.attention.grouped import attention_of
from titlecraft.models.checks import require_check
from titlecraft.models.loss.answer_nll import plain_nll, reference_nll
from titlecraft.models.loss.guard import tolerance
from titlecraft.records import Check

Arm = Literal["base", "tuned"]
PROBE_PAIRS = ((range(8, 14), range(14, 28)), (range(8, 28), range(28, 40)))  # prompt and completion, of two lengths
ROUNDED = 3e-2  # nats per token of a completion: the most that 16-bit rounding may move a score on the whole
# bfloat16 stores a logit between 16 and 32 in steps of 0.125, a standard deviation of 0.036 nats. Each token is rounded on its
# own, so the mean over a completion moves by three of these over the root of its length.
OF_ONE_TOKEN = 0.11


def check_probe_scores(model: PreTrainedModel | PeftModel, pad_token_id: int, on_gpu: bool) -> Check:
    """Check scores of fixed sequences, one at a time, before titles are drawn."""
    name = "scores are those of the model's own logits, with the adapter and without"
    return check_own_scores(model, PROBE_PAIRS, pad_token_id, on_gpu, 1, name)


def check_own_scores(
    model: PreTrainedModel | PeftModel,
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
    pad_token_id: int,
    on_gpu: bool,
    batch_size: int,
    name: str,
    states_of: Callable[[Arm], Any] | None = None,
) -> Check:
    """Check that `reference_nll` equals the NLL from plain logits with the model's own attention, in both arms of a PeftModel."""
    allowed = [rounding(model, len(completion)) for _, completion in pairs]
    arms: list[tuple[Any, Arm]] = [(nullcontext, "tuned")]
    if hasattr(model, "disable_adapter"):
        arms.append((model.disable_adapter, "base"))
    worst, padded = (0.0, allowed[0] if allowed else ROUNDED), batch_size > 1
    batches = [pairs[start : start + batch_size] for start in range(0, len(pairs), batch_size)]
    for switched, arm in arms:
        states = states_of(arm) if states_of else None
        with switched():
            expected = [plain_nll(model, *pair) for pair in pairs]
            with attention_of("scoring", model, on_gpu):
                padded = padded and states is None and model.config._attn_implementation != DOCUMENTS
                batched = [nll for batch in batches for nll in reference_nll(model, batch, pad_token_id, states)]
        differences = [
            (abs(left - right) / len(pair[1]), limit)
            for left, right, pair, limit in zip(expected, batched, pairs, allowed, strict=True)
        ]
        worst = max([*differences, worst], key=by_excess)
    apart, limit = worst
    return require_check(
        name,
        f"within {limit:.3g} nats per token",
        "within it" if apart <= limit else f"{apart:.2g} apart",
        apart <= limit,
        fix_of_scores(padded),
    )


def rounding(model: PreTrainedModel | PeftModel, tokens: int) -> float:
    """Return the most that rounding may move the score of a completion, in nats per token."""
    own = min(tolerance(model), ROUNDED)
    return own + OF_ONE_TOKEN / sqrt(tokens) if str(model.dtype) == "torch.bfloat16" else own


def by_excess(difference: tuple[float, float]) -> tuple[bool, float]:
    """Sort key of (difference, limit): the largest excess last; NaN is the worst."""
    apart, limit = difference
    return apart != apart, apart / limit


def fix_of_scores(padded: bool) -> str:
    """Return the setting to change if scores differ."""
    if padded:
        return "this base does not score a padded batch as it scores one title: set --evaluation.batch_size=1"
    return "this base is not supported yet: train on another base.repo"
