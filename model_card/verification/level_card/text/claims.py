"""Level card, claims: one line for each sentence with a number or a verdict on an adapter's card.

A sentence is licensed by fields of records (model_card.claims); it holds where it stands in its section word for word.
"""

from collections.abc import Iterator
from difflib import get_close_matches

from model_card.verification.level_card.text.card import readable_card
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.cards.merge import split

CARD = "README.md"
LONGEST_SECTION = 100_000  # characters of a section that are searched for the sentence most like a claim


def verify_claims(state: RepoState) -> list[Line]:
    """Every claim of an adapter's card, in the order of the claims."""
    checks = Checks("card", "card")
    return checks.gather(of_card(checks, state))


def of_card(checks: Checks, state: RepoState) -> Iterator[Line]:
    """A line for each claim that the records license; where it does not stand there, the line that is most like it."""
    from model_card.build import read_card_inputs, render
    from model_card.claims import claims_of

    inputs = read_card_inputs(state.folder, None, state.pin.repo, state.pin)
    texts, shown = sections(readable_card(state)), sections(render(inputs))
    for said in claims_of(inputs):
        places = [name for name, text in shown.items() if said.sentence in text]
        if not places:  # the card has another sentence in the place of this one
            continue
        text = texts.get(places[0], "")[:LONGEST_SECTION]
        fields = ", ".join(said.fields)
        if said.sentence in text:
            yield checks.line(said.id, said.sentence, said.sentence, True, "equal")
        else:
            close = get_close_matches(said.sentence, text.split("\n"), n=1, cutoff=0.3)
            note = f"section {places[0]!r}; licensed by {fields}"
            yield checks.line(said.id, close[0] if close else "not there", said.sentence, False, "equal", note)


def sections(text: str) -> dict[str, str]:
    """Name -> text of a card's sections of ours; of one that stands twice, the last."""
    return {block.name: block.text for block in split(text, CARD).blocks if block.name}
