"""Consistency checks of values that need the model."""

from model_card.verification.level_scores.values import valid_stop


def test_a_short_answer_must_have_stopped() -> None:
    asked = [(1.0, 5), (0.0, 5), (1.0, 16), (0.0, 16), (0.0, 17)]
    assert [valid_stop(stopped, tokens, 16) for stopped, tokens in asked] == [True, False, True, True, False]
