"""Outcomes read from lighteval's details."""

from types import SimpleNamespace

import pytest

from evaluation.guards import check_titles
from evaluation.lighteval_harness.pipeline import outcomes
from evaluation.titles.draw import Title
from titlecraft.errors import UserError


def test_the_outcomes_prompt_is_that_of_lightevals_document() -> None:
    """The model's response repeats the sample's prompt, so that it cannot show a difference."""
    title = Title(
        uid="B1",
        title="A lamp",
        reference="It is red.",
        prompt="Describe: A lamp",
        prompt_tokens=(1, 2),
        reference_tokens=(3, 4),
        reference_length=1,
        scored_bytes=10,
    )
    response = SimpleNamespace(text=["Red."], input=title.prompt, output_tokens=[[5]])

    def found(query: str) -> list[str]:
        doc = SimpleNamespace(query=query, specific={"title": "A lamp"})
        details = [SimpleNamespace(doc=doc, model_response=response, metric={"chrf": 1.0})]
        return [one.prompt for one in outcomes(details, [title])]

    assert all(check.holds for check in check_titles([title], {"before": found(title.prompt)}))
    with pytest.raises(UserError, match="both arms are asked the same prompts"):
        check_titles([title], {"before": found(title.prompt), "after": found("Another prompt")})
