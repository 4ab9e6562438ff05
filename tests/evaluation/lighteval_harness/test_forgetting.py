"""Standard benchmarks before and after: finding a task, refusals, and scores of choices; nothing is downloaded."""

import pytest
import torch
from lighteval.tasks.requests import Doc

from evaluation.lighteval_harness.choices import BothArmsChoose
from evaluation.lighteval_harness.forgetting import find_benchmark, task_modules
from evaluation.model.finished_batches import FinishedBatches
from evaluation.progress import Progress
from tests.tiny_world import add_adapter, make_base, train_tokenizer
from titlecraft.errors import UserError
from titlecraft.models.adapter.load import Loaded
from titlecraft.models.base.model import LoadedBase
from titlecraft.models.loss.answer_nll import plain_nll
from titlecraft.prompt import encode_prompt, token_ids

torch.set_grad_enabled(True)  # importing lighteval switches them off


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("arc:easy", 'expected "lighteval|TASK|EXAMPLES"'),
        ("lighteval|arc:easy|many", 'expected "lighteval|TASK|EXAMPLES"'),
        ("lighteval|arc:easy|²", 'expected "lighteval|TASK|EXAMPLES"'),
        ("lighteval|no_such_task|0", "lighteval has no task 'no_such_task'"),
        ("lighteval|gsm8k|0", "it is answered in text"),
        ("lighteval|lambada:standard|0", "its metric ppl is none of single questions"),
    ],
)
def test_unsuitable_tasks_are_refused(task: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        find_benchmark(task)
    assert message in str(error.value) and task in str(error.value)


def test_a_task_is_found_in_the_sources_of_lighteval() -> None:
    assert [module.__name__ for module in task_modules("arc:easy")] == ["lighteval.tasks.tasks.arc"]


def test_choices_are_scored_in_both_arms() -> None:
    tokenizer = train_tokenizer()
    model = add_adapter(make_base(len(tokenizer)))
    questions = [
        ("What is red?", [" A lamp", " The old clock of the harbour"]),
        ("And old? " * 200, [" A tent", " Both"]),
    ]
    docs = [
        Doc(query=query, choices=choices, gold_index=0, task_name=f"{arm}_arc:easy|0", id=str(index))
        for arm in ("before", "after")
        for index, (query, choices) in enumerate(questions)
    ]
    loaded = Loaded(model, tokenizer, base=LoadedBase(model, tokenizer, "none", None, "float32"), checks=[])
    responses = BothArmsChoose(loaded, 3, Progress(), FinishedBatches(None, {})).loglikelihood(docs)
    for doc, response in zip(docs, responses, strict=True):
        choices = token_ids(tokenizer, doc.choices)
        prompt = encode_prompt(tokenizer, doc.query)[-(512 - max(map(len, choices))) :]
        if doc.task_name.startswith("after"):
            expected = [-plain_nll(model, prompt, choice) for choice in choices]
        else:
            with model.disable_adapter():
                expected = [-plain_nll(model, prompt, choice) for choice in choices]
        assert response.logprobs == pytest.approx(expected, rel=1e-4)
        assert response.output_tokens == choices
    assert responses[0].logprobs != responses[2].logprobs
