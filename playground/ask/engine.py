"""Generate the answers of the base and of the tuned model together, with one loaded model.

One decoder serves all visitors; a lock serialises its steps. Each answer has its own random numbers, so concurrent answers do
not affect each other.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from time import perf_counter

import torch

from playground.ask.answer import ARMS, Answer, Arm
from playground.ask.decoding import Decoding
from titlecraft.errors import UserError
from titlecraft.models.adapter.load import Loaded, load
from titlecraft.models.adapter.read import Adapter, read_adapter
from titlecraft.models.adapter.switch import adapter_layers, switched
from titlecraft.models.adapter.third_party import Stated
from titlecraft.models.base.model import device_name
from titlecraft.models.decoding.decoder import SharedDecoder
from titlecraft.models.decoding.open import open_decoder
from titlecraft.models.decoding.request import Answering, Request, Sampling
from titlecraft.models.loss.answer_nll import reference_nll
from titlecraft.process.out_of_memory import explain_out_of_memory
from titlecraft.process.threads import is_small, one_thread
from titlecraft.prompt import encode_completion, encode_prompt
from titlecraft.settings import Generation

VISITORS = 8  # whose answers are generated at once; others wait
OUT_OF_MEMORY = "the GPU's memory is full: ask for fewer new tokens, or wait until others have their answers"


class Engine:
    """A loaded base model with its adapter. Methods may be called from any number of threads.

    Args:
        inputs: the adapter's records and prompt.
        loaded: the model and its tokenizer.
    """

    def __init__(self, inputs: Adapter, loaded: Loaded) -> None:
        self.inputs, self.loaded, self.prompt = inputs, loaded, inputs.prompt
        self.lock = threading.Lock()
        self.layers = adapter_layers(loaded.model)
        self.small = is_small(loaded.model)
        self.shared = SharedDecoder(open_decoder(loaded, VISITORS), self.computing, self.lock)
        if loaded.model.device.type == "cuda":
            self.warm_up()

    @classmethod
    def open(cls, adapter: str, stated: Stated | None = None) -> "Engine":
        """Load the adapter NS/NAME[@REVISION] and its base model. Raises UserError.

        `stated` has dataset and base of an adapter that has no training record.
        """
        inputs = read_adapter(adapter, stated)
        return cls(inputs, load(inputs))

    def warm_up(self) -> None:
        """Compile and capture what the first question would wait for: both arms together and alone, sampled and greedy."""
        for sampling in (Sampling.of(self.generation, 0), None):
            together: list[tuple[Arm, ...]] = [ARMS, ("base",), ("tuned",)]
            for arms in together:
                requests = [Request(range(8), 2, (), arm, sampling) for arm in arms]
                for _ in self.shared.stream(*requests):
                    pass

    @property
    def generation(self) -> Generation:
        """The decoding settings of the adapter's recipe."""
        return self.inputs.training.generation

    @property
    def device(self) -> str:
        """The name of the device, and the precision."""
        base = self.loaded.base
        return f"{device_name()}, {base.precision}" + (
            "" if base.quantization == "none" else f" from {base.quantization}"
        )

    def prompt_tokens(self, prompt: str) -> list[int]:
        """The token ids of a prompt, with BOS."""
        with self.lock:
            return encode_prompt(self.loaded.tokenizer, prompt, self.prompt)

    def fits(self, prompt: str, new_tokens: int) -> bool:
        """Whether the prompt and an answer of `new_tokens` tokens fit into the model's context."""
        return len(self.prompt_tokens(prompt)) + new_tokens <= self.loaded.context

    def answer(self, prompt: str, decoding: Decoding, arms: Sequence[Arm] = ARMS) -> Iterator[tuple[Answer, ...]]:
        """Yield the answers of the arms after each round of tokens, until all have stopped.

        Raises UserError if the prompt fills the model's context, or if the GPU is out of memory.
        """
        start, tokens = perf_counter(), self.prompt_tokens(prompt)
        if len(tokens) >= self.loaded.context:
            raise UserError(
                f"the prompt has {len(tokens):,} tokens, and the model's context is {self.loaded.context:,} tokens, answer included: "
                "ask something shorter"
            )
        settings, stop = decoding.settings, (self.loaded.tokenizer.eos_token_id,)
        sampling = None if decoding.greedy else Sampling.of(settings, decoding.seed)
        new_tokens = min(settings.max_new_tokens, self.loaded.context - len(tokens))
        requests = [Request(tokens, new_tokens, stop, arm, sampling) for arm in arms]
        answers = [Answer(arm) for arm in arms]
        for states in self.shared.stream(*requests):
            for number, state in enumerate(states):
                if answers[number].stop is None and state.tokens:
                    answers[number] = self.grown(answers[number], state, settings.max_new_tokens, start)
            yield tuple(answers)

    def grown(self, answer: Answer, state: Answering, limit: int, started: float) -> Answer:
        """The answer with the tokens of its decoder so far.

        Args:
            limit: the most new tokens that the user asked for.
            started: when the question came.
        """
        ended = state.stop  # before the tokens, which another thread may add to
        tokens = state.tokens[:-1] if ended == "eos" else list(state.tokens)
        stop = None if ended is None else "eos" if ended == "eos" else "length" if len(tokens) >= limit else "context"
        with self.lock:
            text = self.loaded.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        if stop is None and text.endswith("\ufffd"):  # the first bytes of a character
            text = text.rstrip("\ufffd")
        seconds = perf_counter() - started
        first = answer.first_seconds or seconds
        return replace(answer, text=text, tokens=len(tokens), stop=stop, seconds=seconds, first_seconds=first)

    def nll(self, prompt: str, reference: str, arms: Sequence[Arm] = ARMS) -> dict[Arm, float]:
        """The mean NLL per token of a reference with EOS, given the prompt, in nats, for each arm.

        The reference is truncated to the model's context; the result is empty if the prompt alone fills it.
        """
        tokens = self.prompt_tokens(prompt)
        with self.lock:
            completion = encode_completion(self.loaded.tokenizer, reference)
        completion = completion[: max(0, self.loaded.context - len(tokens))]
        pad = self.loaded.tokenizer.pad_token_id
        nll = {}
        for arm in arms if completion else ():
            with self.turn(arm):
                nll[arm] = reference_nll(self.loaded.model, [(tokens, completion)], pad)[0] / len(completion)
        return nll

    @contextmanager
    def turn(self, arm: Arm) -> Iterator[None]:
        """Hold the lock, with the adapter enabled or disabled for this arm. Raises UserError if the GPU is out of memory."""
        with self.lock, self.computing(), switched(self.layers, enabled=arm == "tuned"):
            yield

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Compute without gradients, a small model with one thread. Raises UserError if the GPU is out of memory."""
        with torch.no_grad(), one_thread() if self.small else nullcontext(), explain_out_of_memory(OUT_OF_MEMORY):
            yield
