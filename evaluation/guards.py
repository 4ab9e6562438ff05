"""Checks that the comparison of the arms is valid. A check that fails stops the run."""

from collections.abc import Callable, Sequence
from typing import Any

from peft import PeftModel
from transformers import PreTrainedModel

from evaluation.titles.draw import Title
from titlecraft.models.checks import require_check
from titlecraft.models.loss.check_scores import Arm, check_own_scores
from titlecraft.records import Check
from titlecraft.search.title_match import folded

TITLES_SCORED = 3


def check_scores(
    model: PreTrainedModel | PeftModel,
    titles: Sequence[Title],
    pad_token_id: int,
    on_gpu: bool = False,
    batch_size: int = TITLES_SCORED,
    states_of: Callable[[Arm], Any] | None = None,
) -> Check:
    """Check that batched scores of the first, longest and shortest title equal those of plain forward passes."""
    by_length = sorted(titles, key=lambda title: len(title.prompt_tokens) + len(title.reference_tokens))
    chosen = list(dict.fromkeys([titles[0], by_length[-1], by_length[0]]))[:TITLES_SCORED]
    pairs = [(title.prompt_tokens, title.reference_tokens) for title in chosen]
    name = "chunked scoring gives the score of a plain forward pass"
    return check_own_scores(model, pairs, pad_token_id, on_gpu, batch_size, name, states_of)


def check_titles(titles: Sequence[Title], prompts: dict[str, list[str]]) -> list[Check]:
    """Check that both arms got the same prompts, and that no prompt contains its answer. `prompts`: arm -> prompts as run."""
    same = all(arm_prompts == [title.prompt for title in titles] for arm_prompts in prompts.values())
    given_away = sum(folded(title.reference) in folded(title.prompt) for title in titles)
    return [
        require_check(
            "both arms are asked the same prompts",
            f"{len(titles)} equal prompts",
            "equal" if same else "different",
            same,
            "the harness changed a prompt: please report it",
        ),
        require_check(
            "no prompt holds its answer",
            "0",
            str(given_away),
            not given_away,
            "look at the dataset's columns",
        ),
    ]
