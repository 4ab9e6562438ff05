"""The front matter of a card: one reading, our values, and what a person may add."""

from pathlib import Path

import pytest

from model_card.metadata import owned
from model_card.verification.level_card.text.card import check_model_index, metadata_line
from model_card.verification.level_card.text.metadata import same, verify_metadata, yaml_fault_of_card
from model_card.verification.lines.checks import Checks
from titlecraft.cards.merge import split

CARD = (Path(__file__).parents[3] / "evaluated.md").read_text(encoding="utf-8")
HERE = split(CARD)
CHECKS = Checks("card", "card")


def added(text: str) -> str:
    """The card with lines at the end of its front matter."""
    head, body = CARD.split("\n---\n", 1)
    return f"{head}\n{text}\n---\n{body}"


def wrong(text: str) -> list[str]:
    """Claims about the front matter that do not hold, as verify_card makes them."""
    there = split(text)
    lines = verify_metadata(text, there, HERE, owned([]))
    for key, value in HERE.metadata.items():
        if key == "model-index":
            lines += CHECKS.gather(check_model_index(CHECKS, there.metadata.get(key), value))
        else:
            lines.append(metadata_line(CHECKS, key, there.metadata.get(key), value, key in owned([]).values))
    return [line.claim for line in lines if line.verdict == "does not hold"]


@pytest.mark.parametrize(
    "text",
    [
        added("license: mit"),
        added("tags:\n- other"),
        added("mine: &x 1\nyours: *x"),
        added("mine: &x {a: 1}\nyours:\n  <<: *x"),
        added("mine:\n  a: 1\n  a: 2"),
        added("mine: !!binary aGk="),
        added("mine: !!python/name:os.system"),
        added("? [a, b]\n: 1"),
        added("mine: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}}}}}}}}}}}"),
        added("...\n---\nlicense: mit"),
        added("mine: [a"),
        CARD.replace("    - type: nll_per_token\n", "    - type: nll_per_token\n      value: 0.1\n", 1),
    ],
)
def test_ambiguous_yaml_is_refused(text: str) -> None:
    assert yaml_fault_of_card(text)


def test_generated_cards_are_unambiguous() -> None:
    for name in ("evaluated.md", "not_evaluated.md", "energy.md", "dataset.md", "third_party.md"):
        assert yaml_fault_of_card((Path(__file__).parents[3] / name).read_text(encoding="utf-8")) is None
    assert wrong(CARD) == []


def test_aliases_are_never_expanded() -> None:
    bomb = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))])
    assert "anchor or alias" in str(yaml_fault_of_card(added(bomb)))
    assert yaml_fault_of_card(added("mine: " + "[" * 9_000 + "]" * 9_000))


@pytest.mark.parametrize(
    "text",
    [
        added("metrics:\n- accuracy"),
        added("new_version: somebody/other"),
        added("eval_results: []"),
        added("Model-Index: []"),
        added("model index: []"),
        added("lіcense: mit"),
        added("thumbnail: https://example.com/x.png"),
        CARD.replace("\ntags:\n", "\ntags:\n- license:apache-2.0\n", 1),
        CARD.replace("\ntags:\n", "\ntags:\n- base_model:somebody/other\n", 1),
        CARD.replace("\ntags:\n", "\ntags:\n- LoRA\n", 1),
        CARD.replace("\ntags:\n", "\ntags:\n- 7\n", 1),
        CARD.replace("\ntags:\n", "\ntags:\n- lora\n", 1),
        CARD.replace(
            "base_model: meta-llama/Meta-Llama-3-8B\n", "base_model:\n- meta-llama/Meta-Llama-3-8B\n- a/b\n", 1
        ),
        CARD.replace("license: llama3\n", "license: mit\n", 1),
        CARD.replace("value: 2.25\n", "value: 0.13\n", 1),
        CARD.replace("value: 2.25\n", "value: '2.25'\n", 1),
        CARD.replace("before: 2.5\n", "before: 9.5\n", 1),
        CARD.replace("        n: 200\n", "        n: 200\n        value: 1\n", 1),
        CARD.replace("      revision: dddd", "      value: 1\n      revision: dddd", 1),
        CARD.replace(
            "    metrics:\n", "    metrics:\n    - type: accuracy\n      value: 99\n      name: Accuracy\n", 1
        ),
        CARD.replace(
            "  results:\n",
            "  results:\n  - task:\n      type: text-generation\n    metrics:\n    - type: a\n      value: 1\n",
            1,
        ),
        CARD.replace("model-index:\n", "model-index:\n- name: other\n  results: []\n", 1),
        CARD.replace("url: https://huggingface.co/", "url: https://example.com/", 1),
        CARD.replace("  output:\n    text: ", "  output:\n    text: Wonderful! ", 1),
    ],
)
def test_metadata_without_a_record_is_refused(text: str) -> None:
    assert text != CARD and wrong(text)


def test_added_metadata_is_listed_and_not_looked_at() -> None:
    text = added("mine: 1\nextra_gated_prompt: Please.").replace("\ntags:\n", "\ntags:\n- mine\n", 1)
    text = text.replace("datasets:\n- ns/data\n", "datasets:\n- ns/data\n- ns/by-hand\n", 1)
    lines = verify_metadata(text, split(text), HERE, owned([]))
    message = {line.claim: line.claimed for line in lines if line.verdict == "not looked at"}
    assert wrong(text) == [] and message == {
        "card: front matter, mine": "1",
        "card: front matter, extra_gated_prompt": "Please.",
        "card: front matter, tags": "mine",
        "card: front matter, datasets": "ns/by-hand",
    }


def test_equal_values_have_equal_types() -> None:
    assert (
        same({"a": 1, "b": [1.5]}, {"b": [1.5], "a": 1}) and not same(True, 1) and not same("1", 1) and not same(1, 1.0)
    )
    assert same(float("nan"), float("nan"))
