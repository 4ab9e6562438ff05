"""The decoder for all model families: transformers' forward pass and generate()."""

import inspect
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

from titlecraft.models.adapter.switch import adapter_layers, switched
from titlecraft.models.adapter.zeroed import zeroed_adapter
from titlecraft.models.attention.grouped import attention_of
from titlecraft.models.decoding.choose import TokenChooser
from titlecraft.models.decoding.decoder import Decoder
from titlecraft.models.decoding.generate import Shape, generate
from titlecraft.models.decoding.request import Answering, Arm, Request
from titlecraft.models.layers import causal_of


class PlainDecoder(Decoder):
    """Decodes by transformers. A streamed answer has its own KV cache; lists of answers are decoded by generate().

    Args:
        model: a PeftModel, or a causal model without adapter, in eval mode.
        tokenizer: with EOS and pad token.
        rows: answers in one batch of generate().
        compiles: whether generate() compiles a step for batches of one shape, on a GPU.
        zeroed_is_base: whether zeroed adapter weights give the base bit for bit, so that both arms share a compiled step.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        rows: int,
        *,
        compiles: bool = False,
        zeroed_is_base: bool = False,
        description: str = "decoding by transformers",
    ) -> None:
        self.model, self.tokenizer, self.rows, self.description = model, tokenizer, rows, description
        self.at_once = rows
        self.compiles, self.zeroed_is_base = compiles, zeroed_is_base
        self.layers = adapter_layers(model)
        self.in_work: list[Answering] = []
        parameters = inspect.signature(causal_of(model).forward).parameters
        self.last_only = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}

    def add(self, request: Request) -> Answering:
        """Put a request into the queue."""
        answering = Answering(request)
        answering.state = (None, TokenChooser(request.sampling, self.model.device))
        self.in_work.append(answering)
        return answering

    def step(self) -> None:
        """Advance each answer in work by one token, one after the other."""
        for answering in list(self.in_work):
            request, (cache, choose) = answering.request, answering.state
            ids = torch.tensor([answering.tokens[-1:] or list(request.prompt)], device=self.model.device)
            with torch.no_grad(), switched(self.layers, enabled=request.arm == "tuned"):
                out = self.model(input_ids=ids, past_key_values=cache, use_cache=True, **self.last_only)
            answering.state = (out.past_key_values, choose)
            answering.take(choose(out.logits[0, -1]))
            if answering.stop is not None:
                self.cancel(answering)

    def cancel(self, answering: Answering) -> None:
        """End an answer and free its cache."""
        answering.stop, answering.state = answering.stop or "cancelled", None
        self.in_work = [one for one in self.in_work if one is not answering]

    def answers(self, requests: Sequence[Request]) -> list[list[int]]:
        """Return the answers by generate(), in batches of one arm and length; token by token if EOS is not what ends them."""
        if any(request.stop != (self.tokenizer.eos_token_id,) for request in requests):
            return super().answers(requests)
        found: dict[int, list[int]] = {}
        kinds: list[tuple[Arm, int, bool]] = [(one.arm, one.new_tokens, one.sampling is None) for one in requests]
        for kind in dict.fromkeys(kinds):
            of_kind = [number for number, one in enumerate(kinds) if one == kind]
            shape = Shape.of(self.rows, [requests[number].prompt for number in of_kind]) if self.compiles else None
            with self.arm(kind[0]), attention_of("generating", self.model, self.compiles):
                for start in range(0, len(of_kind), self.rows):
                    numbers = of_kind[start : start + self.rows]
                    found |= dict(
                        zip(numbers, self.batch([requests[number] for number in numbers], shape), strict=True)
                    )
        return [found[number] for number in range(len(requests))]

    def batch(self, requests: Sequence[Request], shape: Shape | None) -> list[list[int]]:
        """Return the answers of one batch, of one length, greedy or sampled."""
        sampling = [request.sampling for request in requests if request.sampling is not None]
        prompts, new_tokens = [request.prompt for request in requests], requests[0].new_tokens
        return generate(self.model, self.tokenizer, prompts, new_tokens, shape, sampling or None)

    def arm(self, arm: Arm) -> AbstractContextManager[None]:
        """Switch the model to an arm for the block; with a compiled step the adapter is zeroed rather than switched off."""
        if self.compiles and self.zeroed_is_base and arm == "base":
            return zeroed_adapter(self.model)
        return switched(self.layers, enabled=arm == "tuned")
