"""The model's own logits at chosen positions: the loss of training and the NLL of evaluation both come from here.

A vocabulary is the largest product of a model, so it is multiplied with only where an answer is predicted. Many families do
more to their logits than that product: Granite and Cohere scale them, Gemma caps them, others add a bias, a norm or a mask.
Their own forward pass knows. It runs here with its decoder replaced by hidden states that are there already, so that the code
of the model's own head is what turns them into logits, whatever the family.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from titlecraft.models.layers import causal_of, decoder_of

PROBES = 4  # hidden states that a head is looked at with
NARROW, WIDE, HUGE = (
    0.003,
    30.0,
    3000.0,
)  # standard deviations of their logits: no cap shows, caps show, the cap is all that is left
CLOSE = {
    "float32": 1e-5,
    "float16": 4e-3,
    "bfloat16": 2e-2,
}  # of the largest logit; one product, rounded in another order


@dataclass(frozen=True)
class Head:
    """What a model does to the product of a hidden state with its output layer: `cap · tanh(scale · product / cap)`.

    Args:
        scale: 1 where the logits are the product itself.
        cap: None where they are not capped.
    """

    scale: float = 1.0
    cap: float | None = None

    @property
    def plain(self) -> bool:
        """The logits are what the output layer returns."""
        return self.scale == 1.0 and self.cap is None


class DecoderOutput:
    """Stands for the output of a decoder: hidden states, and None for everything else that a family looks for."""

    def __init__(self, states: Any) -> None:
        self.last_hidden_state = states

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)

    def __getitem__(self, key: Any) -> Any:
        return (self.last_hidden_state,)[key]


@contextmanager
def decoded(model: Any, states: Any) -> Iterator[None]:
    """For as long as the context lasts, the decoder returns these hidden states, whatever it is given."""
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
    """Logits [n, vocabulary] of last hidden states [n, width], by the model's own forward pass above its decoder."""
    import torch

    tokens = torch.zeros((1, len(states)), dtype=torch.long, device=states.device)
    with decoded(model, states[None]):
        return causal_of(model)(input_ids=tokens, use_cache=False).logits[0]


def own_logits(model: Any, states: Any) -> Any:
    """The same; where the output layer alone gives them, by the output layer alone."""
    output, head = causal_of(model).get_output_embeddings(), head_of(model)
    if head is not None and head.plain and states.dtype == output.weight.dtype:
        return output(states)
    return replayed_logits(model, states)


def head_of(model: Any) -> Head | None:
    """What the model does to its logits, found by looking at some; None where it is something that `Head` cannot say.

    It is looked at once for each model. torch's random state is left alone.
    """
    causal = causal_of(model)
    if "_titlecraft_head" not in causal.__dict__:
        causal.__dict__["_titlecraft_head"] = find_head(causal)
    return causal.__dict__["_titlecraft_head"]


def find_head(causal: Any) -> Head | None:
    """Compare the output layer's products with the model's own logits: small ones give the scale, huge ones the cap."""
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
    """Random hidden states [PROBES, width] whose products with the output layer have a standard deviation of 1."""
    import torch

    drawn = torch.Generator().manual_seed(0)
    width = getattr(output, "in_features", None) or output.weight.shape[-1]
    dtype = output.weight.dtype if output.weight.dtype.is_floating_point else causal.dtype
    states = torch.randn(PROBES, width, generator=drawn).to(output.weight.device, dtype)
    spread = float(output(states).float().std())
    return states / (spread or 1.0)


def fitted_head(causal: Any, output: Any, states: Any) -> Head | None:
    """The `Head` that gives the model's logits of these directions at every length, or None where none does."""
    pairs = [(replayed_logits(causal, states * size), output(states * size)) for size in (NARROW, WIDE, HUGE)]
    allowed = CLOSE[str(pairs[1][0].dtype).removeprefix("torch.")]
    (narrow, low), (wide, product), (huge, _) = [(own.double(), linear.double()) for own, linear in pairs]
    known = numbers_of(causal.config)
    scale = nearest(float((narrow * low).sum() / (low * low).sum()), known)
    cap = nearest(float(huge.abs().max()), known)
    for head in (Head(scale), Head(scale, cap)) if cap else ():
        expected = head.scale * product
        if head.cap is not None:
            expected = head.cap * (expected / head.cap).tanh()
        if bool(((wide - expected).abs() <= allowed * wide.abs().max()).all()):
            return head
    return None


def numbers_of(config: Any) -> list[float]:
    """The numbers of a model's config, and what divides by them: a scale or a cap is one of them, to the last digit."""
    values = [*vars(config.get_text_config()).values(), 1]
    numbers = [float(one) for one in values if isinstance(one, int | float) and not isinstance(one, bool) and one]
    return [value for one in numbers for value in (one, 1 / one)]


def nearest(value: float, known: list[float], within: float = 1e-3) -> float:
    """The known number that is nearest to a measured one, where that is near enough; else the measured one."""
    best = min(known, key=lambda one: abs(one - value))
    return best if abs(best - value) <= within * abs(value) else value
