"""Texts that look alike: letters of other scripts that are drawn like Latin ones."""

from model_card.verification.confusables import letters_of, mixed_word, skeleton


def test_texts_that_look_alike_have_the_same_skeleton() -> None:
    assert {
        skeleton(text)
        for text in (
            "Evaluation",
            "Еvаluаtіоn",
            "ＥＶＡＬＵＡＴＩＯＮ",
            "Eva\u200bluation",
            "𝓔valuation",
            "&#69;valuation",
        )
    } == {"evaluation"}
    assert letters_of("N.L.L. per-token") == letters_of("nll_per_token") == "nllpertoken"
    assert mixed_word("a vеry good one") == "vеry" and mixed_word("очень good") is None
