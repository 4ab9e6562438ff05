"""Logits at chosen positions only: the basis of the training loss and of the evaluation's NLL.

The output layer is the largest product of a model, so it is computed only where an answer token is predicted. Many
families transform its result: Granite and Cohere scale logits, Gemma caps them, others add a bias, a norm or a mask. To
support every family, the model's own forward pass runs with its decoder replaced by given hidden states.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from titlecraft.models.layers import causal_of, decoder_of

PROBES = 4  # hidden states that a head is looked at with
# standard deviations of their logits: no cap shows, caps show, the cap is all that is left
NARROW, WIDE, HUGE = (
    0.003,
    30.0,
    3000.0,
)
# of the largest logit; one product, rounded in another order
CLOSE = {
    "float32": 1e-5,
    "float16": 4e-3,
    "bfloat16": 2e-2,
}


@dataclass(frozen=True)
class Head:
    """What a model does after its output layer: `cap · tanh(scale · product / cap)`.

    Args:
        scale: 1 if logits are not scaled.
        cap: None if logits are not capped.
    """

    scale: float = 1.0
    cap: float | None = None

    @property
    def plain(self) -> bool:
        """Whether logits are the output layer's products."""
        return self.scale == 1.0 and self.cap is None


class DecoderOutput:
    """The output of a replaced decoder: hidden states, and None for every other attribute."""

    def __init__(self, states: Any) -> None:
        self.last_hidden_state = states

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)

    def __getitem__(self, key: Any) -> Any:
        return (self.last_hidden_state,)[key]


@contextmanager
def decoded(model: Any, states: Any) -> Iterator[None]:
    """Within this context the decoder returns these hidden states for any input."""
    decoder = decoder_of(model)
    before = decoder.__dict__.get("forward")
    decoder.forward = lambda *args, **kwargs: DecoderOutput(states)
    try:
        yield
    finally:
        del decoder.forward
        if before is not None:
            decoder.forward = before


def replayed_logits(model: Any, states: Any) -> Any:
    """Return logits [n, vocabulary] of last hidden states [n, width] by the model's own forward pass after the decoder."""
    import torch

    tokens = torch.zeros((1, len(states)), dtype=torch.long, device=states.device)
    with decoded(model, states[None]):
        return causal_of(model)(input_ids=tokens, use_cache=False).logits[0]


def own_logits(model: Any, states: Any) -> Any:
    """Return the same logits, from the output layer alone if that is exact."""
    output, head = causal_of(model).get_output_embeddings(), head_of(model)
    if head is not None and head.plain and states.dtype == output.weight.dtype:
        return output(states)
    return replayed_logits(model, states)


def head_of(model: Any) -> Head | None:
    """Return what the model does after its output layer, found by probing; None if `Head` does not describe it.

    The result is cached for each model. torch's random state is not changed.
    """
    causal = causal_of(model)
    if "_titlecraft_head" not in causal.__dict__:
        causal.__dict__["_titlecraft_head"] = find_head(causal)
    return causal.__dict__["_titlecraft_head"]


def find_head(causal: Any) -> Head | None:
    """Compare the output layer's products with the model's logits: small products give the scale, large ones the cap."""
    import torch

    output = causal.get_output_embeddings()
    if output is None:
        return None
    training = output.training
    output.eval()  # an adapter on it may have dropout
    try:
        with torch.no_grad():
            return fitted_head(causal, output, directions(causal, output))
    finally:
        output.train(training)


def directions(causal: Any, output: Any) -> Any:
    """Return random hidden states [PROBES, width] whose products with the output layer have standard deviation 1."""
    import torch

    drawn = torch.Generator().manual_seed(0)
    width = getattr(output, "in_features", None) or output.weight.shape[-1]
    dtype = output.weight.dtype if output.weight.dtype.is_floating_point else causal.dtype
    states = torch.randn(PROBES, width, generator=drawn).to(output.weight.device, dtype)
    spread = float(output(states).float().std())
    return states / (spread or 1.0)


def fitted_head(causal: Any, output: Any, states: Any) -> Head | None:
    """Return the `Head` that reproduces the model's logits for these directions at every magnitude, or None."""
    pairs = [(replayed_logits(causal, states * size), output(states * size)) for size in (NARROW, WIDE, HUGE)]
    allowed = CLOSE[str(pairs[1][0].dtype).removeprefix("torch.")]
    (narrow, low), (wide, product), (huge, _) = [(own.double(), linear.double()) for own, linear in pairs]
    numbers = numbers_of(causal.config)
    scale = nearest(float((narrow * low).sum() / (low * low).sum()), numbers)
    cap = nearest(float(huge.abs().max()), numbers)
    for head in (Head(scale), Head(scale, cap)) if cap else ():
        expected = head.scale * product
        if head.cap is not None:
            expected = head.cap * (expected / head.cap).tanh()
        if bool(((wide - expected).abs() <= allowed * wide.abs().max()).all()):
            return head
    return None


def numbers_of(config: Any) -> list[float]:
    """Return the numbers in a model's config and their inverses: an exact scale or cap is one of them."""
    values = [*vars(config.get_text_config()).values(), 1]
    numbers = [
        float(number)
        for number in values
        if isinstance(number, int | float) and not isinstance(number, bool) and number
    ]
    return [value for number in numbers for value in (number, 1 / number)]


def nearest(value: float, known: list[float], within: float = 1e-3) -> float:
    """Return the known number closest to a measured one if it is close enough; otherwise the measured one."""
    best = min(known, key=lambda number: abs(number - value))
    return best if abs(best - value) <= within * abs(value) else value
