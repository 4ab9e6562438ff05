"""Compare a model before and after a merge by the NLL of held-out references."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tqdm import tqdm

from evaluation.titles.draw import SPLIT, Title, TokenLimits, draw
from titlecraft.errors import UserError
from titlecraft.models.adapter.load import Loaded
from titlecraft.models.adapter.read import Adapter
from titlecraft.models.loss.answer_nll import LOGITS_AT_ONCE, reference_nll
from titlecraft.records.export import MergeCheck
from titlecraft.rows.folder import rows_folder

# nats per token; allows for one rounding of the merged weights (measured with 1.2 M parameters: 3e-10, 1e-5 and 4e-5)
TOLERANCE = {"float32": 1e-4, "bfloat16": 5e-3, "float16": 5e-3}


@dataclass(frozen=True)
class Scores:
    """The scores of a model on held-out titles.

    Args:
        nll: NLL of each reference, in nats per token.
        base: the same with the adapter disabled; None for a model without an adapter.
        logits: logits that predict the first reference tokens, float32 [positions, vocabulary], on the CPU.
    """

    nll: list[float]
    base: list[float] | None
    logits: Any


def draw_titles(adapter: Adapter, loaded: Loaded, titles: int, seed: int) -> list[Title]:
    """Draw held-out titles as an evaluation of this adapter does. Raises UserError if there are too few."""
    dataset = rows_folder(adapter.training.dataset, adapter.training.row_settings)
    longest = min(adapter.training.base_settings.max_length, loaded.context)
    room = TokenLimits(scored=longest, context=loaded.context, new_tokens=0)
    name = f"dataset {adapter.training.dataset}"
    return draw(dataset, adapter.prompt, loaded.tokenizer, room, titles, seed, name=name).titles


def scores(model: Any, titles: Sequence[Title], pad_token_id: int, name: str) -> Scores:
    """Score each title in a batch of its own, so that padding cannot differ between two models."""
    nll, base = [], []
    for title in tqdm(titles, desc=f"NLL of the references, {name}", unit="title"):
        pair = [(title.prompt_tokens, title.reference_tokens)]
        nll.append(reference_nll(model, pair, pad_token_id)[0] / len(title.reference_tokens))
        if hasattr(model, "disable_adapter"):
            with model.disable_adapter():
                base.append(reference_nll(model, pair, pad_token_id)[0] / len(title.reference_tokens))
    return Scores(nll, base or None, first_logits(model, titles))


def first_logits(model: Any, titles: Sequence[Title]) -> Any:
    """Logits that predict the first reference tokens, in the order of the titles, float32 [positions, vocabulary], up to 128 MiB."""
    logits_of_titles: list[Any] = []
    missing = max(1, LOGITS_AT_ONCE // model.config.get_text_config().vocab_size)
    for title in titles:
        start = len(title.prompt_tokens)
        ids = torch.tensor([[*title.prompt_tokens, *title.reference_tokens]], device=model.device)
        with torch.no_grad():
            logits = model(input_ids=ids, use_cache=False).logits[0, start - 1 : -1]
        logits_of_titles.append(logits[:missing].float().cpu())
        missing -= len(logits_of_titles[-1])
        if not missing:
            break
    return torch.cat(logits_of_titles)


def compare(before: Scores, after: Scores, precision: str, seed: int) -> MergeCheck:
    """The comparison of the scores before and after the merge. Raises UserError if the NLL differs by more than the tolerance."""
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    difference = mean(after.nll) - mean(before.nll)
    check = MergeCheck(
        titles=len(before.nll),
        split=SPLIT,
        seed=seed,
        nll_base=mean(before.base),
        nll_adapter=mean(before.nll),
        nll_merged=mean(after.nll),
        difference=difference,
        tolerance=TOLERANCE[precision],
        positions=len(before.logits),
        largest_logit_difference=float((after.logits - before.logits).abs().max()),
        largest_logit=float(before.logits.abs().max()),
    )
    if not abs(difference) <= check.tolerance:  # NaN does not hold either
        raise UserError(
            f"the merged model differs from base and adapter: {difference:+.3g} nats per token on {check.titles} titles, "
            f"expected at most {check.tolerance:g} in {precision}; nothing was published. Please report the base and this machine"
        )
    return check
