"""One loaded model, two answers at once: the base's and the tuned model's, token by token in turns.

The turns of all visitors go through one lock, since the adapter is switched on and off in the one model; each answer has its
own cache and its own random state, so that it is what it would be alone.
"""

import inspect
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Literal

from playground.ask.decoding import Chooser, Decoding
from titlecraft.errors import UserError
from titlecraft.models.adapter.load import Loaded, load
from titlecraft.models.adapter.read import Adapter, read_adapter
from titlecraft.models.base.model import device_name
from titlecraft.models.loss.answer_nll import reference_nll
from titlecraft.process.out_of_memory import explain_out_of_memory
from titlecraft.process.threads import is_small, one_thread
from titlecraft.prompt import encode_completion, encode_prompt
from titlecraft.settings import Generation

Arm = Literal["base", "tuned"]
NO_ROOM = "the GPU's memory is full: ask for fewer new tokens, or wait until others have their answers"
ARMS: tuple[Arm, ...] = ("base", "tuned")


@dataclass(frozen=True)
class Answer:
    """An answer so far. `stop` is None while it is being written.

    Args:
        stop: "eos": it ended by itself; "length": it was cut at max_new_tokens; "context": at the end of the model's context.
        first_seconds: from the question to its first token, others' turns and all.
        seconds: of its own turns, those of the prompt among them.
    """

    arm: Arm
    text: str = ""
    tokens: int = 0
    stop: Literal["eos", "length", "context"] | None = None
    first_seconds: float | None = None
    seconds: float = 0.0

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens of its own turns; None before there is one."""
        return self.tokens / self.seconds if self.tokens and self.seconds else None


class Engine:
    """Base and adapter at their pins, ready to be asked by any number of threads.

    Args:
        inputs: what the adapter says about itself.
        loaded: the one model.
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
        """Load NS/NAME[@REVISION] and the base that it was trained on. Raises UserError."""
        inputs = read_adapter(adapter)  # no evaluation: the dataset needs no test split to be asked about
        return cls(inputs, load(inputs))

    @property
    def generation(self) -> Generation:
        """The decoding that the adapter was published with: its recipe's."""
        return self.inputs.training.generation

    @property
    def device(self) -> str:
        """Where it runs, and in which precision."""
        base = self.loaded.base
        return f"{device_name()}, {base.precision}" + (
            "" if base.quantization == "none" else f" from {base.quantization}"
        )

    def prompt_tokens(self, prompt: str) -> list[int]:
        """Token ids of a prompt, BOS in front."""
        with self.lock:
            return encode_prompt(self.loaded.tokenizer, prompt)

    def fits(self, prompt: str, new_tokens: int) -> bool:
        """Whether the model has room for the prompt and an answer of so many tokens."""
        return len(self.prompt_tokens(prompt)) + new_tokens <= self.loaded.context

    def answer(self, prompt: str, decoding: Decoding, arms: Sequence[Arm] = ARMS) -> Iterator[tuple[Answer, ...]]:
        """The answers of the arms, again after each round of tokens, until all have stopped.

        Raises UserError where the prompt leaves no room for a single token, or a GPU's memory is full.
        """
        asked, tokens = perf_counter(), self.prompt_tokens(prompt)
        if len(tokens) >= self.loaded.context:
            raise UserError(
                f"the prompt has {len(tokens):,} tokens, and the model room for {self.loaded.context:,} with the answer: "
                "ask something shorter"
            )
        runs = [Run(self, arm, tokens, decoding, asked) for arm in arms]
        while any(run.answer.stop is None for run in runs):
            for run in runs:
                if run.answer.stop is None:
                    run.step()
            yield tuple(run.answer for run in runs)

    def nll(self, prompt: str, reference: str, arms: Sequence[Arm] = ARMS) -> dict[Arm, float]:
        """Mean NLL in nats of a reference token, EOS among them, given the prompt, for each arm.

        A reference that passes the end of the model's context loses its end; nothing where the prompt alone fills it.
        """
        tokens = self.prompt_tokens(prompt)
        with self.lock:
            completion = encode_completion(self.loaded.tokenizer, reference)
        completion = completion[: max(0, self.loaded.context - len(tokens))]
        pad = self.loaded.tokenizer.pad_token_id
        found = {}
        for arm in arms if completion else ():
            with self.turn(arm):
                found[arm] = reference_nll(self.loaded.model, [(tokens, completion)], pad)[0] / len(completion)
        return found

    @contextmanager
    def turn(self, arm: Arm) -> Iterator[None]:
        """The model as this arm has it, for one caller. Raises UserError where a GPU's memory is full."""
        import torch

        with self.lock, torch.no_grad(), one_thread() if self.small else nullcontext():
            switch(self.layers, on=arm == "tuned")
            try:
                with explain_out_of_memory(NO_ROOM):
                    yield
            finally:
                switch(self.layers, on=True)


def adapter_layers(model: Any) -> list[Any]:
    """The layers of a PeftModel that hold a part of its adapter."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [layer for layer in model.modules() if isinstance(layer, BaseTunerLayer)]


def switch(layers: list[Any], *, on: bool) -> None:
    """Switch the adapter on or off for a forward pass, and nothing else.

    PEFT's disable_adapter() also looks through all parameters and sets what is trained, which takes longer than a token.
    """
    for layer in layers:
        layer._disable_adapters = not on


class Run:
    """One arm on its way through one answer."""

    def __init__(self, engine: Engine, arm: Arm, prompt: list[int], decoding: Decoding, asked: float) -> None:
        self.engine, self.prompt, self.asked = engine, prompt, asked
        self.answer = Answer(arm)
        self.written: list[int] = []
        self.cache: Any = None
        self.choose = Chooser(decoding, engine.loaded.model.device)
        self.most = decoding.settings.max_new_tokens
        self.room = engine.loaded.context - len(prompt)

    def step(self) -> None:
        """One more token, or the end."""
        import torch

        model, tokenizer = self.engine.loaded.model, self.engine.loaded.tokenizer
        with self.engine.turn(self.answer.arm):
            start = perf_counter()
            ids = torch.tensor([self.written[-1:] or self.prompt], device=model.device)
            out = model(input_ids=ids, past_key_values=self.cache, use_cache=True, **self.engine.last_only)
            self.cache, token = out.past_key_values, self.choose(out.logits[0, -1])
            ended = token == tokenizer.eos_token_id
            self.written += [] if ended else [token]
            text = tokenizer.decode(self.written, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            now = perf_counter()
        full = "length" if len(self.written) >= self.most else "context" if len(self.written) >= self.room else None
        stop = "eos" if ended else full
        if stop is None and text.endswith("\ufffd"):  # the first bytes of a character
            text = text.rstrip("\ufffd")
        self.answer = replace(
            self.answer, text=text, tokens=len(self.written), stop=stop, seconds=self.answer.seconds + now - start,
            first_seconds=self.answer.first_seconds or now - self.asked,
        )  # fmt: skip
        if stop:
            self.cache = None  # its memory is free for others
