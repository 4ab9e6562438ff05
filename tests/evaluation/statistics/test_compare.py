"""Paired statistics: literal cases, degenerate cases, and coverage on simulated data."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from evaluation.inputs import read_inputs
from evaluation.measures import MEASURES, entry_named
from evaluation.outcome import Outcome
from evaluation.statistics.compare import compare_arms, compare_sampled
from evaluation.statistics.corpus import Paired, paired_p_value
from evaluation.statistics.intervals import bca_interval, mean_interval
from evaluation.statistics.paired import compare, compare_corpora, compare_each, correct
from evaluation.statistics.significance import bootstrap, holm, minimum_detectable_effect, p_value, p_values
from tests import present
from titlecraft.errors import UserError
from titlecraft.settings import Evaluation, Recipe

SETTINGS = Evaluation(resamples=999)
NLL, CHRF, LENGTH, COHERENCE = (
    entry_named(name, SETTINGS) for name in ("nll_per_token", "chrf", "length_ratio", "coherence")
)
REFERENCES = [f"A red lamp of size {n} for the kitchen and the garden." for n in range(30)]
CLOSE = [f"A red lamp of size {n} for the kitchen" + " and the garden" * (n % 3) + "." for n in range(30)]
FAR = [f"Something else {n}, not a lamp of any kind." for n in range(30)]


def test_identical_arms_have_no_difference() -> None:
    values = [1.0, 2.5, 3.0, 0.5] * 8
    measure = compare(NLL, values, values, SETTINGS)
    assert (measure.difference, measure.low, measure.high, measure.p_value) == (0.0, 0.0, 0.0, 1.0)
    assert (measure.wins, measure.ties, measure.losses) == (0, 32, 0)


@pytest.mark.parametrize(
    ("titles", "clusters", "known"), [(29, 29, False), (30, 30, True), (40, 29, False), (40, 30, True)]
)
def test_fewer_than_30_titles_or_clusters_have_no_interval_and_no_verdict(
    titles: int, clusters: int, known: bool
) -> None:
    before, after = np.linspace(2, 3, titles), np.linspace(1, 1.9, titles)
    ids = np.minimum(np.arange(titles), clusters - 1)
    (measure,) = compare_each([("nll_per_token", before.tolist(), after.tolist())], SETTINGS, [NLL], ids)
    assert (measure.low is not None, measure.high is not None, measure.verdict() == "better") == (known, known, known)


def test_a_constant_difference_has_an_interval_of_width_0() -> None:
    measure = compare(NLL, [1.0] * 30, [3.0] * 30, SETTINGS)
    assert (measure.difference, measure.low, measure.high) == (2.0, 2.0, 2.0)
    assert measure.p_value == pytest.approx(2 / 1000)


def test_a_measure_with_a_scale_allows_for_one_title_that_differs() -> None:
    """No title of n differs: at most 3 of n do, by the rule of three (Hanley and Lippman-Hand 1983)."""
    for titles in (30, 200, 2000):
        interval = mean_interval(np.zeros(titles), SETTINGS, largest=1.0)
        assert interval.low == -present(interval.high) and 2.5 / titles < present(interval.high) < 3.1 / titles


def test_wins_follow_the_better_direction() -> None:
    before, after = [2.0, 2.0, 2.0, 2.0], [1.0, 1.5, 2.0, 4.0]
    lower, higher, neither = (compare(entry, before, after, SETTINGS) for entry in (NLL, CHRF, LENGTH))
    assert (lower.wins, lower.ties, lower.losses) == (2, 1, 1)
    assert (higher.wins, higher.ties, higher.losses) == (1, 1, 2)
    assert (neither.wins, neither.ties, neither.losses) == (None, 1, None)
    assert (lower.before, lower.after, lower.difference) == (2.0, 2.125, 0.125)


def test_the_permutation_test_of_four_pairs_is_exact() -> None:
    # all four differences positive: of 2^4 sign patterns only the observed one and its mirror are as extreme
    assert p_value(np.array([1.0, 2.0, 3.0, 4.0]), SETTINGS) == pytest.approx(2 / 16)


def test_shared_sign_flips_give_the_p_values_of_single_measures() -> None:
    rng = np.random.default_rng(5)
    rows = np.stack(
        [rng.normal(0.2, 1.0, 70), np.zeros(70), rng.choice([-1.0, 0.0, 1.0], 70), rng.exponential(1.0, 70) - 0.8]
    )
    assert p_values(rows, SETTINGS) == [p_value(row, SETTINGS) for row in rows]
    assert [round(999 * p) for p in p_values(rows, SETTINGS)].count(999) == 1  # the row of zeros
    assert p_values(np.zeros((2, 70)), SETTINGS) == [1.0, 1.0]


def test_p_values_do_not_depend_on_the_number_of_flips_in_memory(monkeypatch) -> None:
    rows = np.random.default_rng(6).normal(0.1, 1.0, (3, 40))
    expected = p_values(rows, SETTINGS)
    monkeypatch.setattr("evaluation.statistics.significance.VALUES_AT_ONCE", 7 * 120)
    assert p_values(rows, SETTINGS) == expected


def test_same_seed_same_interval() -> None:
    differences = np.random.default_rng(0).normal(size=50)
    assert bca_interval(differences, SETTINGS) == bca_interval(differences, SETTINGS)


DRAWS = {
    "normal": lambda rng, shape: rng.normal(0.3, 1.0, shape),
    "exponential": lambda rng, shape: rng.exponential(1.0, shape) - 0.7,
    "ternary": lambda rng, shape: rng.choice(
        [-1.0, 0.0, 1.0], shape, p=[0.15, 0.4, 0.45]
    ),  # of rates, before and after
    "rare": lambda rng, shape: rng.choice([0.0, 10.0], shape, p=[0.97, 0.03]),  # few titles differ
}


@pytest.mark.parametrize(("titles", "per_cluster"), [(60, 1), (200, 1), (180, 3)])
@pytest.mark.parametrize("draw", DRAWS)
def test_intervals_cover_the_true_difference_at_their_confidence(draw: str, titles: int, per_cluster: int) -> None:
    """Three equal titles are one observation: as independent titles they would be covered in 0.74 of the experiments."""
    samples = DRAWS[draw](np.random.default_rng(1), (800, titles // per_cluster)).repeat(per_cluster, axis=1)
    clusters = np.arange(samples.shape[1]) // per_cluster
    scale = 10.0 if draw == "rare" else 1.0
    intervals = [mean_interval(differences, SETTINGS, clusters, scale) for differences in samples]
    inside = np.mean([present(interval.low) <= 0.3 <= present(interval.high) for interval in intervals])
    # nominal 0.95; the standard error of 800 experiments is 0.008; where few titles differ, the interval is wider than needed
    assert 0.92 <= inside <= (1 if draw == "rare" else 0.98)


def test_few_clusters_of_unequal_size_cover_the_true_difference() -> None:
    """Large clusters whose differences are unlike the others': most samples of 30 clusters hold few of them."""
    rng, held = np.random.default_rng(3), {True: [], False: []}
    sizes, centres = np.array([1] * 100 + [3] * 20 + [6] * 8), np.array([0.1] * 100 + [0.0] * 20 + [-0.1] * 8)
    truth = float(sizes @ centres / sizes.sum())
    for _ in range(600):
        drawn = rng.integers(len(sizes), size=32)
        clusters = np.repeat(np.arange(32), sizes[drawn])
        values = np.repeat(centres[drawn], sizes[drawn]) + rng.normal(0, 0.06, len(clusters))
        for plus_four, hits in held.items():
            interval = mean_interval(values, SETTINGS, clusters, plus_four=plus_four)
            hits.append(present(interval.low) <= truth <= present(interval.high))
    assert np.mean(held[True]) >= 0.92 and np.mean(held[True]) > np.mean(held[False])


