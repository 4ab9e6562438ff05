"""Scores generated texts under the frozen base, in their own sentence order and shuffled (measure "coherence")."""

from collections.abc import Sequence

from evaluation.measures.sentences import orders
from evaluation.model.finished_batches import FinishedBatches
from evaluation.model.in_batches import in_batches
from evaluation.progress import Progress
from titlecraft.models.adapter.load import Loaded
from titlecraft.models.attention.grouped import attention_of
from titlecraft.models.decoding.decoder import States
from titlecraft.models.loss.answer_nll import reference_nll
from titlecraft.prompt import token_ids

Item = tuple[str, list[int], list[int]]  # a text, and the token ids of its two orders


def sentence_order_nll(
    loaded: Loaded,
    texts: Sequence[str],
    seed: int,
    batch_size: int,
    progress: Progress,
    finished: FinishedBatches,
    states_of: States | None = None,
) -> dict[str, tuple[float, float]]:
    """Text -> NLL in nats of its sentences in their own order, and shuffled; after BOS, without EOS, with the adapter off.

    Texts with only one order are left out; equal texts are scored once. `states_of`: of the base, see `reference_nll`.
    """
    tokenizer = loaded.tokenizer
    start = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    orders_of = {text: pair for text in sorted(set(texts)) if (pair := orders(text, seed)) is not None}
    ids = token_ids(tokenizer, [order for pair in orders_of.values() for order in pair]) if orders_of else []
    items = [(text, ids[2 * index], ids[2 * index + 1]) for index, text in enumerate(orders_of)]

    def score(arm: str, batch: list[Item]) -> list[tuple[float, float]]:
        pairs = [([start], order) for _, own, shuffled in batch for order in (own, shuffled)]
        compute = lambda: reference_nll(loaded.model, pairs, tokenizer.pad_token_id, states_of)  # noqa: E731
        losses = finished.answers("rereading", arm, pairs, compute)
        return list(zip(losses[::2], losses[1::2], strict=True))

    fastest = attention_of("scoring", loaded.model, loaded.compiles)
    size = max(1, batch_size // 2)
    with progress.bar("rereading", len(items)) as advance, loaded.model.disable_adapter(), fastest:
        scored = in_batches({"before": items}, lambda item: len(item[1]), size, score, advance)
        return {text: pair for _, (text, _, _), pair in scored}
