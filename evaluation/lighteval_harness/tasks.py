"""The experiment as lighteval tasks over the pinned test split: one task per arm, with the same documents and metrics.

The tasks are in one pipeline, because lighteval then passes all documents of a kind to the model in one call, and the
model can alternate between the arms batch by batch.
"""

from collections.abc import Sequence
from functools import partial
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from lighteval.metrics.metrics_sample import SampleLevelComputation
from lighteval.metrics.utils.metric_utils import SampleLevelMetric
from lighteval.models.model_output import ModelResponse
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc, SamplingMethod

from evaluation.measures import Entry, Known, Scored, Written, measures_of, sampled_measures
from evaluation.titles.draw import SPLIT, Title
from titlecraft.prompt import PromptFormat
from titlecraft.records import Pin, sampled_arm
from titlecraft.records.evaluation import SAMPLED
from titlecraft.settings import Evaluation

BEFORE, AFTER, GROUNDED = "before", "after", "grounded"
ARMS = (BEFORE, AFTER)  # same prompts; GROUNDED is the tuned model with sources in its prompts


def arm_of(task_name: str) -> str:
    """The arm of a lighteval task, from its full name, such as "before|0" or "before_sampled|0"."""
    return task_name.partition("|")[0].removesuffix(SAMPLED)


def is_sampled(task_name: str) -> bool:
    """Whether the answers of this lighteval task are sampled."""
    return task_name.partition("|")[0].endswith(SAMPLED)


def facts(doc: Doc) -> dict[str, Any]:
    """The fields that `build_tasks` adds to a document: title, reference_length, scored_bytes."""
    assert doc.specific is not None
    return doc.specific


class Value(SampleLevelComputation):
    """A measure as lighteval's computation: a document and a response -> a number."""

    def __init__(self, entry: Entry, known: Known, eos_token_id: int) -> None:
        self.entry = entry
        self.known = known
        self.eos_token_id = eos_token_id

    def __deepcopy__(self, _: Any) -> "Value":
        """Return itself: lighteval's registry copies every task, and the copies would lack the looked-up values."""
        return self

    def compute(self, doc: Doc, model_response: ModelResponse, **_: Any) -> float:
        """The measure's value for one title in one arm; the mean if there are several answers."""
        if self.entry.reads is Scored:
            tokens, elsewhere = model_response.output_tokens[0], model_response.unconditioned_logprobs
            assert elsewhere is not None
            return self.entry.value(
                Scored(
                    nll=-model_response.logprobs[0],
                    tokens=len(tokens),
                    bytes=facts(doc)["scored_bytes"],
                    nll_elsewhere=-elsewhere[0],
                )
            )
        answers = self.answers(doc, model_response)
        value = partial(self.known.value, self.entry) if self.entry.alone else self.entry.value
        return sum(value(answer) for answer in answers) / len(answers)

    def answers(self, doc: Doc, response: ModelResponse) -> list[Written]:
        """The answers to one title in one arm. logprobs has two numbers per answer, NaN if its orders were not scored."""
        written = []
        for index, (text, tokens) in enumerate(zip(response.final_text, response.output_tokens, strict=True)):
            stopped = bool(tokens) and tokens[-1] == self.eos_token_id
            orders = [None if isnan(logprob) else -logprob for logprob in response.logprobs[2 * index : 2 * index + 2]]
            written.append(
                Written(
                    text=text,
                    tokens=len(tokens) - stopped,
                    stopped=stopped,
                    reference=doc.choices[0],
                    reference_tokens=facts(doc)["reference_length"],
                    title=facts(doc)["title"],
                    nll_in_order=orders[0],
                    nll_shuffled=orders[1],
                    known=self.known,
                )
            )
        return written


def as_metric(entry: Entry, known: Known, eos_token_id: int) -> SampleLevelMetric:
    """A measure as a lighteval metric; the corpus value is the mean over titles."""
    kind = SamplingMethod.LOGPROBS if entry.reads is Scored else SamplingMethod.GENERATIVE
    return SampleLevelMetric(
        metric_name=entry.name,
        higher_is_better=entry.better == "higher",
        category=kind,
        sample_level_fn=Value(entry, known, eos_token_id),
        corpus_level_fn=np.mean,
    )


def build_tasks(
    dataset: Pin | Path,
    prompt: PromptFormat,
    titles: Sequence[Title],
    known: Known,
    new_tokens: int,
    eos_token_id: int,
    settings: Evaluation,
    grounded: Sequence[Title] = (),
) -> list[LightevalTaskConfig]:
    """One task per arm; sampled answers add one per arm, titles with sources add one.

    Rows of the split that were not drawn get no document. A folder stands for a dataset whose rows were read into it.
    """
    drawn, with_sources = (
        {(title.uid, title.title, title.reference): title for title in sample} for sample in (titles, grounded)
    )

    def document(row: dict[str, Any], task_name: str) -> Doc | None:
        is_grounded = arm_of(task_name) == GROUNDED
        title = (with_sources if is_grounded else drawn).get((row["uid"], row["title"], row["output"]))
        if title is None or title.reference != row["output"]:
            return None
        return Doc(
            query=title.prompt if is_grounded else prompt.render(row["instruction"], row["input"]),
            choices=[row["output"]],
            gold_index=0,
            task_name=task_name,
            unconditioned_query=title.other_prompt,
            specific={
                "title": title.title,
                "reference_length": title.reference_length,
                "scored_bytes": title.scored_bytes,
            },
        )

    def task(name: str, entries: Sequence[Entry]) -> LightevalTaskConfig:
        return LightevalTaskConfig(
            name=name,
            prompt_function=document,  # pyright: ignore[reportArgumentType]  # lighteval skips documents that are None
            hf_repo=dataset.repo if isinstance(dataset, Pin) else str(dataset),
            hf_subset="default",
            hf_revision=dataset.revision if isinstance(dataset, Pin) else None,
            evaluation_splits=[SPLIT],
            generation_size=new_tokens,
            stop_sequence=[],
            metrics=[as_metric(entry, known, eos_token_id) for entry in entries],
        )

    greedy = [task(arm, measures_of(settings)) for arm in (*ARMS, *([GROUNDED] if grounded else []))]
    return greedy + ([task(sampled_arm(arm), sampled_measures(settings)) for arm in ARMS] if settings.sampled else [])
