"""The lighteval model of this experiment: one PeftModel, asked with the adapter off ("before") and on ("after").

Batches alternate between the arms, and which arm goes first alternates too, so that drift (heat, memory, other load)
favours neither. Both arms of a batch get the very same token ids.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from lighteval.models.abstract_model import LightevalModel, ModelConfig
from lighteval.models.model_output import ModelResponse
from lighteval.tasks.requests import Doc

from evaluation.batches import length_sorted
from evaluation.generate import Shape, generate
from evaluation.load import Loaded
from evaluation.progress import Progress
from evaluation.score import reference_nll
from evaluation.tasks import AFTER, ARMS, arm_of
from evaluation.titles import Title
from titlecraft.errors import UserError


@contextmanager
def memory_of(batch_size: int) -> Iterator[None]:
    """Say in one line that a GPU's memory is full, and what to set."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"the GPU's memory is full: a batch of {batch_size} titles does not fit beside the model; set "
            f"--evaluation.batch_size={max(1, batch_size // 4)} (it is part of the experiment, and of the record)"
        ) from error


class NoCache:
    """Stands where lighteval expects its prediction cache, which is keyed on names and would serve an older adapter."""

    def _init_registry(self, registry: Any) -> None:
        """Nothing to prepare: nothing is kept."""


class TwoArms(LightevalModel):
    """Both arms over one loaded model.

    Args:
        loaded: model, tokenizer and context.
        titles: what may be asked, with its token ids.
        batch_size: prompts of one forward pass.
        progress: told of every title that is done in one arm.
    """

    def __init__(self, loaded: Loaded, titles: Sequence[Title], batch_size: int, progress: Progress) -> None:
        self.loaded = loaded
        self.titles = {title.title: title for title in titles}
        self.batch_size = batch_size
        self.progress = progress
        self.config = ModelConfig(model_name="titlecraft")
        self._cache = NoCache()

    @property
    def tokenizer(self) -> Any:
        """The base's tokenizer."""
        return self.loaded.tokenizer

    @property
    def add_special_tokens(self) -> bool:
        """False: titlecraft.prompt puts BOS and EOS where they belong."""
        return False

    @property
    def max_length(self) -> int:
        """Most tokens that the model has positions for."""
        return self.loaded.context

    def arm(self, name: str) -> AbstractContextManager[Any]:
        """The model as that arm has it, for as long as the context lasts."""
        return nullcontext() if name == AFTER else self.loaded.model.disable_adapter()

    def loglikelihood(self, docs: list[Doc]) -> list[ModelResponse]:
        """NLL of each document's reference, as logprobs = [−nll] and output_tokens = [what was scored]."""

        def score(batch: list[Title]) -> list[ModelResponse]:
            pairs = [(title.prompt_tokens, title.reference_tokens) for title in batch]
            losses = reference_nll(self.loaded.model, pairs, self.tokenizer.pad_token_id)
            return [
                ModelResponse(
                    input=title.prompt, input_tokens=list(title.prompt_tokens), logprobs=[-nll],
                    output_tokens=[list(title.reference_tokens)],
                )
                for title, nll in zip(batch, losses, strict=True)
            ]  # fmt: skip

        length = lambda title: len(title.prompt_tokens) + len(title.reference_tokens)  # noqa: E731
        return self.by_turns("scoring", docs, length, score)

    def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
        """The greedy answer to each document's prompt; the task's generation_size bounds it."""
        new_tokens = docs[0].generation_size
        prompts = [title.prompt_tokens for title in self.titles.values()]
        shape = Shape.of(self.batch_size, prompts) if self.loaded.compiles else None

        def write(batch: list[Title]) -> list[ModelResponse]:
            prompts = [title.prompt_tokens for title in batch]
            answers = generate(self.loaded.model, self.tokenizer, prompts, new_tokens, shape)
            return [
                ModelResponse(
                    input=title.prompt, input_tokens=list(title.prompt_tokens), output_tokens=[tokens],
                    text=[self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)],
                )
                for title, tokens in zip(batch, answers, strict=True)
            ]  # fmt: skip

        return self.by_turns("generating", docs, lambda title: len(title.prompt_tokens), write)

    def loglikelihood_rolling(self, docs: list[Doc]) -> list[ModelResponse]:
        """Perplexity of prompts: no measure asks for it."""
        raise NotImplementedError("no measure of Titlecraft reads the likelihood of a prompt")

    def by_turns(
        self,
        doing: str,
        docs: list[Doc],
        length: Callable[[Title], int],
        run: Callable[[list[Title]], list[ModelResponse]],
    ) -> list[ModelResponse]:
        """Run every batch in both arms, taking turns at going first; responses in the order of `docs`.

        Raises UserError where a prompt that lighteval hands over is not, to the letter, the one that was drawn.
        """
        for doc in docs:
            if doc.query != self.titles[doc.specific["title"]].prompt:
                raise UserError(
                    f"the prompt of {doc.specific['title']!r} is not the same in the sample and in lighteval"
                )
        asked = {doc.specific["title"] for doc in docs}
        responses: dict[tuple[str, str], ModelResponse] = {}
        batches = length_sorted(
            [title for name, title in self.titles.items() if name in asked], length, self.batch_size
        )
        with self.progress.bar(doing, len(docs)) as advance:
            for number, batch in enumerate(batches):
                for arm in ARMS if number % 2 == 0 else reversed(ARMS):
                    with self.arm(arm), memory_of(self.batch_size):
                        answers = run(batch)
                    responses.update({(arm, title.title): one for title, one in zip(batch, answers, strict=True)})
                    advance(len(batch))
        return [responses[arm_of(doc.task_name), doc.specific["title"]] for doc in docs]
