"""An embedding retriever and BERTScore recall with a tiny encoder; test_evaluate.py runs them in the whole stage."""

from pathlib import Path

import numpy as np
import pytest
import torch

from evaluation.lighteval_harness.pipeline import restored_process
from evaluation.lookup.encoders import BertRecall, EmbeddedTitles, load_encoder, vectors
from evaluation.lookup.sources import Lookup
from evaluation.lookup.title_index import TitleIndex
from evaluation.measures import entry_named, fewest_resamples, measure_names, sampled_measures
from evaluation.titles.draw import Sample
from tests.evaluation.lookup.tiny_encoder import save_encoder
from titlecraft.errors import UserError
from titlecraft.records import Pin
from titlecraft.settings import Evaluation

PINNED = Pin(type="model", repo="me/encoder", revision="a" * 40)
TITLES = ["Red lamp of the kitchen", "Blue kettle", "Old tent", "Quiet clock of the attic"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("encoder")
    save_encoder(made)
    return made


@pytest.fixture(autouse=True)
def downloaded(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr("evaluation.lookup.encoders.download", lambda pinned, files: folder)


def test_a_vector_does_not_depend_on_the_rest_of_the_batch() -> None:
    model, tokenizer = load_encoder(PINNED, "retriever")
    together = vectors(model, tokenizer, [*TITLES, "a lamp " * 20, "a lamp", "a lamp"])
    alone = vectors(model, tokenizer, ["a lamp"])["a lamp"]
    assert len(together) == 6 and together["a lamp"] == pytest.approx(alone, abs=1e-6)
    assert np.linalg.norm(alone) == pytest.approx(1)
    assert abs(together["Old tent"] @ alone) < 0.999
    hidden = model(**tokenizer("a lamp", return_tensors="pt")).last_hidden_state[0].mean(0)
    assert alone == pytest.approx((hidden / hidden.norm()).detach().numpy(), abs=1e-6)


def test_the_nearest_title_has_rank_1_and_an_empty_text_the_mean_rank() -> None:
    titles = EmbeddedTitles(PINNED, TitleIndex(TITLES, seed=7))
    titles.look_up([(title, text) for title in TITLES for text in ("blue KETTLE", "")])
    assert titles.rank("Blue kettle", "blue KETTLE") == 1  # the encoder does not see case
    assert sorted(titles.rank(title, "blue KETTLE") for title in TITLES) == [1, 2, 3, 4]
    assert titles.rank("blue  kettle", "") == 2.5  # all alike


def test_recall_cuts_the_answer_at_the_references_length() -> None:
    scored = BertRecall(PINNED)
    asked = [
        ("a red lamp", "a red lamp"),
        ("an old tent", "a red lamp"),
        ("a red lamp for sale", "a red lamp"),
        ("", "a lamp"),
    ]
    with restored_process():
        scored.look_up(asked)
    same, other, longer, nothing = (scored.recall(*pair) for pair in asked)
    assert same == pytest.approx(1, abs=1e-5) and longer == same and nothing == 0
    model, tokenizer = load_encoder(PINNED, "bertscore")
    with torch.no_grad():
        text, reference = (
            torch.nn.functional.normalize(model(**tokenizer(one, return_tensors="pt")).last_hidden_state[0], dim=1)
            for one in asked[1]
        )
    assert other == pytest.approx(float((reference @ text.T).max(1).values[1:-1].mean()), abs=1e-5) and other < 0.99


def test_a_recipe_with_encoders_has_their_measures() -> None:
    plain, named = Evaluation(), Evaluation(retriever="me/encoder@" + "a" * 40, bertscore="me/encoder@" + "a" * 40)
    added = set(measure_names(named)) - set(measure_names(plain))
    assert added == {"specificity_embedding", "bertscore_recall"}
    assert all(f"me/encoder@{'a' * 40}" in entry_named(name, named).source for name in added)
    assert "{" not in "".join(entry.source for entry in sampled_measures(named))
    assert (fewest_resamples(plain), fewest_resamples(named)) == (640, 720)


def test_a_repo_that_is_no_encoder_is_refused_with_its_setting(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("evaluation.lookup.encoders.download", lambda pinned, files: tmp_path)
    with pytest.raises(
        UserError, match=r"evaluation\.bertscore: me/encoder@aaaaaaaaaaaa cannot be loaded as a text encoder"
    ):
        load_encoder(PINNED, "bertscore")


def test_an_unusable_encoder_is_refused_before_generation(folder: Path, tmp_path: Path, monkeypatch) -> None:
    """A tokenizer without a pad token, such as GPT-2's, loads, but its first batch of two texts fails."""
    model, tokenizer = load_encoder(PINNED, "retriever")
    model.save_pretrained(tmp_path)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    monkeypatch.setattr("evaluation.lookup.encoders.download", lambda pinned, files: tmp_path)
    monkeypatch.setattr("evaluation.lookup.sources.pin", lambda repo, kind: PINNED)
    sample = Sample(titles=[], split_titles=TITLES, available=0, excluded={})
    with pytest.raises(
        UserError, match=r"evaluation\.retriever: me/encoder@aaaaaaaaaaaa cannot be loaded as a text encoder \(.*pad"
    ):
        Lookup.over(tmp_path, sample, Evaluation(retriever="me/encoder@" + "a" * 40))
