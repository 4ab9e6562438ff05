"""What must hold for a before/after to mean anything. A guard that does not hold stops the run."""

from collections.abc import Sequence
from typing import Any

from evaluation.score import plain_nll, reference_nll
from evaluation.titles import Title
from titlecraft.errors import UserError
from titlecraft.records import Check
from titlecraft.title_match import folded

PROBE = tuple(range(8, 40))  # token ids that any vocabulary has
EXACT, ROUNDED = 1e-3, 3e-2  # nats per token between two ways to one score: in float32 (1e-6 is usual), in 16 bits


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


def check_scores(model: Any, title: Title, pad_token_id: int, on_gpu: bool = False) -> Check:
    """The fast score of one title is that of a plain forward pass with all logits."""
    import torch

    from evaluation.grouped_attention import attention_of

    pair = (title.prompt_tokens, title.reference_tokens)
    allowed = EXACT if model.get_output_embeddings().weight.dtype == torch.float32 else ROUNDED
    with attention_of("scoring", model, on_gpu):
        fast = reference_nll(model, [pair, pair], pad_token_id)[1]
    plain = plain_nll(model, *pair)
    apart = abs(fast - plain) / len(title.reference_tokens)
    return guard(
        "chunked scoring gives the score of a plain forward pass", f"within {allowed:g} nats per token",
        "within it" if apart <= allowed else f"{apart:.2g} apart", apart <= allowed,
        "this base does more to its logits than its output head; it is not supported yet",
    )  # fmt: skip


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
