"""`titlecraft train --dry-run` for an 8B base without weights, from its config, tokenizer and card."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

import msgspec
import pytest
from huggingface_hub import HfApi
from rich.console import Console

from local_hub.server import start, stop
from tests import ROOT
from tests.warm import PYTHON
from titlecraft.hub.licence import obligations
from titlecraft.records import Licence, Pin
from titlecraft.settings import Training
from training.planning.plan import Plan
from training.planning.plan_table import duration, show_plan


@dataclass
class Planned:
    """The output of tests.training.planning.planned, and the environment for further commands."""

    found: dict[str, Any]
    environment: dict[str, str]

    def dry_run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `titlecraft train --dry-run` in a new process."""
        command = [
            PYTHON,
            "-m",
            "titlecraft.command_line.main",
            "train",
            "--dataset",
            "titlecraft/catalogue-rows",
            "--dry-run",
            "--recipe",
            "auto",
            "--base.repo=titlecraft/llama-8b",
            "--base.max_length=512",
            *arguments,
        ]
        return subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planned]:
    folder = tmp_path_factory.mktemp("planned")
    environment = os.environ | start(folder / "hub").environment(folder / "home") | {"COLUMNS": "140"}
    try:
        process = subprocess.run(
            [PYTHON, "-m", "tests.training.planning.planned", str(folder)],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert process.returncode == 0, process.stderr
        yield Planned(json.loads(process.stdout.splitlines()[-1]), environment)
    finally:
        stop(folder / "hub")


def test_parameters_are_counted_without_weights(planned: Planned) -> None:
    plan = planned.found["before"]
    assert (plan["trainable_parameters"], plan["base_parameters"]) == (41_943_040, 8_030_261_248)
    assert not [name for name in planned.found["cached"] if name.endswith((".safetensors", ".bin"))]


def test_tokens_are_counted_if_encoded_and_estimated_otherwise(planned: Planned) -> None:
    before, after, tokens = planned.found["before"], planned.found["after"], planned.found["tokens"]
    assert (before["exact"], before["encoded_rows"], after["exact"], after["encoded_rows"]) == (
        False,
        2000,
        True,
        2500,
    )
    assert after["tokens"] == tokens != before["tokens"] == pytest.approx(tokens, rel=0.01)
    assert after["packed_rows"] == pytest.approx(before["packed_rows"], rel=0.02)
    assert after["efficiency"] == round(tokens / (512 * after["packed_rows"]), 4) > 0.8
    assert (after["rows"], after["examples"], after["truncated"]) == (2500, 2500, 0)
    # 200 steps of 8 packed rows go round the split
    epochs = 200 * 8 / after["packed_rows"]
    assert after["steps"] == 200 and after["share_seen"] == 1.0
    assert after["examples_seen"] == pytest.approx(2500 * epochs, rel=0.02)


def test_each_gpu_gets_settings_that_fit(planned: Planned) -> None:
    cards = {card["name"]: card for card in planned.found["after"]["cards"]}
    assert list(cards) == ["T4", "L4", "RTX 3090", "RTX 4090", "RTX 5090", "A100", "H100", "H200"]
    assert {
        name: (card["fits"], card["gradient_checkpointing"], card["batch_size"]) for name, card in cards.items()
    } == {
        "T4": (True, False, 2),
        "L4": (True, False, 4),
        "RTX 3090": (True, False, 4),
        "RTX 4090": (True, False, 4),
        "RTX 5090": (True, False, 8),
        "A100": (True, False, 8),
        "H100": (True, False, 8),
        "H200": (True, False, 8),
    }
    assert all(card["batch_size"] * card["accumulation"] == 8 for card in cards.values())
    assert all(card["measured"] or "TFLOP/s" in card["basis"] for card in cards.values())
    tokens = planned.found["after"]["tokens_seen"]
    assert cards["T4"]["seconds"] == pytest.approx(tokens / cards["T4"]["tokens_per_second"], rel=0.01)
    assert cards["T4"]["seconds"] > cards["L4"]["seconds"] > cards["A100"]["seconds"] > cards["H100"]["seconds"]


def test_a_plan_takes_15_seconds_and_publishes_nothing(planned: Planned) -> None:
    started = time.monotonic()
    process = planned.dry_run("--repo", "titlecraft/Llama-3-Titles", "--json")
    assert process.returncode == 0, process.stderr
    assert time.monotonic() - started < 15
    assert json.loads(process.stdout) == planned.found["after"]
    hub = HfApi(endpoint=planned.environment["HF_ENDPOINT"], token=planned.environment["HF_TOKEN"])
    assert hub.repo_exists("titlecraft/llama-8b") and not hub.repo_exists("titlecraft/Llama-3-Titles")


def test_problems_that_would_stop_the_run_are_listed(planned: Planned) -> None:
    problems = planned.found["problems"]
    assert [problem.partition(":")[0] for problem in problems] == [
        "no write right on somebody/Titles",
        "--repo somebody/Titles",
    ]
    assert "somebody/Llama-3-Titles" in problems[1]


def test_the_table_agrees_with_the_json(planned: Planned) -> None:
    plan = msgspec.convert(planned.found["after"], Plan)
    show_plan(plan, Training(batch_size=8, accumulation=1), Console(file=(out := StringIO()), width=140))
    output = out.getvalue()
    for line in (
        "trained parameters 41,943,040 of a base of 8,030,261,248",
        "optimizer steps 200 8 × 1 for each",
        f"tokens {plan.tokens:,} {plan.completion_tokens:,} of answers; counted on the encoded split",
        "• the name of the adapter begins with 'Llama-3'",
        "The token may write to titlecraft/Llama-3-Titles.",
    ):
        assert line in " ".join(output.split())
    assert "about" not in output and "would stop" not in output
    full = [msgspec.structs.replace(card, fits=False) for card in plan.cards]
    sampled = msgspec.structs.replace(
        plan, exact=False, encoded_rows=2000, examples=2400, problems=["no write right"], cards=full
    )
    show_plan(sampled, Training(shard_base=True), Console(file=(out := StringIO()), width=140))
    assert "estimated from 2,000 rows drawn at random" in out.getvalue()
    assert "would stop the run: no write right" in out.getvalue()
    assert "100 too long and left out" in out.getvalue()
    assert "--training.fit_memory=true cuts the same steps" in out.getvalue()
    assert "training.shard_base shares that out" in out.getvalue() and "shard_base" not in output


def test_each_gpu_takes_one_line_of_80_columns(planned: Planned) -> None:
    plan = msgspec.convert(planned.found["after"], Plan)
    show_plan(plan, Training(batch_size=8, accumulation=1), Console(file=(out := StringIO()), width=80))
    output = out.getvalue()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if "│" in line]
    assert [(row[0], "≈" in row[-1], "≈" in row[-2]) for row in rows] == [
        (card.name, not card.measured, not card.measured) for card in plan.cards
    ]
    for card in plan.cards:
        assert f"{'measured' if card.measured else 'estimated'} ({card.basis})" in output


def test_licence_obligations() -> None:
    base = Pin(type="model", repo="ns/base", revision="b" * 40)
    licence = lambda id, **more: Licence(**{"id": id, "name": None, "link": None, "warning": None} | more)  # noqa: E731
    assert obligations(licence("apache-2.0"), base) == [
        "the card of ns/base@bbbbbbbbbbbb states apache-2.0: its terms bind the adapter too"
    ]
    assert obligations(licence("llama3.1"), base)[:2] == [
        "the name of the adapter begins with 'Llama'",
        "its card says 'Built with Llama'",
    ]
    assert obligations(licence("other", warning="it has no card: ask"), base) == ["it has no card: ask"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3, "3 s"),
        (119, "119 s"),
        (120, "2.0 min"),
        (7200, "2.0 h"),
        (21 * 86_400, "21.0 days"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
