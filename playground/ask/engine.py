"""Generate the answers of the base and of the tuned model together, token by token in turns, with one loaded model.

One lock serialises the turns of all visitors, because the adapter is enabled and disabled in the shared model. Each answer has
its own KV cache and its own random generator, so concurrent answers do not affect each other.
"""

import inspect
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from time import perf_counter
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer

from playground.ask.answer import ARMS, Answer, Arm
from playground.ask.decoding import Decoding
from playground.ask.token_chooser import TokenChooser
from titlecraft.errors import UserError
from titlecraft.models.adapter.load import Loaded, load
from titlecraft.models.adapter.read import Adapter, read_adapter
from titlecraft.models.base.model import device_name
from titlecraft.models.loss.answer_nll import reference_nll
from titlecraft.process.out_of_memory import explain_out_of_memory
from titlecraft.process.threads import is_small, one_thread
from titlecraft.prompt import encode_completion, encode_prompt
from titlecraft.settings import Generation

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
        forward = inspect.signature(loaded.model.get_base_model().forward)
        self.last_only = {"logits_to_keep": 1} if "logits_to_keep" in forward.parameters else {}

    @classmethod
    def open(cls, adapter: str) -> "Engine":
        """Load the adapter NS/NAME[@REVISION] and its base model. Raises UserError."""
        inputs = read_adapter(adapter)
        return cls(inputs, load(inputs))

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
        generations = [ArmGeneration(self, arm, tokens, decoding, start) for arm in arms]
        while any(generation.answer.stop is None for generation in generations):
            for generation in generations:
                if generation.answer.stop is None:
                    generation.step()
            yield tuple(generation.answer for generation in generations)

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
        with self.lock, torch.no_grad(), one_thread() if self.small else nullcontext():
            switch(self.layers, enabled=arm == "tuned")
            try:
                with explain_out_of_memory(OUT_OF_MEMORY):
                    yield
            finally:
                switch(self.layers, enabled=True)


def adapter_layers(model: Any) -> list[Any]:
    """The layers of a PeftModel that have adapter weights."""
    return [layer for layer in model.modules() if isinstance(layer, BaseTunerLayer)]


def switch(layers: list[Any], *, enabled: bool) -> None:
    """Enable or disable the adapter.

    PEFT's disable_adapter() also sets requires_grad on all parameters, which takes longer than generating a token.
    """
    for layer in layers:
        layer._disable_adapters = not enabled


class ArmGeneration:
    """The generation of one arm's answer, with its KV cache."""

    def __init__(self, engine: Engine, arm: Arm, prompt: list[int], decoding: Decoding, start: float) -> None:
        self.engine, self.prompt, self.start = engine, prompt, start
        self.answer = Answer(arm)
        self.tokens: list[int] = []
        self.cache: Any = None
        self.choose = TokenChooser(decoding, engine.loaded.model.device)
        self.limit = decoding.settings.max_new_tokens
        self.room = engine.loaded.context - len(prompt)

    def step(self) -> None:
        """Generate one token, or end the answer."""
        model, tokenizer = self.engine.loaded.model, self.engine.loaded.tokenizer
        with self.engine.turn(self.answer.arm):
            turn_start = perf_counter()
            ids = torch.tensor([self.tokens[-1:] or self.prompt], device=model.device)
            out = model(input_ids=ids, past_key_values=self.cache, use_cache=True, **self.engine.last_only)
            self.cache, token = out.past_key_values, self.choose(out.logits[0, -1])
            ended = token == tokenizer.eos_token_id
            self.tokens += [] if ended else [token]
            text = tokenizer.decode(self.tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            end = perf_counter()
        full = "length" if len(self.tokens) >= self.limit else "context" if len(self.tokens) >= self.room else None
        stop = "eos" if ended else full
        if stop is None and text.endswith("\ufffd"):  # the first bytes of a character
            text = text.rstrip("\ufffd")
        self.answer = replace(
            self.answer,
            text=text,
            tokens=len(self.tokens),
            stop=stop,
            seconds=self.answer.seconds + end - turn_start,
            first_seconds=self.answer.first_seconds or end - self.start,
        )
        if stop:
            self.cache = None  # frees its memory
