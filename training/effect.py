"""Loss on rows of the validation split, with the trained adapter and without it.

This is not the evaluation, which uses the test split and reports intervals. It detects an adapter that changes nothing or ruins
the base before it is published. A training that validates has measured both: before the first step the adapter adds nothing.
"""

from typing import Any

import torch

from titlecraft.records import Effect
from training.data.validation_rows import SPLIT
from training.validation.score import Scorer
from training.validation.validator import Validator


def validated_effect(validator: Validator, changes_logits: bool, before: float | None = None) -> Effect:
    """The effect of the published step, from the validations of the run.

    `before` is the base's loss where the first validation is not that, because the adapter starts with an effect (LoftQ).
    """
    before = validator.points[0].loss if before is None else before
    return effect_of(validator.scorer, before, validator.kept().loss, changes_logits)


def measure_effect(scorer: Scorer, changes_logits: bool, accelerator: Any = None) -> Effect:
    """The effect after a training that did not validate. With several processes, each one has to call it.

    After an out-of-memory error nothing is measured. Raises UserError if an NLL is not finite.
    """
    if not scorer.pairs:
        return Effect(changes_logits=changes_logits)
    try:
        with scorer.model.disable_adapter():
            before = scorer.score(accelerator)
        after = scorer.score(accelerator)
    except torch.OutOfMemoryError as error:
        print(f"the effect on the {SPLIT} split is not measured: {str(error).splitlines()[0]}")
        return Effect(changes_logits=changes_logits)
    return effect_of(scorer, before, after, changes_logits)


def effect_of(scorer: Scorer, before: float, after: float, changes_logits: bool) -> Effect:
    """The effect on a scorer's rows from their NLL per answer token without the adapter and with it."""
    return Effect(
        changes_logits=changes_logits,
        split=SPLIT,
        rows=len(scorer.pairs),
        tokens=scorer.tokens,
        nll_base=round(before, 4),
        nll_adapter=round(after, 4),
    )


def print_effect(effect: Effect) -> None:
    """Print the measurement, with a warning in capitals if the adapter changes nothing or ruins the base."""
    if effect.nll_base is not None:
        worse = "; IT MAKES THE MODEL WORSE, and its card says so" if effect.ruins() else ""
        print(
            f"{effect.rows} rows of the {effect.split} split: {effect.nll_base:.4g} nats per answer token without the adapter, "
            f"{effect.nll_adapter:.4g} with it{worse}"
        )
    if not effect.changes_logits:
        print("THE ADAPTER DOES NOT CHANGE WHAT THE BASE SAYS, and its card says so")
