"""The experiment as two lighteval tasks over the pinned test split, one for each arm: same documents, same metrics.

Two tasks in one pipeline, rather than two pipelines: lighteval hands all documents of a kind to the model in one call,
so that the model can take the arms by turns, batch by batch.
"""

from collections.abc import Sequence
from math import isnan
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
ARMS = (BEFORE, AFTER)  # asked the same prompts; GROUNDED is the tuned model with sources in them


def arm_of(task_name: str) -> str:
    """The arm that a lighteval task (its full name is "before|0" or "before_sampled|0") belongs to."""
    return task_name.partition("|")[0].removesuffix(SAMPLED)


def is_sampled(task_name: str) -> bool:
    """Whether the answers of this lighteval task are sampled."""
    return task_name.partition("|")[0].endswith(SAMPLED)


def facts(doc: Doc) -> dict[str, Any]:
    """What `build_tasks` put beside a document: title, reference_length, scored_bytes."""
    assert doc.specific is not None
    return doc.specific


class Value(SampleLevelComputation):
    """A measure of ours as lighteval computes it: from one document and one response to one number."""

    def __init__(self, entry: Entry, known: Known, eos_token_id: int) -> None:
        self.entry = entry
        self.known = known
        self.eos_token_id = eos_token_id

    def __deepcopy__(self, _: Any) -> "Value":
        """Itself: lighteval's registry copies every task, and only the first copy would have the looked-up values."""
        return self

    def compute(self, doc: Doc, model_response: ModelResponse, **_: Any) -> float:
        """The measure's value for one title in one arm; the mean where there are several answers."""
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
        return sum(self.entry.value(answer) for answer in answers) / len(answers)

    def answers(self, doc: Doc, response: ModelResponse) -> list[Written]:
        """What was written for one title in one arm; logprobs has two numbers for each answer, NaN where there are none."""
        found = []
        for place, (text, tokens) in enumerate(zip(response.final_text, response.output_tokens, strict=True)):
            stopped = bool(tokens) and tokens[-1] == self.eos_token_id
            orders = [None if isnan(one) else -one for one in response.logprobs[2 * place : 2 * place + 2]]
            found.append(
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
        return found


def as_metric(entry: Entry, known: Known, eos_token_id: int) -> SampleLevelMetric:
    """A measure of ours as a lighteval metric; the corpus value is the mean over titles."""
    kind = SamplingMethod.LOGPROBS if entry.reads is Scored else SamplingMethod.GENERATIVE
    return SampleLevelMetric(
        metric_name=entry.name,
        higher_is_better=entry.better == "higher",
        category=kind,
        sample_level_fn=Value(entry, known, eos_token_id),
        corpus_level_fn=np.mean,
    )


def build_tasks(
    dataset: Pin,
    prompt: PromptFormat,
    titles: Sequence[Title],
    known: Known,
    new_tokens: int,
    eos_token_id: int,
    settings: Evaluation,
    grounded: Sequence[Title] = (),
) -> list[LightevalTaskConfig]:
    """One task for each arm, one more where answers are sampled too, and one where titles are asked with sources.

    Rows of the split that were not drawn become no document.
    """
    drawn, with_sources = (
        {(title.uid, title.title, title.reference): title for title in some} for some in (titles, grounded)
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
            hf_repo=dataset.repo,
            hf_subset="default",
            hf_revision=dataset.revision,
            evaluation_splits=[SPLIT],
            generation_size=new_tokens,
            stop_sequence=[],
            metrics=[as_metric(entry, known, eos_token_id) for entry in entries],
        )

    greedy = [task(arm, measures_of(settings)) for arm in (*ARMS, *([GROUNDED] if grounded else []))]
    return greedy + ([task(sampled_arm(arm), sampled_measures(settings)) for arm in ARMS] if settings.sampled else [])
