"""Cleans a column of texts at once: the same texts and counts as `clean` of each, in less than half of the time.

The characters of all texts tell which rules a text may need (characters.py); the others do not run. The first round of rules is
here; the few texts that need more of them get these from `clean_in_rounds`.
"""

from collections import Counter
from collections.abc import Callable

from dataset_builder.cleaning.boilerplate import BOILERPLATE_RULES, has_boilerplate
from dataset_builder.cleaning.characters import (
    C1,
    COMPOSES,
    ENTITY,
    EVERY_TRAIT,
    INVISIBLE,
    MOJIBAKE,
    SPACES,
    TAG,
    traits_of_all,
)
from dataset_builder.cleaning.clean import FLAT_STEPS, LINES_STEPS, clean_in_rounds, is_clean, is_stable

MARKUP = {"strip_markup": TAG, "unescape_entities": TAG | ENTITY}
OTHERS = {
    "decode_c1": C1,
    "repair_mojibake": MOJIBAKE,
    "drop_invisible": INVISIBLE,
    "compose": COMPOSES,
    "collapse_space": SPACES,
}
"""The traits with which a text may need a rule. Rules for boilerplate have none, and run behind these."""

WITHOUT_NEW_LETTERS = {*MARKUP, "collapse_space"}  # behind them the traits are those that were looked up


def clean_all(texts: list[str], changed: Counter[str], lines: bool = False) -> list[str]:
    """Return the cleaned texts; add to `changed` the number of texts that each rule changed. See `clean`."""
    cleaned, traits = list(texts), traits_of_all(texts)
    rules: list[set[str]] = [set() for _ in texts]
    steps = dict(LINES_STEPS if lines else FLAT_STEPS)
    uncovered = []
    for index, text in enumerate(texts):
        if traits[index] & (TAG | ENTITY):
            cleaned[index] = run(MARKUP, text, traits[index], steps, rules[index])
            if rules[index]:
                uncovered.append(index)
    for index, now in zip(uncovered, traits_of_all([cleaned[index] for index in uncovered]), strict=True):
        traits[index] = now
    for index, text in enumerate(cleaned):
        found = rules[index]
        if traits[index]:
            text = run(OTHERS, text, traits[index], steps, found)
        if has_boilerplate(text):
            text = run(dict.fromkeys(BOILERPLATE_RULES, EVERY_TRAIT), text, EVERY_TRAIT, steps, found)
        if found:
            mojibake = traits[index] & MOJIBAKE or not found <= WITHOUT_NEW_LETTERS
            if not is_stable(text, found, bool(mojibake)) and not is_clean(text):
                text = clean_in_rounds(text, found, lines, rounds=1)
            changed.update(found)
            cleaned[index] = text
    return cleaned


def run(rules: dict[str, int], text: str, traits: int, steps: dict[str, Callable[[str], str]], found: set[str]) -> str:
    """Run those of the rules that a text with these traits may need; add the names of those that change it to `found`."""
    for name, needed in rules.items():
        if traits & needed and (after := steps[name](text)) != text:
            found.add(name)
            text, traits = after, EVERY_TRAIT
    return text
