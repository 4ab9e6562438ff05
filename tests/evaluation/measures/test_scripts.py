"""The scripts that each measure can read, in a dozen languages, and the titles that it cannot read."""

from dataclasses import replace
from math import isfinite

import msgspec
import pytest

from evaluation.measures import MEASURES, Written, entry_named, measures_of, sampled_measures
from evaluation.measures.coverage import NEEDS, ScriptCoverage
from evaluation.measures.scripts import ALL_NEEDS
from evaluation.outcome import Outcome
from evaluation.readable import not_measured, readable_only, require_primary
from evaluation.statistics.compare import compare_arms, compare_sampled, readable_entries
from playground.document.words import words_of
from tests import present
from tests.evaluation.measures.test_measures import CAT, Known
from titlecraft.errors import UserError
from titlecraft.settings import Evaluation

SETTINGS = Evaluation(titles=40, resamples=99, sampled=2)
ALWAYS = {"nll_per_token", "bits_per_byte", "contextualisation", "chrf", "length_ratio", "stop_rate"}
BY_SPACES = {"bleu", "chrf_pp", "distinct_2", "repetition", "verbatim_copy"}
BY_WORDS = {"specificity", "content_word_recall"}
ENGLISH = (
    "This red kettle holds 2 litres. It is made of steel. John Smith of Paris drew it. Easy to clean and to store."
)
TEXTS = {
    "English": (ENGLISH, BY_SPACES | BY_WORDS | {"coherence", "unsupported_numbers", "unsupported_names", "rouge_l"}),
    "Portuguese": (
        "Esta chaleira vermelha tem 2 litros. É feita de aço. João Araújo de São Paulo a desenhou. Fácil de limpar.",
        BY_SPACES | BY_WORDS | {"coherence", "unsupported_numbers", "unsupported_names"},
    ),
    "German": (
        "Dieser rote Wasserkocher fasst 2 Liter. Er besteht aus Stahl. Hans Müller aus Berlin hat ihn für die Küche entworfen. "
        "Das Gerät schaltet am Siedepunkt ab und bleibt eine Stunde warm, ohne dass der Deckel über dem Griff heiß wird.",
        BY_SPACES | BY_WORDS | {"coherence", "unsupported_numbers"},
    ),
    "Russian": (
        "Этот красный чайник вмещает 2 литра. Он сделан из стали. Его придумал Иван Петров из Москвы.",
        BY_SPACES | BY_WORDS | {"coherence", "unsupported_numbers", "unsupported_names"},
    ),
    "Arabic": (
        "هذا الإبريق الأحمر يسع 2 لتر. مصنوع من الفولاذ. صممه أحمد في القاهرة.",
        BY_SPACES | BY_WORDS | {"coherence", "unsupported_numbers"},
    ),
    "Arabic with its own digits": (
        "هذا الإبريق الأحمر يسع ٢ لتر. مصنوع من الفولاذ.",
        BY_SPACES | BY_WORDS | {"coherence"},
    ),
    "Hebrew": (
        "קומקום אדום זה מכיל 2 ליטר. הוא עשוי פלדה.",
        BY_SPACES | BY_WORDS | {"coherence", "unsupported_numbers"},
    ),
    "Korean": (
        "이 빨간 주전자는 2 리터입니다. 강철로 만들었습니다.",
        BY_SPACES | BY_WORDS | {"coherence", "unsupported_numbers"},
    ),
    "Hindi": ("यह लाल केतली 2 लीटर की है। यह इस्पात से बनी है। इसे साफ करना आसान है।", BY_SPACES),
    "Armenian": ("Այս կարմիր թեյնիկը տեղավորում է 2 լիտր։ Այն պողպատից է։", BY_SPACES | BY_WORDS),
    "Chinese": ("这款红色水壶容量2升。采用不锈钢制造。由张伟在北京设计。", set()),
    "Japanese": ("この赤いやかんは2リットル入ります。ステンレス製です。東京の田中さんが設計しました。", set()),
    "Thai": ("กาต้มน้ำสีแดงนี้จุ 2 ลิตร ทำจากเหล็ก ทำความสะอาดง่าย", set()),
    "Lao": ("ກາຕົ້ມນໍ້າສີແດງ 2 ລິດ ເຮັດດ້ວຍເຫຼັກ", set()),
    "Khmer": ("កំសៀវក្រហមនេះមានចំណុះ 2 លីត្រ", set()),
    "Myanmar": ("ဤရေနွေးအိုးအနီသည် 2 လီတာဆံ့သည်။", set()),
    "letters and marks apart": (
        "Une bouilloire rouge e\u0301maille\u0301e qui tient 2 litres, inte\u0301rieur bleute\u0301.",
        BY_SPACES | {"coherence", "unsupported_numbers"},
    ),
}


