"""Checks that batched scoring equals the NLL from plain logits, one sequence at a time."""

from collections.abc import Sequence
from contextlib import nullcontext

from peft import PeftModel
from transformers import PreTrainedModel

from titlecraft.models.attention.document import DOCUMENTS
from titlecraft.models.attention.grouped import attention_of
from titlecraft.models.checks import require_check
from titlecraft.models.loss.answer_nll import plain_nll, reference_nll
from titlecraft.models.loss.guard import tolerance
from titlecraft.records import Check

PROBE_PAIRS = ((range(8, 14), range(14, 28)), (range(8, 28), range(28, 40)))  # prompt and completion, of two lengths
ROUNDED = 3e-2  # nats per token of a completion: the most that 16-bit rounding may move a score


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
) -> Check:
    """Check that `reference_nll` equals the NLL from plain logits with the model's own attention, in both arms of a PeftModel."""
    allowed = min(tolerance(model), ROUNDED)
    arms = [nullcontext, *([model.disable_adapter] if hasattr(model, "disable_adapter") else [])]
    worst, padded = 0.0, batch_size > 1
    batches = [pairs[start : start + batch_size] for start in range(0, len(pairs), batch_size)]
    for arm in arms:
        with arm():
            expected = [plain_nll(model, *pair) for pair in pairs]
            with attention_of("scoring", model, on_gpu):
                padded = padded and model.config._attn_implementation != DOCUMENTS
                batched = [nll for batch in batches for nll in reference_nll(model, batch, pad_token_id)]
        differences = [
            abs(left - right) / len(pair[1]) for left, right, pair in zip(expected, batched, pairs, strict=True)
        ]
        worst = max([*differences, worst], key=lambda value: (value != value, value))  # NaN is the worst
    return require_check(
        name,
        f"within {allowed:g} nats per token",
        "within it" if worst <= allowed else f"{worst:.2g} apart",
        worst <= allowed,
        fix_of_scores(padded),
    )


def fix_of_scores(padded: bool) -> str:
    """Return the setting to change if scores differ."""
    if padded:
        return "this base does not score a padded batch as it scores one title: set --evaluation.batch_size=1"
    return "this base is not supported yet: train on another base.repo"
