"""NLL of the validation rows, by the same function as in the evaluation, in eval mode.

Several processes score a share of the batches each. Batches and order of summation do not depend on the number of processes, so
the NLL does not either. No random numbers are drawn.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any

import torch

from titlecraft.errors import UserError
from titlecraft.models.attention.document import DOCUMENTS
from titlecraft.models.loss.answer_nll import groups_of_pairs, plain_nll, reference_nll
from titlecraft.models.loss.guard import tolerance
from titlecraft.process import distributed
from training.data.validation_rows import SPLIT, Pair

TOKENS_AT_ONCE = 4096  # of one forward pass; a GPU of 16 GB has room for them beside a training
CHECKED_ROWS = 3  # rows whose scores are compared with those from plain logits: the first, the longest, the shortest


@contextmanager
def in_eval_mode(model: Any) -> Iterator[None]:
    """Run the body without dropout and without gradients, then restore the mode."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def length(pair: Pair) -> int:
    """Tokens of prompt and answer."""
    return len(pair[0]) + len(pair[1])


class Scorer:
    """Scores a fixed sample of rows.

    Args:
        model: a PeftModel. With document attention the rows are packed, otherwise padded.
        pairs: the rows.
        pad_token_id: of the tokenizer.
        one_at_a_time: score each row alone, for a model that padding affects.
        sharded: the base is sharded, so all processes must run the same number of forward passes.
    """

    def __init__(
        self, model: Any, pairs: Sequence[Pair], pad_token_id: int, one_at_a_time: bool = False, sharded: bool = False
    ) -> None:
        self.model, self.pairs, self.pad_token_id = model, pairs, pad_token_id
        self.one_at_a_time, self.sharded = one_at_a_time, sharded

    @property
    def tokens(self) -> int:
        """Answer tokens of all rows."""
        return sum(len(answer) for _, answer in self.pairs)

    def batches(self) -> list[list[int]]:
        """Indices of the rows of each forward pass, longest first."""
        order = sorted(range(len(self.pairs)), key=lambda index: -length(self.pairs[index]))
        if self.one_at_a_time:
            return [[index] for index in order]
        padded = self.model.config._attn_implementation != DOCUMENTS
        sizes = [len(run) for run in groups_of_pairs([self.pairs[index] for index in order], TOKENS_AT_ONCE, padded)]
        starts = [sum(sizes[:position]) for position in range(len(sizes))]
        return [order[start : start + size] for start, size in zip(starts, sizes, strict=True)]

    def score(self, accelerator: Any = None) -> float:
        """NLL in nats per answer token. Every process has to call it.

        Raises UserError if the NLL is not finite.
        """
        return self.mean_of(self.score_rows(accelerator))

    def mean_of(self, losses: torch.Tensor) -> float:
        """NLL in nats per answer token, from the summed NLL of each row. Raises UserError if it is not finite."""
        nll = float(losses.sum()) / self.tokens
        if not isfinite(nll):
            raise UserError(
                f"the trained adapter gives no finite likelihood for rows of the {SPLIT} split: set a lower "
                "--training.learning_rate or another --training.precision; nothing was published"
            )
        return round(nll, 6)

    def score_rows(self, accelerator: Any = None) -> torch.Tensor:
        """Summed NLL of each row, in nats: float64 [rows]. Every process has to call it."""
        batches, processes = self.batches(), distributed.world_size()
        losses = torch.zeros(len(self.pairs), dtype=torch.float64)
        mine = batches[distributed.rank() :: processes]
        with in_eval_mode(self.model):
            for batch in mine:
                losses[batch] = torch.tensor(self.score_batch(batch), dtype=torch.float64)
            if self.sharded and len(mine) < len(batches[::processes]):
                self.score_batch(
                    batches[0]
                )  # the others gather weights for their last batch, and wait for this process
        if accelerator is not None and processes > 1:
            losses = accelerator.reduce(losses.to(accelerator.device), "sum").cpu()
        return losses

    def score_batch(self, batch: list[int]) -> list[float]:
        """Summed NLL of each row of a batch, in nats. Scores one row at a time if the batch does not fit into memory."""
        pairs = [self.pairs[index] for index in batch]
        try:
            return reference_nll(self.model, pairs, self.pad_token_id)
        except torch.OutOfMemoryError:
            if len(pairs) == 1 or self.sharded:
                raise
        return [nll for pair in pairs for nll in reference_nll(self.model, [pair], self.pad_token_id)]

    def check_batching(self) -> None:
        """Compare batched scores with those from plain logits; score one row at a time from now on if they differ.

        Raises UserError if the score of a single row differs too.
        """
        order = [0, *self.batches()[0][:1], *self.batches()[-1][-1:]]
        batch = list(dict.fromkeys(order))[:CHECKED_ROWS]
        with in_eval_mode(self.model):
            plain = [plain_nll(self.model, *self.pairs[index]) for index in batch]
            together = self.score_batch(batch)
            if self.are_close(batch, plain, together):
                return
            alone = [self.score_batch([index])[0] for index in batch]
        if not self.are_close(batch, plain, alone):
            raise UserError(
                "validation: the base scores an answer otherwise than its own logits do: use --training.validate_every=0, and "
                "please report this base"
            )
        print("validation: this base does not score rows of a batch as it scores one row, so each row is scored alone")
        self.one_at_a_time = True

    def are_close(self, batch: list[int], expected: list[float], found: list[float]) -> bool:
        """Whether two lists of summed NLLs are equal within rounding. Two NaNs are equal; `score` raises UserError for them."""
        allowed = tolerance(self.model)
        return all(
            abs(one - other) <= allowed * len(self.pairs[index][1]) or (one != one and other != other)
            for index, one, other in zip(batch, expected, found, strict=True)
        )