def outcome(text: str, reference: str, title: str = "B9") -> Outcome:
    """The outcome of an answer, with the value of every measure."""
    answer = Written(
        text=text,
        tokens=3,
        stopped=True,
        reference=reference,
        reference_tokens=0,
        title=title,
        nll_in_order=None,
        nll_shuffled=None,
        known=Known(),
    )
    values: dict[str, float | None] = {
        entry.name: float(entry.value(answer)) if entry.reads is Written else 1.0 for entry in MEASURES
    }
    return Outcome(prompt="", texts=[text], tokens=3, values=values)


def experiment(references: list[str], before: list[str], after: list[str]) -> dict[str, list[Outcome]]:
    """The outcomes of both arms without unreadable values."""
    arms = {"before": before, "after": after}
    outcomes = {arm: [outcome(*pair) for pair in zip(texts, references, strict=True)] for arm, texts in arms.items()}
    return readable_only(outcomes, ["B9"] * len(references), references)


@pytest.mark.parametrize("language", TEXTS)
def test_a_measure_is_measured_where_it_can_read_the_script(language: str) -> None:
    text, expected = TEXTS[language]
    outcomes = experiment([text] * 40, [text] * 20 + [""] * 20, [text] * 40)
    entries, _ = readable_entries(MEASURES, outcomes["before"], outcomes["after"])
    assert {entry.name for entry in entries} == ALWAYS | expected
    left_out = not_measured(outcomes, ["B9"] * 40, [text] * 40, SETTINGS, MEASURES)
    assert {measure.name for measure in left_out} == {entry.name for entry in MEASURES} - ALWAYS - expected
    assert all(measure.read == 0 and measure.n == 40 and measure.lacking for measure in left_out)
    equal_values, other_values = outcomes["after"][0].values, outcome(text.replace("2", "3"), text).values
    full = {"bleu": 100, "chrf": 100, "chrf_pp": 100, "rouge_l": 1, "content_word_recall": 1, "distinct_2": 1}
    for name, value in (full | {"unsupported_numbers": 0, "unsupported_names": 0, "repetition": 0}).items():
        assert equal_values[name] is None or equal_values[name] == pytest.approx(value)  # the answer is the reference
    # and another number is noticed
    assert "unsupported_numbers" not in expected or present(other_values["unsupported_numbers"]) > 0


def test_a_mixed_catalogue_is_measured_on_the_titles_that_can_be_read() -> None:
    chinese = TEXTS["Chinese"][0]
    references = [ENGLISH] * 120 + [chinese] * 80
    answers = ["It is red."] * 120 + [chinese] * 80
    outcomes = experiment(references, [""] * 200, answers)
    measures = {measure.name: measure for measure in compare_arms(outcomes, references, SETTINGS)}
    alone = {
        measure.name: measure
        for measure in compare_arms(experiment(references[:120], [""] * 120, answers[:120]), references[:120], SETTINGS)
    }
    assert set(measures) == {entry.name for entry in MEASURES}
    assert measures["chrf"].n == 200 and measures["rouge_l"].n == 120
    for name in NEEDS.keys() & measures.keys():
        assert msgspec.structs.replace(measures[name], p_holm=0) == msgspec.structs.replace(alone[name], p_holm=0)


def test_few_readable_titles_are_no_measurement() -> None:
    chinese = TEXTS["Chinese"][0]
    for english, measured in ((29, False), (30, True)):
        references = [ENGLISH] * english + [chinese] * 60
        outcomes = experiment(references, references, [""] * len(references))
        assert ("rouge_l" in {measure.name for measure in compare_arms(outcomes, references, SETTINGS)}) == measured


def test_an_answer_in_another_script_scores_0_against_the_reference_and_has_no_value_alone() -> None:
    outcomes = experiment([ENGLISH] * 40, [TEXTS["Chinese"][0]] * 5 + ["A kettle."] * 35, ["A kettle."] * 40)
    assert [answer.values["distinct_2"] for answer in outcomes["before"][:6]] == [None] * 5 + [1.0]
    for answer in outcomes["before"][:5]:
        assert present(answer.values["bleu"]) < 0.1 and present(answer.values["content_word_recall"]) < 0.1
    read = {measure.name: measure.n for measure in compare_arms(outcomes, [ENGLISH] * 40, SETTINGS)}
    alone = {
        "coherence",
        "unsupported_numbers",
        "unsupported_names",
        "distinct_2",
        "repetition",
        "verbatim_copy",
        "rouge_l",
    }
    assert {name for name, n in read.items() if n == 35} == alone and set(read.values()) == {35, 40}
    stray = experiment([ENGLISH] * 40, ["A kettle 水。"] * 40, ["A kettle."] * 40)
    assert {measure.n for measure in compare_arms(stray, [ENGLISH] * 40, SETTINGS)} == {40}


