"""Merging a card: generated sections are replaced, and added text keeps its position."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from titlecraft.cards.merge import NOTICE, Owned, generated_part, merge, section, split, written_by_people
from titlecraft.errors import UserError

OWNED = Owned(
    frozenset({"license", "model-index"}),
    {"tags": frozenset({"titlecraft", "trl", "unsloth"}), "datasets": frozenset()},
)
FRONT = "---\nlicense: mit\ntags:\n- titlecraft\n- trl\ndatasets:\n- ns/data\n---\n\n"
NEW = FRONT + "\n\n".join([section("summary", "# Name"), section("data", "8 rows"), section("licence", "mit")]) + "\n"


def card(*pieces: str, front: str = FRONT) -> str:
    return front + "\n\n".join([NOTICE, *pieces]) + "\n"


def test_a_new_card_is_the_rendering_with_the_notice() -> None:
    assert merge(None, NEW, OWNED) == card(
        section("summary", "# Name"), section("data", "8 rows"), section("licence", "mit")
    )


def test_added_text_stays_after_the_section_that_it_followed() -> None:
    old = card(
        "> Hello.",
        section("summary", "# Old"),
        "## Thanks\n\nTo you.",
        section("plot", "![x](x)"),
        "About the plot.",
        section("data", "7 rows, edited by hand"),
        "Behind data.",
    )
    assert merge(old, NEW, OWNED) == card(
        "> Hello.",
        section("summary", "# Name"),
        "## Thanks\n\nTo you.",
        section("data", "8 rows"),
        "Behind data.",
        section("licence", "mit"),
        "About the plot.",
    )
    assert written_by_people(old) == ["> Hello.", "## Thanks\n\nTo you.", "About the plot.", "Behind data."]


def test_added_metadata_stays_and_stale_metadata_is_removed() -> None:
    front = (
        "---\nlicense: apache-2.0\nmodel-index: []\ntags: [unsloth, mine, titlecraft, mine]\ndatasets: ns/other\n"
        "extra_gated_prompt: Say who you are\nconfigs:\n- config_name: default\nversion: 2020-01-02\n---\n"
    )
    merged = merge(card(section("summary", "# Old"), front=front), NEW, OWNED)
    assert split(merged).metadata | {"version": None} == {
        "license": "mit",
        "tags": ["titlecraft", "trl", "mine"],
        "datasets": ["ns/data", "ns/other"],
        "extra_gated_prompt": "Say who you are",
        "configs": [{"config_name": "default"}],
        "version": None,
    }
    assert "\nversion: 2020-01-02\n" in merged and merge(merged, NEW, OWNED) == merged


def test_cards_without_section_markers() -> None:
    ours = "---\ntags: [titlecraft, mine]\n---\n# Written by an earlier version\n"
    assert merge(ours, NEW, OWNED) == merge(None, NEW, OWNED).replace("- trl\n", "- trl\n- mine\n")
    assert merge("# A person's\n", NEW, OWNED) == merge(None, NEW, OWNED) + "\n# A person's\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\na: [\n---\n", r"README.md of ns/x: the metadata between the two --- lines are not YAML"),
        ("---\n- a\n---\n", r"must be `name: value` lines"),
        (
            "<!-- titlecraft:data -->\n7 rows\n",
            r"begins with <!-- titlecraft:data --> has no <!-- /titlecraft:data -->",
        ),
        ("<!-- titlecraft:data -->\n" + section("summary", "# Old"), r"put that line back"),
    ],
)
def test_malformed_cards_are_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        merge(text, NEW, OWNED, "README.md of ns/x")


def test_a_rendering_with_text_outside_of_sections_fails() -> None:
    with pytest.raises(ValueError, match="outside of its sections"):
        merge(None, NEW + "\nloose\n", OWNED)


NAMES = ("summary", "data", "licence", "gone", "plot")
WORDS = st.text(alphabet="ab #-<>!/:\r\n\t'\"é", max_size=12)
PERSONS = st.one_of(WORDS, st.sampled_from(["---", NOTICE, "```\n<!-- x -->\n```", "-- titlecraft --"]))
PIECES = st.one_of(PERSONS, st.builds(section, st.sampled_from(NAMES), WORDS))
FRONTS = st.dictionaries(
    st.sampled_from(["license", "tags", "datasets", "extra", "model-index"]),
    st.one_of(WORDS, st.none(), st.booleans(), st.lists(WORDS, max_size=3), st.integers()),
)


@given(FRONTS, st.lists(PIECES, max_size=8), st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
def test_merging_twice_gives_the_same_bytes(front: dict, pieces: list[str], names: list[str]) -> None:
    existing = f"---\n{yaml.safe_dump(front)}---\n" + "\n\n".join(pieces)
    generated = FRONT + "\n\n".join(section(name, f"new {name}") for name in names) + "\n"
    once = merge(existing, generated, OWNED)
    assert merge(once, generated, OWNED) == once
    assert generated_part(once) == generated_part(generated)
    if any(block.name for block in split(existing).blocks):
        assert sorted("\n\n".join(written_by_people(once)).split()) == sorted(
            " ".join(written_by_people(existing)).split()
        )