def test_clusters_of_equal_titles_count_once() -> None:
    rng = np.random.default_rng(8)
    once = rng.normal(0.1, 1.0, 60)
    clusters = np.arange(180) // 3
    three = mean_interval(once.repeat(3), SETTINGS, clusters)
    alone = mean_interval(once, SETTINGS)
    assert (three.low, three.high) == pytest.approx((alone.low, alone.high))
    assert three.design_effect == pytest.approx(3, rel=0.02)
    assert present(three.titles_low) > present(three.low) and alone.design_effect is None
    assert p_values(once.repeat(3)[None], SETTINGS, clusters) == p_values(3 * once[None], SETTINGS)
    paired = [Paired.of(entry_named("bleu", SETTINGS).corpus_metric(), FAR, CLOSE, REFERENCES)] * 2
    paired[1] = paired[0].by_cluster(np.arange(30) // 2)
    assert paired[0].scores() == paired[1].scores() and len(paired[1].before) == 15
    metric, ids = entry_named("bleu", SETTINGS).corpus_metric(), np.arange(30) // 6
    p = paired_p_value(metric, FAR, CLOSE, REFERENCES, replace(SETTINGS, resamples=1999), ids)
    assert p == pytest.approx(2 / 2**5, abs=0.02)  # five clusters are swapped or not


def test_holm_steps_down() -> None:
    # sorted .01 .02 .03 .04 times 4 3 2 1 is .04 .06 .06 .04, and no step is below the one before it
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_primary_measure_is_first_and_not_corrected() -> None:
    settings = replace(SETTINGS, primary="chrf")
    measures = [
        msgspec.structs.replace(compare(entry, [0.0, 1.0], [1.0, 3.0], settings), p_value=p, p_holm=p)
        for entry, p in ((NLL, 0.03), (CHRF, 0.04), (LENGTH, 0.02))
    ]
    corrected = correct(measures, "chrf")
    assert [(measure.name, measure.p_value, measure.p_holm) for measure in corrected] == [
        ("chrf", 0.04, 0.04),
        ("nll_per_token", 0.03, 0.04),
        ("length_ratio", 0.02, 0.04),
    ]


def test_a_recipe_that_cannot_detect_anything_is_refused() -> None:
    few = Recipe(evaluation=replace(SETTINGS, resamples=639))
    with pytest.raises(
        UserError, match=r"resamples is 639: expected at least 640, .* 17 measures at a confidence of 0.95"
    ):
        read_inputs("ns/name", few)
    with pytest.raises(UserError, match=r"primary is 'bleu': expected one of nll_per_token, specificity, "):
        read_inputs("ns/name", Recipe(evaluation=replace(SETTINGS, primary="bleu")))


def test_a_verdict_needs_the_interval_and_the_corrected_p_value() -> None:
    clear = msgspec.structs.replace(compare(NLL, [2.0] * 30, [1.0] * 30, SETTINGS), low=-1.1, high=-0.9, p_holm=0.002)
    verdict_of = lambda **changes: msgspec.structs.replace(clear, **changes).verdict()  # noqa: E731
    assert (clear.level, verdict_of(p_holm=0.05), verdict_of(p_holm=0.051)) == (
        0.05,
        "better",
        "no measured difference",
    )
    assert verdict_of(high=0.0) == "no measured difference"
    assert verdict_of(difference=1.0, low=0.9, high=1.1) == "worse"


def test_the_percentile_interval_replaces_an_undefined_bca_interval() -> None:
    indices = np.arange(30)
    low, high = bootstrap(indices, lambda sample: float(sample.max()), SETTINGS, vectorized=False)  # never above it
    assert high == 29.0 and 20.0 < low <= 29.0


def test_minimum_detectable_effect() -> None:
    # a sample of 32 pairs shows half a standard deviation with 80 % power (Cohen 1988, normal approximation: 31.4)
    assert minimum_detectable_effect(2.0, 32, SETTINGS) == pytest.approx((1.959964 + 0.841621) * 2 / 32**0.5, abs=1e-5)
    rng = np.random.default_rng(3)
    smallest = minimum_detectable_effect(1.0, 100, SETTINGS)
    detected = [p_value(rng.normal(smallest, 1.0, 100), SETTINGS) <= 0.05 for _ in range(300)]
    assert 0.73 <= np.mean(detected) <= 0.87  # 0.8, three standard errors


def test_texts_with_the_neutral_value_are_counted() -> None:
    measure = compare(COHERENCE, [0.5, 1.0, 0.5], [1.0, 0.0, 0.5], SETTINGS)
    assert (measure.neutral_before, measure.neutral_after) == (2, 1)
    assert compare(NLL, [0.5, 1.0], [0.5, 1.0], SETTINGS).neutral_before is None


def test_neutral_values_are_not_counted_for_sampled_answers() -> None:
    values: dict[str, float | None] = {entry.name: 0.5 for entry in MEASURES}  # coherence: one answer in order, one not
    arms = {
        f"{arm}_sampled": [Outcome(prompt="", texts=["a", "b"], tokens=9, values=values)] * 3
        for arm in ("before", "after")
    }
    (coherence,) = [
        measure for measure in compare_sampled(arms, replace(SETTINGS, sampled=2)) if measure.name == "coherence"
    ]
    assert (coherence.before, coherence.neutral_before, coherence.neutral_after) == (0.5, None, None)


@pytest.mark.parametrize("name", ["bleu", "chrf_pp"])
def test_corpus_scores_equal_sacrebleu(name: str) -> None:
    metric = entry_named(name, SETTINGS).corpus_metric()
    paired = Paired.of(metric, FAR, CLOSE, REFERENCES)
    expected = [metric.corpus_score(texts, [REFERENCES]).score for texts in (FAR, CLOSE)]
    assert paired.scores() == pytest.approx(expected)
    resample = np.array([0, 3, 3, 7])
    cut = [[texts[index] for index in resample] for texts in (FAR, CLOSE, REFERENCES)]
    expected = [metric.corpus_score(texts, [cut[2]]).score for texts in cut[:2]]
    assert paired.difference(resample) == expected[1] - expected[0]
    resamples = np.random.default_rng(0).integers(0, 30, (5, 12))
    assert paired.differences(resamples).tolist() == [paired.difference(titles) for titles in resamples]


@pytest.mark.parametrize("name", ["bleu", "chrf_pp"])
def test_corpora_are_compared_by_sacrebleus_paired_test(name: str) -> None:
    entry = entry_named(name, SETTINGS)
    titles = compare(entry, [1.0] * 30, [2.0] * 30, SETTINGS)
    results = compare_corpora(titles, entry, {"before": FAR, "after": CLOSE}, REFERENCES, SETTINGS)
    assert results.p_value == 1 / 1000 and results.wins == 30
    assert 0 < present(results.low) < results.difference < present(results.high)
    assert results.difference == pytest.approx(results.after - results.before)
    alike = compare_corpora(titles, entry, {"before": CLOSE, "after": CLOSE}, REFERENCES, SETTINGS)
    assert (alike.difference, alike.low, alike.high, alike.p_value, alike.std) == (0.0, 0.0, 0.0, 1.0, 0.0)


def test_equal_texts_would_be_significant_to_sacrebleu() -> None:
    """If this fails, sacrebleu fixed the fault, and paired_p_value need not replace its count."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.significance import PairedTest, Result

    _, results = PairedTest([("a", CLOSE), ("b", CLOSE)], {"bleu": BLEU()}, [REFERENCES], n_samples=99)()
    result = results["BLEU"][1]
    assert isinstance(result, Result) and result.p_value == 0.01
    assert paired_p_value(BLEU(), CLOSE, CLOSE, REFERENCES, SETTINGS) == 1.0


@pytest.mark.parametrize("name", ["bleu", "chrf_pp"])
def test_a_few_different_titles_are_not_significant(name: str) -> None:
    metric, settings = entry_named(name, SETTINGS).corpus_metric(), replace(SETTINGS, resamples=1999)
    for titles in (1, 2, 4):  # better in k titles, equal in all others: 2 of the 2^k ways to swap are as extreme
        after = CLOSE[:titles] + FAR[titles:]
        assert paired_p_value(metric, FAR, after, REFERENCES, settings) == pytest.approx(2 / 2**titles, abs=0.04)
    spaced = [text + " " for text in FAR]  # other texts, the same scores
    assert paired_p_value(metric, FAR, spaced, REFERENCES, settings) == 1.0


def test_p_values_of_corpora_are_uniform_without_a_difference() -> None:
    rng, settings, metric = (
        np.random.default_rng(4),
        replace(SETTINGS, resamples=199),
        entry_named("bleu", SETTINGS).corpus_metric(),
    )
    values = []
    for _ in range(100):
        either = [[CLOSE[n], f"A red lamp of size {n}."] for n in range(30)]
        flips = rng.integers(0, 2, 30)
        before, after = ([pair[flip ^ side] for pair, flip in zip(either, flips, strict=True)] for side in (0, 1))
        values.append(paired_p_value(metric, before, after, REFERENCES, settings))
    assert 0.0 <= np.mean(np.array(values) <= 0.05) <= 0.12
    assert 0.35 <= np.mean(values) <= 0.65


def test_identical_arms_show_no_difference_in_any_measure() -> None:
    arm = [
        Outcome(prompt="", texts=[text], tokens=9, values={entry.name: n * 0.37 for entry in MEASURES})
        for n, text in enumerate(CLOSE)
    ]
    outcomes = compare_arms({"before": arm, "after": arm}, REFERENCES, SETTINGS)
    assert len(outcomes) == len(MEASURES)
    for measure in outcomes:
        assert (measure.p_value, measure.p_holm, measure.difference) == (1, 1, 0)
        assert present(measure.low) <= 0 <= present(measure.high) and measure.verdict() == "no measured difference"


def test_p_values_are_uniform_without_a_difference() -> None:
    rng = np.random.default_rng(2)
    values = [p_value(rng.normal(size=60), SETTINGS) for _ in range(200)]
    assert 0.01 <= np.mean(np.array(values) < 0.05) <= 0.10
