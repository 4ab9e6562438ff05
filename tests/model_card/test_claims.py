"""A claim is on the card only if all of its record fields have values."""

from copy import deepcopy
from dataclasses import replace
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from jinja2 import Environment, meta, nodes

from evaluation.measures import MEASURES
from model_card.build import render
from model_card.citations import SOFTWARE, cited_by, entries, source_names
from model_card.claims import CLAIMS, claims_of
from model_card.claims.claim import Claim, render_claims, steps_of, value_at
from model_card.claims.use import vllm_options
from model_card.named_records import named_records
from tests import present
from tests.model_card.test_golden_cards import bare, evaluated
from titlecraft.records import Record

UNKNOWN = ("not measured", "not counted", "not evaluated", "unknown", "none on record")
OF_WHAT_IS_MISSING = (
    "data.no-leakage",
    "not-measured.quality",
    "not-measured.forgetting",
    "not-measured.sampled",
    "not-measured.energy",
)


def whole_records() -> dict[str, Any]:
    """Records with a value for every field of every claim."""
    records = named_records(evaluated())
    training, report = records["training"], records["report"]
    training["measured"] |= {
        "energy_kwh": 1.0,
        "energy_of": "GPU",
        "energy_by": "x",
        "co2_eq_grams": 2.0,
        "country": "BRA",
        "parts": 2,
        "validation_seconds": 3.0,
    }
    training["examples"]["padding_share"] = 0.1
    training |= {"quantization_note": "Note.", "memory_note": "Note.", "template_note": "Note.", "router_note": "Note."}
    training |= {"skipped_steps": 3, "trained_prompt": {"prompt": {"format": "alpaca"}, "reason": "so it is."}}
    training["lora"] |= {"variant": "dora", "init": "pissa"}
    training["rows"] = {"format": "alpaca", "columns": ["instruction", "output"], "drawn": {"test": 0.1}}
    records["prompt"] |= {"message": "A kettle", "template": "chat_template.jinja"}
    training["effect"] |= {"changes_logits": False, "nll_adapter": 10 * training["effect"]["nll_base"]}
    report["measures"][0]["after"] = 10 * report["measures"][0]["before"]
    training["licence"] |= {"warning": "Warning."}
    report |= {"excluded": {"title_in_train": 3}, "guards": [{"name": "g", "expected": "1", "found": "1"}]}
    report |= {"references_cut": 2, "benchmarks": [{"repo": "ns/bench", "revision": "e" * 40}]}
    report["measures"][0] |= {"design_effect": 1.4, "titles_low": -0.28, "titles_high": -0.22}
    report["clusters"] = {"count": 89, "largest": 17, "similarity": 0.3, "columns": ["brand"], "left_out": []}
    of_arm = {"most_repeated": 9, "distinct_2": 0.1, "words": 100}
    report["answers"] = {
        "before": of_arm | {"distinct": 180, "copied_words": 3, "looping": 2},
        "after": of_arm | {"distinct": 14, "copied_words": 88, "looping": 120},
    }
    report |= {"sampled": report["measures"], "also": report["measures"]}
    records["dataset"]["prompt"] |= {"other_questions": ["{title}?"], "product_word": "auto"}
    report |= {
        "near_not_looked_for": 5,
        "not_measured": [{"name": "rouge_l", "label": "ROUGE-L", "read": 0, "n": 200, "lacking": ["latin"]}],
    }
    records["dataset"]["source"]["expected_lines"] = 2_248_619
    records["dataset"]["leakage"]["test"]["near_measured"] = 0
    training["base_settings"]["repo"], training["lora"]["r"], training["generation"]["top_k"] = "ns/base", 8, 5
    report["evaluation"]["sampled"] = 2
    return records


def without_field(records: dict[str, Any], path: str) -> dict[str, Any]:
    """A copy of the records with null at this path."""
    copy = deepcopy(records)
    *parents, last = steps_of(path)
    parent: Any = copy
    for step in parents:
        parent = value_at({"parent": parent}, f"parent[{step}]")
    if isinstance(parent, list):
        target = value_at({"parent": parent}, f"parent[{last}]")
        parent[next(index for index, element in enumerate(parent) if element is target)] = None
    else:
        parent[last] = None
    return copy


@pytest.mark.parametrize(
    "claim", [claim for claim in CLAIMS if claim.id not in OF_WHAT_IS_MISSING], ids=lambda claim: claim.id
)
def test_a_claim_needs_all_of_its_fields(claim: Claim) -> None:
    records = whole_records()
    complete = render_claims([claim], records)
    assert complete and all(rendered.licensed and rendered.sentence for rendered in complete)
    for rendered in complete:
        assert rendered.fields and None not in rendered.fields.values()
        for path in rendered.fields:
            remaining = {other.id: other for other in render_claims([claim], without_field(records, path))}
            left = remaining.get(rendered.id)
            assert left is None or (not left.licensed and any(word in left.sentence.lower() for word in UNKNOWN)), path


def test_missing_values_are_named() -> None:
    missing = [claim for claim in CLAIMS if claim.id in OF_WHAT_IS_MISSING]
    assert render_claims(missing, whole_records()) == []
    assert [claim.sentence for claim in render_claims(missing, named_records(bare()))] == [
        "- Overlap of the splits: not measured.",
        "- Whether fine-tuning helped: not evaluated.",
        "- Energy use of the training: not measured.",
    ]
    assert [claim.id for claim in render_claims(missing, named_records(evaluated()))] == [
        "not-measured.forgetting",
        "not-measured.sampled",
        "not-measured.energy",
    ]


