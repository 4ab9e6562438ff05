"""The lighteval model for standard benchmarks with choices: the likelihood of each choice, in both arms by turns."""

from typing import Any

from lighteval.models.model_output import ModelResponse
from lighteval.tasks.prompt_manager import PromptManager
from lighteval.tasks.requests import Doc

from evaluation.lighteval_harness.switched_model import SwitchedModel
from evaluation.lighteval_harness.tasks import ARMS
from titlecraft.models.attention.grouped import attention_of
from titlecraft.models.decoding.batches import length_sorted
from titlecraft.prompt import encode_prompts, token_ids


class BothArmsChoose(SwitchedModel):
    """Scores the choices of a question behind its prompt, in plain text and without a chat template."""

    def loglikelihood(self, docs: list[Doc]) -> list[ModelResponse]:
        """logprobs of every choice, summed over its tokens. A prompt that is too long loses its beginning."""
        prompt = PromptManager(use_chat_template=False, tokenizer=self.tokenizer).prepare_prompt
        prompts = encode_prompts(self.tokenizer, [prompt(doc) for doc in docs])
        choices = [token_ids(self.tokenizer, doc.choices) for doc in docs]
        cut = [asked[-(self.max_length - max(map(len, some))) :] for asked, some in zip(prompts, choices, strict=True)]
        scored = self.score(docs, cut, choices)
        return [
            ModelResponse(input_tokens=asked, logprobs=[scored[place, one] for one in range(len(some))], output_tokens=some)
            for place, (asked, some) in enumerate(zip(cut, choices, strict=True))
        ]  # fmt: skip

    def score(self, docs: list[Doc], prompts: Any, choices: Any) -> dict[tuple[int, int], float]:
        """(place of the document, place of the choice) -> log-likelihood; batches alternate between the arms."""
        asks: dict[str, list[Any]] = {arm: [] for arm in ARMS}
        for place, doc in enumerate(docs):
            (arm,) = [arm for arm in ARMS if doc.task_name.startswith(f"{arm}_")]
            asks[arm] += [((place, one), prompts[place], tokens) for one, tokens in enumerate(choices[place])]
        length = lambda ask: len(ask[1]) + len(ask[2])  # noqa: E731
        batches = {arm: list(length_sorted(some, length, self.batch_size)) for arm, some in asks.items()}
        scored: dict[tuple[int, int], float] = {}
        fastest = attention_of("scoring", self.loaded.model, self.loaded.compiles)
        with self.progress.bar("choosing", sum(map(len, asks.values()))) as advance, fastest:
            for number, pair in enumerate(zip(*batches.values(), strict=True)):
                turns = list(zip(batches, pair, strict=True))
                for arm, batch in turns if number % 2 == 0 else reversed(turns):
                    with self.arm(arm):
                        nll = self.nll("choosing", arm, [ask[1:] for ask in batch])
                    scored.update({ask[0]: -one for ask, one in zip(batch, nll, strict=True)})
                    advance(len(batch))
        return scored

    def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
        """Benchmarks that are answered in text are refused before anything runs."""
        raise NotImplementedError("evaluation.forgetting takes benchmarks with choices only")
