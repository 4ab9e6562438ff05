"""The lighteval model of this experiment: one PeftModel with the adapter off ("before") and on ("after").

Batches alternate between the arms (evaluation.model.in_batches). Both arms of a batch get the same token ids.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import nan

from lighteval.models.model_output import ModelResponse
from lighteval.tasks.requests import Doc

from evaluation.lighteval_harness.switched_model import SwitchedModel
from evaluation.lighteval_harness.tasks import ARMS, GROUNDED, arm_of, facts, is_sampled
from evaluation.lookup.sources import Lookup
from evaluation.model.finished_batches import FinishedBatches
from evaluation.model.in_batches import in_batches, memory_error_names_batch_size
from evaluation.model.sampling import random_numbers
from evaluation.model.sentence_order import sentence_order_nll
from evaluation.progress import Progress
from evaluation.titles.draw import Title
from titlecraft.errors import UserError
from titlecraft.models.adapter.load import Loaded
from titlecraft.models.attention.grouped import attention_of
from titlecraft.models.decoding.generate import Shape, generate
from titlecraft.settings import Generation, Recipe


class TwoArms(SwitchedModel):
    """Both arms over one loaded model.

    Args:
        loaded: model, tokenizer and context.
        titles: the sample, with token ids.
        lookup: gets all answers at once, because it reads the training split once.
        recipe: its `evaluation` and `generation` are the settings.
        progress: counts every title that is done in one arm.
        finished: computes each batch or reads it from an interrupted run.
        grounded: the same titles with sources in their prompts, for the adapter-on arm "grounded"; may be empty.
    """

    def __init__(
        self,
        loaded: Loaded,
        titles: Sequence[Title],
        lookup: Lookup,
        recipe: Recipe,
        progress: Progress,
        finished: FinishedBatches,
        grounded: Sequence[Title] = (),
    ) -> None:
        super().__init__(loaded, recipe.evaluation.batch_size, progress, finished)
        self.titles = {title.title: title for title in titles}
        self.grounded = {title.title: title for title in grounded}
        self.lookup = lookup
        self.recipe = recipe
        self.settings = recipe.evaluation

    def loglikelihood(self, docs: list[Doc]) -> list[ModelResponse]:
        """NLL of each document's reference in its arm, as logprobs = [−nll] and output_tokens = [what was scored].

        unconditioned_logprobs has the same given the prompt of another title, the document's unconditioned_query.
        """

        def score(arm: str, batch: list[Title]) -> list[ModelResponse]:
            losses = self.nll("scoring", arm, [(title.prompt_tokens, title.reference_tokens) for title in batch])
            pairs = [(title.other_prompt_tokens, title.reference_tokens) for title in batch]
            elsewhere = self.nll("scoring_elsewhere", arm, pairs)
            return [
                ModelResponse(
                    input=title.prompt,
                    input_tokens=list(title.prompt_tokens),
                    logprobs=[-nll],
                    unconditioned_logprobs=[-other],
                    output_tokens=[list(title.reference_tokens)],
                )
                for title, nll, other in zip(batch, losses, elsewhere, strict=True)
            ]

        length = lambda title: len(title.prompt_tokens) + len(title.reference_tokens)  # noqa: E731
        return self.in_groups(docs, lambda some: self.by_turns("scoring", some, length, score))

    def in_groups(self, docs: list[Doc], answer: Callable[[list[Doc]], list[ModelResponse]]) -> list[ModelResponse]:
        """Answers in the order of `docs`; computes both arms first, then the documents with sources, whose prompts are longer."""
        answered: dict[int, ModelResponse] = {}
        for with_sources in (False, True):
            some = [doc for doc in docs if (arm_of(doc.task_name) == GROUNDED) == with_sources]
            if some:
                answered |= dict(zip(map(id, some), answer(some), strict=True))
        return [answered[id(doc)] for doc in docs]

    def asked(self, docs: list[Doc]) -> dict[str, Title]:
        """The titles with the prompts of the arm of these documents."""
        return self.grounded if arm_of(docs[0].task_name) == GROUNDED else self.titles

    def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
        """The answer to each document's prompt, greedy or sampled by its task; the task's generation_size bounds it.

        logprobs has each answer's NLL under the base, negated, with its sentences as they stand and shuffled; NaN where it
        has no two orders.
        """
        written: dict[int, ModelResponse] = {}
        for sampling in (None, self.recipe.generation):
            asked = [doc for doc in docs if is_sampled(doc.task_name) == (sampling is not None)]
            if asked:
                answers = self.in_groups(asked, partial(self.write, sampling=sampling))
                written |= dict(zip(map(id, asked), answers, strict=True))
        responses = [written[id(doc)] for doc in docs]
        texts = [text for response in responses for text in response.text]
        answers = [
            (facts(doc)["title"], text, doc.choices[0])
            for doc, response in zip(docs, responses, strict=True)
            for text in response.text
        ]
        with self.lookup.looking_up(answers, self.progress), memory_error_names_batch_size(self.batch_size):
            scores = sentence_order_nll(
                self.loaded, texts, self.settings.seed, self.batch_size, self.progress, self.finished
            )
        self.lookup.encode(answers, self.progress)
        for response in responses:
            response.logprobs = [-nll for text in response.text for nll in scores.get(text, (nan, nan))]
        return responses

    def write(self, docs: list[Doc], sampling: Generation | None) -> list[ModelResponse]:
        """Greedy answers, or sampled ones where `sampling` says how. Both arms sample a batch by the same random numbers."""
        doing, new_tokens = "sampling" if sampling else "generating", docs[0].generation_size
        assert new_tokens is not None
        prompts = [title.prompt_tokens for title in self.asked(docs).values()]
        shape = Shape.of(self.batch_size, prompts) if self.loaded.compiles else None

        def tokens_of(arm: str, batch: list[Title], take: int) -> list[list[int]]:
            prompts = [title.prompt_tokens for title in batch]
            seed = (self.settings.seed, take, batch[0].title)

            def compute() -> list[list[int]]:
                with random_numbers(*seed):
                    return generate(self.loaded.model, self.tokenizer, prompts, new_tokens, shape, sampling)

            return self.finished.answers(doing, arm, (prompts, new_tokens, shape, sampling, seed), compute)

        def answers(arm: str, batch: list[Title]) -> list[ModelResponse]:
            takes = [tokens_of(arm, batch, take) for take in range(self.settings.sampled if sampling else 1)]
            return [
                ModelResponse(
                    input=title.prompt,
                    input_tokens=list(title.prompt_tokens),
                    output_tokens=list(tokens),
                    text=[
                        self.tokenizer.decode(one, skip_special_tokens=True, clean_up_tokenization_spaces=False)
                        for one in tokens
                    ],
                )
                for title, *tokens in zip(batch, *takes, strict=True)
            ]

        return self.by_turns(doing, docs, lambda title: len(title.prompt_tokens), answers)

    def by_turns(
        self,
        doing: str,
        docs: list[Doc],
        length: Callable[[Title], int],
        run: Callable[[str, list[Title]], list[ModelResponse]],
    ) -> list[ModelResponse]:
        """Run every batch in both arms by turns; responses in the order of `docs`.

        Raises UserError where lighteval passes another prompt than the one of the sample.
        """
        titles = self.asked(docs)
        arms = (GROUNDED,) if titles is self.grounded else ARMS
        for doc in docs:
            if doc.query != titles[facts(doc)["title"]].prompt:
                raise UserError(f"the prompt of {facts(doc)['title']!r} is not the same in the sample and in lighteval")
        asked = {facts(doc)["title"] for doc in docs}
        items = [title for name, title in titles.items() if name in asked]

        def compute(arm: str, batch: list[Title]) -> list[ModelResponse]:
            with self.arm(arm, compiled=doing != "scoring" and self.loaded.compiles):
                return run(arm, batch)

        fastest = attention_of(doing, self.loaded.model, self.loaded.compiles)
        with self.progress.bar(doing, len(docs)) as advance, fastest:
            answered = in_batches(dict.fromkeys(arms, items), length, self.batch_size, compute, advance)
            responses = {(arm, title.title): response for arm, title, response in answered}
        return [responses[arm_of(doc.task_name), facts(doc)["title"]] for doc in docs]
