"""Base class of our lighteval models: one PeftModel with its adapter off ("before") and on ("after")."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from lighteval.models.abstract_model import LightevalModel, ModelConfig

from evaluation.lighteval_harness.tasks import BEFORE
from evaluation.model.finished_batches import FinishedBatches
from evaluation.model.in_batches import memory_error_names_batch_size
from evaluation.progress import Progress
from titlecraft.models.adapter.load import Loaded
from titlecraft.models.loss.answer_nll import reference_nll


class NoCache:
    """Replaces lighteval's prediction cache, which is keyed on names and could return answers of an older adapter."""

    def _init_registry(self, registry: Any) -> None:
        """No-op: nothing is cached."""


class SwitchedModel(LightevalModel):
    """A lighteval model with two arms over one loaded model.

    Args:
        loaded: model, tokenizer and context.
        batch_size: prompts per forward pass.
        progress: counts each finished item of each arm.
        finished: computes each batch or reads it from an interrupted run.
    """

    def __init__(self, loaded: Loaded, batch_size: int, progress: Progress, finished: FinishedBatches) -> None:
        self.loaded = loaded
        self.batch_size = batch_size
        self.progress = progress
        self.finished = finished
        self.config = ModelConfig(model_name="titlecraft")
        self._cache = NoCache()

    @property
    def tokenizer(self) -> Any:
        """The base's tokenizer."""
        return self.loaded.tokenizer

    @property
    def add_special_tokens(self) -> bool:
        """False, because titlecraft.prompt adds BOS and EOS."""
        return False

    @property
    def max_length(self) -> int:
        """Largest number of tokens that the model has positions for."""
        return self.loaded.context

    @contextmanager
    def arm(self, name: str) -> Iterator[None]:
        """Switch the model to an arm for the block. Raises UserError if the GPU's memory is full."""
        with (
            memory_error_names_batch_size(self.batch_size),
            self.loaded.model.disable_adapter() if name == BEFORE else nullcontext(),
        ):
            yield

    def nll(self, activity: str, arm: str, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
        """`reference_nll` of one batch under the current arm."""
        pad, states = self.tokenizer.pad_token_id, self.states_of(arm)
        return self.finished.answers(activity, arm, pairs, lambda: reference_nll(self.loaded.model, pairs, pad, states))

    def states_of(self, arm: str) -> Any:
        """What computes hidden states of an arm in place of the model (see `reference_nll`); None: the model itself."""
        return None

    def loglikelihood_rolling(self, docs: Any) -> Any:
        """Raise NotImplementedError: no measure needs the perplexity of prompts."""
        raise NotImplementedError("no measure of Titlecraft reads the likelihood of a prompt")
