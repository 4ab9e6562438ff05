"""Draws the titles of an evaluation: a seeded random sample of the test split, independent of the order of its rows.

Rows that could bias the comparison are excluded and counted: the title, the description or a near-duplicate of it is in the
training split, the prompt contains the answer, or the prompt leaves no space for an answer in the model's context.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.titles.clusters import SERIES, Clustering, cluster
from evaluation.titles.training_split import InTraining, searching
from titlecraft.errors import UserError
from titlecraft.prompt import PromptFormat, encode_completion, encode_prompt
from titlecraft.search.title_match import folded

SPLIT = "test"
FEWEST = 30  # titles; with fewer, no method gives a useful interval of a mean
MOST_GIVEN_AWAY = (
    0.1  # share of rows; a few real rows repeat their title as text, more than that is an error of the prompt
)
COLUMNS = ["uid", "title", "instruction", "input", "output"]


@dataclass(frozen=True)
class Title:
    """One row of the test split with its prompt and token ids.

    Args:
        prompt: the rendered prompt of `instruction` and `input`.
        other_prompt: the prompt of another title of the sample, see `with_other_prompts`.
        prompt_tokens: token ids of the prompt, including BOS.
        reference_tokens: token ids of the reference and EOS, truncated to the model's length.
        reference_length: tokens of the whole reference, without EOS.
        scored_bytes: bytes of UTF-8 of `reference_tokens`, without EOS.
    """

    uid: str
    title: str
    reference: str
    prompt: str
    prompt_tokens: tuple[int, ...]
    reference_tokens: tuple[int, ...]
    reference_length: int
    scored_bytes: int
    other_prompt: str = ""
    other_prompt_tokens: tuple[int, ...] = ()
    instruction: str = ""
    input: str = ""

    @property
    def cut(self) -> bool:
        """Return whether the reference was truncated."""
        return len(self.reference_tokens) < self.reference_length + 1


@dataclass(frozen=True)
class Sample:
    """The drawn titles in their random order. Rows of the split = available + sum(excluded).

    `clustering` has the clusters of similar titles. `split_titles` are the distinct titles of all rows of the split, sorted. `near_not_looked_for` counts the rows whose
    description has no spaces between words, and therefore no word 5-grams to find near-duplicates by.
    """

    titles: list[Title]
    split_titles: list[str]
    available: int
    excluded: dict[str, int]
    near_not_looked_for: int = 0
    clustering: Clustering | None = None

    def cut(self) -> int:
        """Return the number of truncated references."""
        return sum(title.cut for title in self.titles)


@dataclass(frozen=True)
class TokenLimits:
    """Maximum tokens of a prompt with its reference (`scored`, as in training) and with its answer (`context`)."""

    scored: int
    context: int
    new_tokens: int


def read_split(dataset: Path, split: str, columns: list[str], name: str) -> pa.Table:
    """Read columns of one split of a downloaded dataset. Raise UserError if it has no such files or columns."""
    files = sorted((dataset / "data").glob(f"{split}-*.parquet"))
    if not files:
        raise UserError(f"{name} has no data/{split}-*.parquet: an evaluation needs the {split} split")
    try:
        return pa.concat_tables([pq.read_table(file, columns=columns) for file in files])
    except (pa.ArrowInvalid, KeyError) as error:
        raise UserError(f"the {split} split of {name} lacks one of {', '.join(columns)}: {error}") from error


def series_columns(dataset: Path) -> dict[str, str]:
    """Name in SERIES -> column of the test split that tells the series or brand of a product, as the split spells it."""
    file = next(iter(sorted((dataset / "data").glob(f"{SPLIT}-*.parquet"))), None)
    names = pq.read_schema(file).names if file else []
    return {name.casefold(): name for name in names if name.casefold() in SERIES}


def random_key(seed: int, row: dict[str, str]) -> bytes:
    """Return a keyed hash of a row; sorting by it gives a random order that is independent of the order of the rows."""
    text = "\x1f".join((row["uid"], row["title"], row["output"]))
    return blake2b(text.encode(), digest_size=16, key=str(seed).encode()).digest()


@contextmanager
def searching_training(dataset: Path, name: str) -> Iterator[Callable[[], InTraining]]:
    """Look for the test split's rows in the training split during the block; see `searching`."""
    rows = read_split(dataset, SPLIT, COLUMNS, name)
    with searching(dataset, name, rows["title"].to_pylist(), rows["output"].to_pylist()) as found:
        yield found


