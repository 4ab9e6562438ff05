"""Values that need the model: what can be checked without it."""

from model_card.verification.level_scores.values import valid_stop


def test_an_answer_below_the_most_new_tokens_has_stopped() -> None:
    asked = [(1.0, 5), (0.0, 5), (1.0, 16), (0.0, 16), (0.0, 17)]
    assert [valid_stop(stopped, tokens, 16) for stopped, tokens in asked] == [True, False, True, True, False]
