"""The lighteval model of the experiment: one PeftModel with the adapter off ("before") and on ("after").

Batches alternate between the arms (evaluation.model.in_batches). Both arms of a batch get the same token ids.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from math import nan
from typing import Any

from lighteval.models.model_output import ModelResponse
from lighteval.tasks.requests import Doc

from evaluation.lighteval_harness.switched_model import SwitchedModel
from evaluation.lighteval_harness.tasks import AFTER, ARMS, BEFORE, GROUNDED, arm_of, facts, is_sampled
from evaluation.lookup.sources import Lookup
from evaluation.model.finished_batches import FinishedBatches
from evaluation.model.in_batches import in_batches, memory_error_names_batch_size
from evaluation.model.sampling import seed_of
from evaluation.model.sentence_order import sentence_order_nll
from evaluation.progress import Progress
from evaluation.titles.draw import Title
from titlecraft.errors import UserError
from titlecraft.models.adapter.load import Loaded
from titlecraft.models.attention.grouped import attention_of
from titlecraft.models.decoding.decoder import Decoder
from titlecraft.models.decoding.request import Arm, Request, Sampling
from titlecraft.settings import Generation, Recipe

DECODED: dict[str, Arm] = {BEFORE: "base", AFTER: "tuned", GROUNDED: "tuned"}  # the arm that answers


class TwoArms(SwitchedModel):
    """Scores and generates for all arms with one loaded model.

    Args:
        loaded: model, tokenizer and context.
        decoder: of the loaded model.
        titles: the sample, with token ids.
        lookup: looks up all answers at once, because it reads the training split once.
        recipe: its sections `evaluation` and `generation` are used.
        progress: counts each finished title of each arm.
        finished: computes each batch or reads it from an interrupted run.
        grounded: the same titles with sources in their prompts, for the adapter-on arm "grounded"; may be empty.
    """

    def __init__(
        self,
        loaded: Loaded,
        decoder: Decoder,
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
        self.decoder = decoder

    def loglikelihood(self, docs: list[Doc]) -> list[ModelResponse]:
        """NLL of each document's reference in its arm, as logprobs = [−nll] and output_tokens = [the scored tokens].

        unconditioned_logprobs is the same given the prompt of another title, the document's unconditioned_query.
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
                    unconditioned_logprobs=[-nll_elsewhere],
                    output_tokens=[list(title.reference_tokens)],
                )
                for title, nll, nll_elsewhere in zip(batch, losses, elsewhere, strict=True)
            ]

        length = lambda title: len(title.prompt_tokens) + len(title.reference_tokens)  # noqa: E731
        return self.in_groups(docs, lambda docs_of_group: self.alternate_arms("scoring", docs_of_group, length, score))

    def states_of(self, arm: str) -> Any:
        """The decoder's hidden states of an arm, where it computes them faster than the model."""
        return self.decoder.states(DECODED[arm])

    def in_groups(self, docs: list[Doc], answer: Callable[[list[Doc]], list[ModelResponse]]) -> list[ModelResponse]:
        """Answers in the order of `docs`. Both arms are computed first, then the documents with sources, whose prompts are longer."""
        answer_of: dict[int, ModelResponse] = {}
        for with_sources in (False, True):
            group = [doc for doc in docs if (arm_of(doc.task_name) == GROUNDED) == with_sources]
            if group:
                answer_of |= dict(zip(map(id, group), answer(group), strict=True))
        return [answer_of[id(doc)] for doc in docs]

    def titles_for(self, docs: list[Doc]) -> dict[str, Title]:
        """Title -> the title with the prompt of the documents' arm."""
        return self.grounded if arm_of(docs[0].task_name) == GROUNDED else self.titles

    def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
        """The answer to each document's prompt, greedy or sampled as its task says, of at most generation_size tokens.

        logprobs has two numbers per answer: its negated NLL under the base with the sentences in their own order and
        shuffled; NaN if it has only one order.
        """
        response_of: dict[int, ModelResponse] = {}
        for sampling in (None, self.recipe.generation):
            docs_to_answer = [doc for doc in docs if is_sampled(doc.task_name) == (sampling is not None)]
            if docs_to_answer:
                answers = self.in_groups(docs_to_answer, partial(self.write, sampling=sampling))
                response_of |= dict(zip(map(id, docs_to_answer), answers, strict=True))
        responses = [response_of[id(doc)] for doc in docs]
        texts = [text for response in responses for text in response.text]
        answers = [
            (facts(doc)["title"], text, doc.choices[0])
            for doc, response in zip(docs, responses, strict=True)
            for text in response.text
        ]
        with self.lookup.looking_up(answers, self.progress), memory_error_names_batch_size(self.batch_size):
            scores = sentence_order_nll(
                self.loaded,
                texts,
                self.settings.seed,
                self.batch_size,
                self.progress,
                self.finished,
                self.states_of(BEFORE),
            )
        self.lookup.encode(answers, self.progress)
        for response in responses:
            response.logprobs = [-nll for text in response.text for nll in scores.get(text, (nan, nan))]
        return responses

    def write(self, docs: list[Doc], sampling: Generation | None) -> list[ModelResponse]:
        """Greedy answers, or answers sampled by the settings `sampling`. Both arms sample a title with the same random numbers."""
        activity, new_tokens = "sampling" if sampling else "generating", docs[0].generation_size
        assert new_tokens is not None

        def tokens_of(arm: str, batch: list[Title], answer_number: int) -> list[list[int]]:
            drawn = [sampling and Sampling.of(sampling, self.seed(title, answer_number)) for title in batch]
            stop, of_arm = (self.tokenizer.eos_token_id,), DECODED[arm]
            requests = [
                Request(title.prompt_tokens, new_tokens, stop, of_arm, draw)
                for title, draw in zip(batch, drawn, strict=True)
            ]
            request = (requests, self.decoder.description)
            return self.finished.answers(activity, arm, request, lambda: self.decoder.answers(requests))

        def answers(arm: str, batch: list[Title]) -> list[ModelResponse]:
            tokens_of_answers = [
                tokens_of(arm, batch, answer_number)
                for answer_number in range(self.settings.sampled if sampling else 1)
            ]
            return [
                ModelResponse(
                    input=title.prompt,
                    input_tokens=list(title.prompt_tokens),
                    output_tokens=list(tokens),
                    text=[
                        self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
                        for ids in tokens
                    ],
                )
                for title, *tokens in zip(batch, *tokens_of_answers, strict=True)
            ]

        try:
            return self.alternate_arms(activity, docs, lambda title: len(title.prompt_tokens), answers)
        finally:
            self.decoder.release()

    def seed(self, title: Title, answer_number: int) -> int:
        """The seed of a title's sampled answer of this number."""
        return seed_of(self.settings.seed, answer_number, title.title)

    def alternate_arms(
        self,
        activity: str,
        docs: list[Doc],
        length: Callable[[Title], int],
        run: Callable[[str, list[Title]], list[ModelResponse]],
    ) -> list[ModelResponse]:
        """Run every batch in both arms, alternating between them; return the responses in the order of `docs`.

        Raises UserError if lighteval passes a prompt that differs from the sample's.
        """
        titles = self.titles_for(docs)
        arms = (GROUNDED,) if titles is self.grounded else ARMS
        for doc in docs:
            if doc.query != titles[facts(doc)["title"]].prompt:
                raise UserError(f"the prompt of {facts(doc)['title']!r} is not the same in the sample and in lighteval")
        names = {facts(doc)["title"] for doc in docs}
        items = [title for title_text, title in titles.items() if title_text in names]

        def compute(arm: str, batch: list[Title]) -> list[ModelResponse]:
            with self.arm(arm) if activity == "scoring" else memory_error_names_batch_size(self.batch_size):
                return run(arm, batch)

        scoring = activity == "scoring"
        fastest = attention_of(activity, self.loaded.model, self.loaded.compiles) if scoring else nullcontext()
        with self.progress.bar(activity, len(docs)) as advance, fastest:
            size = self.batch_size if scoring else self.decoder.at_once
            answers = in_batches(dict.fromkeys(arms, items), length, size, compute, advance)
            responses = {(arm, title.title): response for arm, title, response in answers}
        return [responses[arm_of(doc.task_name), facts(doc)["title"]] for doc in docs]