def draw(
    dataset: Path,
    prompt: PromptFormat,
    tokenizer: Any,
    limits: TokenLimits,
    count: int,
    seed: int,
    name: str = "the dataset",
    in_training: Callable[[], InTraining] | None = None,
) -> Sample:
    """Draw `count` titles of the test split of a downloaded dataset; errors call it `name`.

    Draws all usable titles if there are fewer. Raises UserError if there are fewer than FEWEST.

    Args:
        in_training: of `searching_training` over the same dataset; unset searches now.
    """
    if in_training is None:
        with searching_training(dataset, name) as search:
            return draw(dataset, prompt, tokenizer, limits, count, seed, name, search)
    columns = series_columns(dataset)
    rows = read_split(dataset, SPLIT, [*COLUMNS, *columns.values()], name).to_pylist()
    trained = in_training()
    excluded: Counter[str] = Counter()
    seen: set[str] = set()
    titles: list[Title] = []
    drawn_rows: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda row: random_key(seed, row)):
        text = prompt.render(row["instruction"], row["input"])
        if folded(row["title"]) in trained.titles:
            excluded["title_in_train"] += 1
        elif folded(row["output"]) in trained.outputs:
            excluded["output_in_train"] += 1
        elif row["output"] in trained.near:
            excluded["near_output_in_train"] += 1
        elif folded(row["title"]) in seen:
            excluded["repeated_title"] += 1
        elif folded(row["output"]) in folded(text):
            excluded["answer_in_prompt"] += 1
        elif (title := encode(row, prompt, tokenizer, limits)) is None:
            excluded["no_room_for_answer"] += 1
        else:
            titles.append(title)
            drawn_rows.append(row)
        seen.add(folded(row["title"]))
    if excluded["answer_in_prompt"] > len(rows) * MOST_GIVEN_AWAY:
        raise UserError(
            f"the prompt holds the answer in {excluded['answer_in_prompt']} of {len(rows)} rows of the {SPLIT} split "
            f"of {name}: look at the columns `input` and `output`, and at the question in prompt.json"
        )
    if len(titles) < min(FEWEST, count):
        fix = ". Build the dataset with a larger data.test_share"
        if len(titles) + excluded["no_room_for_answer"] >= min(FEWEST, count):
            fix = (
                f". Set --generation.max_new_tokens (now {limits.new_tokens}) smaller, or train with a larger base.max_length (now "
                f"{limits.scored}): the model has {limits.context} positions"
            )
        raise UserError(
            f"the {SPLIT} split of {name} gives {len(titles)} usable titles of {len(rows)} rows "
            f"({', '.join(f'{reason} {count}' for reason, count in excluded.items()) or 'nothing excluded'}); an "
            f"evaluation needs {min(FEWEST, count)}{fix}"
        )
    values = {name: [row[column] for row in drawn_rows[:count]] for name, column in columns.items()}
    return Sample(
        clustering=cluster([title.reference for title in titles[:count]], values),
        titles=with_other_prompts(titles[:count], tokenizer, limits.context),
        split_titles=sorted({row["title"] for row in rows}),
        available=len(titles),
        excluded=dict(sorted(excluded.items())),
    )


def encode(row: dict[str, str], prompt: PromptFormat, tokenizer: Any, limits: TokenLimits) -> Title | None:
    """Tokenise a row's prompt and reference; return None if the prompt leaves no space for an answer."""
    text = prompt.render(row["instruction"], row["input"])
    prompt_tokens = encode_prompt(tokenizer, text, prompt)
    completion = encode_completion(tokenizer, row["output"])
    if len(prompt_tokens) + limits.new_tokens > limits.context or len(prompt_tokens) >= limits.scored:
        return None
    title = Title(
        uid=row["uid"],
        title=row["title"],
        reference=row["output"],
        prompt=text,
        prompt_tokens=tuple(prompt_tokens),
        reference_tokens=tuple(completion),
        reference_length=len(completion) - 1,
        scored_bytes=len(row["output"].encode()),
        instruction=row.get("instruction", ""),
        input=row.get("input", ""),
    )
    return cut_reference(title, limits.scored - len(prompt_tokens), tokenizer)


def cut_reference(title: Title, most: int, tokenizer: Any) -> Title:
    """Return the title with its reference truncated to at most `most` tokens, including EOS."""
    if len(title.reference_tokens) <= most:
        return title
    kept = title.reference_tokens[:most]
    text = tokenizer.decode([token for token in kept if token != tokenizer.eos_token_id])
    return replace(title, reference_tokens=kept, scored_bytes=len(text.encode()))


def with_other_prompts(titles: list[Title], tokenizer: Any, context: int) -> list[Title]:
    """Set the other prompt of every title to the prompt of the next title (of the first title for the last).

    A reference that does not fit after the other prompt is truncated: the same tokens are scored after both prompts.
    """
    return [
        cut_reference(
            replace(title, other_prompt=other.prompt, other_prompt_tokens=other.prompt_tokens),
            context - len(other.prompt_tokens),
            tokenizer,
        )
        for title, other in zip(titles, [*titles[1:], *titles[:1]], strict=True)
    ]
