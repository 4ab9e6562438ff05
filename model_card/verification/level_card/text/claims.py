"""Level card, claims: one line for each sentence with a number or a verdict on an adapter's card.

Fields of records license a sentence (model_card.claims). The line holds if the sentence is in its section word for word.
"""

from collections.abc import Iterator
from difflib import get_close_matches

from model_card.build import read_card_inputs, render
from model_card.claims import claims_of
from model_card.verification.level_card.text.card import read_card
from model_card.verification.level_card.text.older import rendered_by_other_code, without_wording
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.cards.merge import split
from titlecraft.records.repo_files import CARD

MAX_SECTION = 100_000  # characters of a section that are searched for the sentence most similar to a claim


def verify_claims(state: RepoState) -> list[Line]:
    """Lines about every claim of an adapter's card, in the order of the claims."""
    checks = Checks("card", "card")
    return checks.gather(without_wording(check_claims(checks, state), rendered_by_other_code(state)))


def check_claims(checks: Checks, state: RepoState) -> Iterator[Line]:
    """A line for each claim that the records license. If it is missing, the line shows the most similar line of its section."""
    inputs = read_card_inputs(state.folder, None, state.pin.repo, state.pin)
    published, expected = sections(read_card(state)), sections(render(inputs))
    for claim in claims_of(inputs):
        names = [name for name, text in expected.items() if claim.sentence in text]
        if not names:  # this card has another sentence instead
            continue
        text = published.get(names[0], "")[:MAX_SECTION]
        if claim.sentence in text:
            yield checks.line(claim.id, claim.sentence, claim.sentence, True, "equal")
        else:
            similar = get_close_matches(claim.sentence, text.split("\n"), n=1, cutoff=0.3)
            note = f"section {names[0]!r}; licensed by {', '.join(claim.fields)}"
            yield checks.line(claim.id, similar[0] if similar else "not there", claim.sentence, False, "equal", note)


def sections(text: str) -> dict[str, str]:
    """Name -> text of our sections of a card. If a name occurs twice, the last section counts."""
    return {block.name: block.text for block in split(text, CARD).blocks if block.name}
