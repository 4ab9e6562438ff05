"""What must hold for a before/after to mean anything. A guard that does not hold stops the run."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from evaluation.titles.draw import Title
from titlecraft.errors import UserError
from titlecraft.models.document_attention import DOCUMENTS
from titlecraft.models.loss.answer_nll import plain_nll, reference_nll
from titlecraft.models.loss.guard import tolerance
from titlecraft.records import Check
from titlecraft.search.title_match import folded

PROBE = tuple(range(8, 40))  # token ids that any vocabulary has
PROBE_PAIRS = ((PROBE[:6], PROBE[6:20]), (PROBE[:20], PROBE[20:]))  # prompt and completion, of two lengths
ROUNDED = 3e-2  # nats per token of a completion that 16 bits may move a score by, at most
LOOKED_AT = 3  # titles


def guard(name: str, expected: str, found: str, holds: bool, fix: str) -> Check:
    """A check that holds, as a record. Raises UserError, with the fix, where it does not."""
    if not holds:
        raise UserError(f"{name}: expected {expected}, found {found}; {fix}")
    return Check(name=name, expected=expected, found=found, holds=holds)


def probe_logits(model: Any) -> Any:
    """Logits [32, vocabulary] over a fixed sequence, to compare two states of one model."""
    import torch

    with torch.no_grad():
        return model(input_ids=torch.tensor([PROBE], device=model.device), use_cache=False).logits[0].float()


def check_adapter(model: Any, bare: Any) -> list[Check]:
    """The adapter does something, and switching it off gives back the base, whose logits alone are `bare`."""
    import torch

    on = probe_logits(model)
    with model.disable_adapter():
        off = probe_logits(model)
    finite = bool(torch.isfinite(on).all() and torch.isfinite(off).all())
    if not finite:  # a NaN is "other" than anything
        raise UserError(
            f"logits of the {'adapter' if torch.isfinite(off).all() else 'base'} are not finite (nan or infinity), so there is "
            "nothing to measure: the weights are broken, or too large for this precision"
        )
    changed, restored = not torch.equal(on, off), torch.equal(off, bare)
    return [
        guard(
            "the adapter changes the model", "other logits with it than without", "other" if changed else "equal",
            changed, "the adapter is as it was before training: train it, or evaluate another revision",
        ),
        guard(
            "switching the adapter off gives back the base", "logits equal to the bare base's, bit for bit",
            "equal" if restored else "other", restored, "the base was changed in memory: update peft",
        ),
    ]  # fmt: skip


def check_scores(
    model: Any, titles: Sequence[Title], pad_token_id: int, on_gpu: bool = False, batch_size: int = LOOKED_AT
) -> Check:
    """The fast scores of the first, the longest and the shortest title, batched as in the run, are those of plain forward passes."""
    by_length = sorted(titles, key=lambda title: len(title.prompt_tokens) + len(title.reference_tokens))
    chosen = list(dict.fromkeys([titles[0], by_length[-1], by_length[0]]))[:LOOKED_AT]
    pairs = [(title.prompt_tokens, title.reference_tokens) for title in chosen]
    name = "chunked scoring gives the score of a plain forward pass"
    return check_own_scores(model, pairs, pad_token_id, on_gpu, batch_size, name)


def check_probe_scores(model: Any, pad_token_id: int, on_gpu: bool) -> Check:
    """The same over fixed sequences, one at a time, before any title is drawn."""
    name = "scores are those of the model's own logits, with the adapter and without"
    return check_own_scores(model, PROBE_PAIRS, pad_token_id, on_gpu, 1, name)


def check_own_scores(
    model: Any, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], pad_token_id: int, on_gpu: bool,
    batch_size: int, name: str,
) -> Check:  # fmt: skip
    """What `reference_nll` finds, in both arms of a PeftModel, is the NLL of plain logits by the model's own attention."""
    from titlecraft.models.grouped_attention import attention_of

    allowed = min(tolerance(model), ROUNDED)
    arms = [nullcontext, *([model.disable_adapter] if hasattr(model, "disable_adapter") else [])]
    worst, padded = 0.0, batch_size > 1
    batches = [pairs[start : start + batch_size] for start in range(0, len(pairs), batch_size)]
    for arm in arms:
        with arm():
            own = [plain_nll(model, *pair) for pair in pairs]
            with attention_of("scoring", model, on_gpu):
                padded = padded and model.config._attn_implementation != DOCUMENTS
                ours = [nll for batch in batches for nll in reference_nll(model, batch, pad_token_id)]
        apart = [abs(one - other) / len(pair[1]) for one, other, pair in zip(own, ours, pairs, strict=True)]
        worst = max([*apart, worst], key=lambda value: (value != value, value))  # NaN is the worst
    return guard(
        name, f"within {allowed:g} nats per token", "within it" if worst <= allowed else f"{worst:.2g} apart",
        worst <= allowed, fix_of_scores(padded),
    )  # fmt: skip


def fix_of_scores(padded: bool) -> str:
    """What to set where our scores are not the model's own."""
    if padded:
        return "this base does not score a padded batch as it scores one title: set --evaluation.batch_size=1"
    return "this base is not supported yet: train on another base.repo"


def check_titles(titles: Sequence[Title], asked: dict[str, list[str]]) -> list[Check]:
    """The arms were asked the same prompts, and no prompt holds its answer. `asked`: arm -> prompts as run."""
    same = all(prompts == [title.prompt for title in titles] for prompts in asked.values())
    given_away = sum(folded(title.reference) in folded(title.prompt) for title in titles)
    return [
        guard(
            "both arms are asked the same prompts", f"{len(titles)} equal prompts", "equal" if same else "different",
            same, "the harness changed a prompt: please report it",
        ),
        guard(
            "no prompt holds its answer", "0", str(given_away), not given_away, "look at the dataset's columns",
        ),
    ]  # fmt: skip
