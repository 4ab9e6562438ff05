"""The lighteval model for standard benchmarks with choices: scores each choice in both arms, alternating between them."""

from typing import NamedTuple

from lighteval.models.model_output import ModelResponse
from lighteval.tasks.prompt_manager import PromptManager
from lighteval.tasks.requests import Doc

from evaluation.lighteval_harness.switched_model import SwitchedModel
from evaluation.lighteval_harness.tasks import ARMS
from evaluation.model.in_batches import in_batches
from titlecraft.models.attention.grouped import attention_of
from titlecraft.prompt import encode_prompts, token_ids


class Choice(NamedTuple):
    """One choice of a question: `key` (index of the document, index of the choice), prompt, and the token ids that are scored."""

    key: tuple[int, int]
    prompt: list[int]
    tokens: list[int]


class BothArmsChoose(SwitchedModel):
    """Scores the choices of a question after its prompt, in plain text without a chat template."""

    def loglikelihood(self, docs: list[Doc]) -> list[ModelResponse]:
        """Log-probability of every choice, summed over its tokens. A prompt that is too long is cut at its beginning."""
        as_text = PromptManager(use_chat_template=False, tokenizer=self.tokenizer).prepare_prompt
        prompts = encode_prompts(self.tokenizer, [as_text(doc) for doc in docs])
        choices = [token_ids(self.tokenizer, doc.choices) for doc in docs]
        cut = [
            prompt[-(self.max_length - max(map(len, of_doc))) :]
            for prompt, of_doc in zip(prompts, choices, strict=True)
        ]
        scores = self.score(docs, cut, choices)
        return [
            ModelResponse(
                input_tokens=prompt,
                logprobs=[scores[index, choice] for choice in range(len(of_doc))],
                output_tokens=of_doc,
            )
            for index, (prompt, of_doc) in enumerate(zip(cut, choices, strict=True))
        ]

    def score(
        self, docs: list[Doc], prompts: list[list[int]], choices: list[list[list[int]]]
    ) -> dict[tuple[int, int], float]:
        """(index of the document, index of the choice) -> log-likelihood."""
        items: dict[str, list[Choice]] = {arm: [] for arm in ARMS}
        for index, doc in enumerate(docs):
            (arm,) = [arm for arm in ARMS if doc.task_name.startswith(f"{arm}_")]
            items[arm] += [Choice((index, n), prompts[index], tokens) for n, tokens in enumerate(choices[index])]

        def nll(arm: str, batch: list[Choice]) -> list[float]:
            with self.arm(arm):
                return self.nll("choosing", arm, [(item.prompt, item.tokens) for item in batch])

        fastest = attention_of("scoring", self.loaded.model, self.loaded.compiles)
        with self.progress.bar("choosing", sum(map(len, items.values()))) as advance, fastest:
            length = lambda item: len(item.prompt) + len(item.tokens)  # noqa: E731
            scored = in_batches(items, length, self.batch_size, nll, advance)
            return {item.key: -loss for _, item, loss in scored}

    def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
        """Raise NotImplementedError: `find_benchmark` refuses benchmarks that are answered in text."""
        raise NotImplementedError("evaluation.forgetting takes benchmarks with choices only")
