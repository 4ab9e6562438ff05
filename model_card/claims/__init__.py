"""Every sentence of an adapter's card that holds a number or a verdict, with the record fields that license it.

The template has no other way to a number: it asks for these sentences by their ids. claim.py says what a claim is.
"""

from model_card.claims.claim import Claim, RenderedClaim, render_claims
from model_card.claims.evaluation import EVALUATION
from model_card.claims.provenance import PROVENANCE
from model_card.claims.training import TRAINING
from model_card.claims.use import USE
from model_card.inputs import CardInputs
from model_card.named_records import named_records

__all__ = ["CLAIMS", "Claim", "RenderedClaim", "claims_of", "render_claims"]

CLAIMS: tuple[Claim, ...] = (*USE, *TRAINING, *EVALUATION, *PROVENANCE)


def claims_of(inputs: CardInputs) -> list[RenderedClaim]:
    """What the card of these inputs says: each claim with its sentence and the values that it comes from."""
    return render_claims(CLAIMS, named_records(inputs))
