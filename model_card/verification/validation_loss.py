"""Level predictions: the validation loss of the published step, measured again from the pins."""

from collections.abc import Iterator

from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.models.adapter.load import load
from titlecraft.models.adapter.read import read_adapter
from titlecraft.models.loss.guard import tolerance
from titlecraft.process.threads import steady_threads
from training.data.long_answers import longest_example
from training.data.validation_rows import draw_rows, encode_held_out
from training.planning.validation_schedule import rows_to_draw
from training.validation.score import Scorer


def verify_validation(state: RepoState) -> list[Line]:
    """Lines about the validation of an adapter; none if its training did not validate."""
    if state.training.validation is None:
        return []
    checks = Checks("predictions", "training record")
    return checks.gather(check_validation_loss(checks, state))


def check_validation_loss(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Draws the rows of the validation split again and scores them, with the published adapter and without it."""
    record, validation = state.training, state.training.validation
    assert validation is not None, "called for a training that validated"
    adapter = read_adapter(f"{state.pin.repo}@{state.pin.revision}")
    loaded = load(adapter)
    model = loaded.model
    longest = longest_example(record.base_settings, model.get_base_model().config)
    row_settings = record.rows.settings if record.rows else None
    rows = draw_rows(record.dataset, record.training.seed, rows_to_draw(record.training), row_settings)
    pairs = encode_held_out(rows, loaded.tokenizer, adapter.prompt, longest, record.training.long_answers)
    scorer = Scorer(model, pairs[: validation.rows], loaded.tokenizer.pad_token_id or 0)
    yield checks.equal("answer tokens of the validation rows", validation.tokens, scorer.tokens)
    if not scorer.pairs:
        return
    with steady_threads(model):
        scorer.check_batching()
        after = scorer.score()
        with model.disable_adapter():
            before = scorer.score()
    allowed, kept = tolerance(model), validation.kept
    note = f"nats per answer token, in {loaded.base.precision}"
    yield checks.close(
        f"validation loss of the published step {kept}, made again", validation.loss_at(kept), after, allowed, note
    )
    yield checks.close("validation loss before training, made again", validation.loss_at(0), before, allowed, note)