def test_english_texts_with_a_few_foreign_words_are_all_read() -> None:
    references = ["A café in São Paulo."] + [ENGLISH] * 99
    coverage = ScriptCoverage(references)
    assert coverage.waived == {"marks", "accents", "nouns"}
    titles = ["A CAFÉ FOR EVERYONE", "Mog's Kittens", "", "🧑‍🚀 😀 ❤️", "Straße 7"]
    for text in (*references[:2], "", "🧑‍🚀 😀 ❤️", "A TITLE IN CAPITALS", "Tom And Jerry: The Movie", "x" * 10_000):
        assert not [name for name in NEEDS for title in titles if coverage.unmet_needs(name, title, text)], text


def test_only_measures_that_read_the_title_need_its_script() -> None:
    coverage = ScriptCoverage([ENGLISH])
    unread = {name for name in NEEDS if coverage.unmet_needs(name, "不锈钢水壶", ENGLISH, "A kettle.")}
    assert unread == {"specificity", "unsupported_numbers", "unsupported_names"}


def test_sampled_answers_are_measured_by_the_same_rule() -> None:
    chinese = TEXTS["Chinese"][0]
    for text, measured in ((ENGLISH, True), (chinese, False)):
        outcomes = experiment([text] * 40, [text] * 40, [text] * 40)
        sampled = {
            f"{arm}_sampled": [replace(answer, texts=[text, ""]) for answer in outcomes[arm]] for arm in outcomes
        }
        names = [measure.name for measure in compare_sampled(outcomes | sampled, SETTINGS)]
        assert ("bleu" not in names) and ("repetition" in names) == measured and "chrf" in names
        order = [entry.name for entry in sampled_measures(SETTINGS)]
        assert names == sorted(names, key=order.index)


def test_a_primary_measure_that_cannot_read_the_catalogue_is_refused_before_and_after() -> None:
    chinese = TEXTS["Chinese"][0]
    rouge = replace(SETTINGS, primary="rouge_l")
    with pytest.raises(
        UserError, match=r"'rouge_l': ROUGE-L means nothing on texts in letters that are not Latin, and reads 0 of 40"
    ):
        require_primary(rouge, ["B9"] * 40, [chinese] * 40)
    require_primary(rouge, ["B9"] * 40, [ENGLISH] * 40)
    require_primary(SETTINGS, ["B9"] * 40, [chinese] * 40)
    pairs = replace(SETTINGS, primary="distinct_2")
    with pytest.raises(UserError, match="can read the script of both answers for 0 of 40 titles"):
        compare_arms(experiment([ENGLISH] * 40, [chinese] * 40, [ENGLISH] * 40), [ENGLISH] * 40, pairs)


def test_no_statistic_is_nan_for_unusual_texts() -> None:
    unusual = [
        "",
        "Lamp",
        "🧑‍🚀 😀 ❤️",
        "\u202eevil\u202c שלום",
        "a\u0301\u0301 é",
        "x" * 10_000,
        "A LAMP",
        "\x00 \ufffd",
        "  \n",
    ]
    references = [text for text in unusual if text.strip()] * 6
    answers = [unusual[index % len(unusual)] for index in range(len(references))]
    for measure in compare_arms(experiment(references, answers, answers[::-1]), references, SETTINGS):
        assert all(isfinite(value) for value in msgspec.structs.asdict(measure).values() if isinstance(value, float))
    assert entry_named("length_ratio", SETTINGS).value(replace(CAT, reference_tokens=0)) == 3.0


def test_a_nan_score_stops_the_run() -> None:
    outcomes = experiment([ENGLISH] * 40, [ENGLISH] * 40, [ENGLISH] * 40)
    broken = [replace(answer, values=answer.values | {"nll_per_token": float("nan")}) for answer in outcomes["after"]]
    with pytest.raises(UserError, match="nll_per_token of title 0 is nan after fine-tuning: expected a finite number"):
        compare_arms(outcomes | {"after": broken}, [ENGLISH] * 40, SETTINGS)


def test_every_need_is_described_in_both_languages() -> None:
    english = {name: need.lacking for name, need in ALL_NEEDS.items()}
    assert words_of("en")["lacking"] == english | {"or": " or "} and words_of("pt-BR")[
        "lacking"
    ].keys() == english.keys() | {"or"}
    names = {entry.name for entry in measures_of(replace(SETTINGS, retriever="a/b", bertscore="a/b"))}
    assert NEEDS.keys() <= names and not ALWAYS & NEEDS.keys()