def test_values_of_claims_equal_the_records() -> None:
    claims = {claim.id: claim for claim in claims_of(evaluated())}
    assert claims["data.seen"].fields == {"training.examples.seen": 1600, "training.examples.distinct_seen": 1600}
    assert claims["result.primary"].fields["report.measures[nll_per_token].low"] == -0.3
    assert claims["evaluation.measure[rouge_l]"].fields["report.measures[rouge_l].after"] == 0.22
    assert claims["provenance.verify-data"].fields["dataset.source.files[0].name"] == "trn.json.gz"


@pytest.mark.parametrize(
    ("low", "high", "p", "better", "answer"),
    [
        (-0.3, -0.1, 0.01, "lower", "By this measure, yes."),
        (0.1, 0.3, 0.01, "lower", "By this measure, no: it got worse."),
        (-0.3, 0.0, 0.01, "lower", "No measured difference."),
        (-0.3, -0.1, 0.06, "lower", "No measured difference."),
        (-0.3, -0.1, 0.01, "neither", "Lower, which is neither better nor worse."),
    ],
)
def test_the_verdict_in_the_box(low: float, high: float, p: float, better: str, answer: str) -> None:
    records = named_records(evaluated())
    records["report"]["measures"][0] |= {
        "low": low,
        "high": high,
        "p_holm": p,
        "better": better,
        "difference": (low + high) / 2,
    }
    box = render_claims([claim for claim in CLAIMS if claim.id == "result.primary"], records)
    assert f"Did fine-tuning help? {answer}** NLL per token on 200 held-out titles" in box[0].sentence


@pytest.mark.parametrize(
    ("before", "after", "warned"),
    [
        (2.5, 25.0, True),
        (2.5, 24.9, False),
        (2.5, 0.2, False),
        (7.2, 3e5, True),
        (0.0, 1.0, True),
        (0.0, 0.0, False),
    ],
)
def test_the_box_warns_of_an_adapter_that_ruins_its_base(before: float, after: float, warned: bool) -> None:
    records = named_records(evaluated())
    records["report"]["measures"][0] |= {"before": before, "after": after}
    records["training"]["effect"] |= {"nll_base": before, "nll_adapter": after}
    warnings = [
        claim.sentence
        for claim in render_claims(CLAIMS, records)
        if claim.section == "result" and "order of magnitude" in claim.sentence
    ]
    assert len(warnings) == 2 * warned
    assert all(f"{before:.4g}" in warning and f"{after:.4g}" in warning for warning in warnings)


def test_the_box_warns_of_an_adapter_that_changes_nothing() -> None:
    record = evaluated().training
    zeroed = msgspec.structs.replace(
        record, effect=msgspec.structs.replace(present(record.effect), changes_logits=False)
    )
    box = lambda training: render(replace(evaluated(), training=training)).split("titlecraft:result -->")[1]  # noqa: E731
    assert "> **The adapter has no effect:**" in box(zeroed) and "has no effect" not in box(record)
    # a record of a version that did not measure the effect
    assert "has no effect" not in box(msgspec.structs.replace(record, effect=None))


def test_the_template_uses_existing_claims_and_no_record() -> None:
    source = (files("model_card") / "templates" / "adapter_card.md.jinja").read_text(encoding="utf-8")
    tree = Environment().parse(source)
    assert meta.find_undeclared_variables(tree) == {"claim", "rows", "family", "name", "blocks", "fence"}
    requested = {node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str) and "." in node.value}
    families = {
        node.args[0].as_const() for node in tree.find_all(nodes.Call) if getattr(node.node, "name", "") == "family"
    }
    known = {claim.id for claim in CLAIMS}
    assert requested - families <= known and all(any(id.startswith(family) for id in known) for family in families)
    in_rows = ("data", "cost", "evaluation", "not-measured", "provenance")
    unused = {
        claim.id for claim in CLAIMS if claim.id not in requested and not claim.id.startswith((*families, *in_rows))
    }
    assert not unused


def test_every_measure_is_cited() -> None:
    sources = {entry.source for entry in MEASURES if entry.source != "Titlecraft"}
    assert sources and all(map(cited_by, sources))
    assert set(SOFTWARE.values()) <= set(entries()) and all(key in entry for key, entry in entries().items())
    assert {"Popovic 2015", "Lu 2024", "Barzilay and Lapata 2008", "Gao et al. 2020", "sacrebleu"} <= set(
        source_names()
    )


def test_records_are_plain_values() -> None:
    assert not any(isinstance(value, Record) for value in named_records(evaluated()).values())


def test_left_out_rows_count_as_rows_of_the_training_split() -> None:
    """Prompts that are too long count as rows of the training split, so the share that was seen does not grow."""
    named = whole_records()
    named["training"]["examples"] |= {"available": 100, "left_out": 300, "distinct_seen": 40}
    lines = [claim.sentence for claim in render_claims(CLAIMS, named) if claim.id in ("data.available", "data.share")]
    assert lines == ["| rows in the training split | 400 |", "| share of the training split that was seen | 10% |"]


@pytest.mark.parametrize(("rank", "largest"), [(8, 8), (16, 16), (24, 32), (512, 512), (513, None)])
def test_the_command_for_vllm_has_a_rank_that_vllm_takes(rank: int, largest: int | None) -> None:
    options = vllm_options({"r": rank, "repo": "ns/titles"})
    assert options == (largest and {"rank": largest, "name": "titles"})
