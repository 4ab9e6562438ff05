"""`titlecraft verify` of an exported model: its card, record and files against each other and against the adapter that it names.

The weights are not downloaded: the Hub names the sha256 of each large file. How far the merged model is from base and adapter was
measured when it was exported; only running both models could tell again.
"""

from collections.abc import Iterator

from model_card.verification.level_card.licences import legal, same_licence_files
from model_card.verification.level_card.text.added import verify_added
from model_card.verification.level_card.text.metadata import verify_metadata
from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.hub_files import compare_files
from model_card.verification.lines.line import Line
from model_card.verification.lines.pinned_repo import commit_exists
from model_card.verification.repo_state import RepoState
from playground.export.card import OWNED, render
from titlecraft.cards.merge import merge, split
from titlecraft.hub.pins import read_file
from titlecraft.models.adapter.peft_settings import kinds_of, not_served
from titlecraft.models.adapter.third_party import read_config
from titlecraft.records import TRAINING_RECORD, TrainingRecord, read_record
from titlecraft.records.export import ExportRecord
from titlecraft.records.repo_files import ADAPTER_CONFIG, CARD, CHECKSUMS, EXPORT_RECORD, GIT_ATTRIBUTES
from titlecraft.records.third_party import ThirdPartyAdapter

FROM_TRAINING = ("base", "dataset", "licence", "quantization", "generation", "special_tokens")
ROUNDING = 1e-9


def verify_export(state: RepoState) -> list[Line]:
    """Lines about an exported model at level card."""
    checks = Checks("card", "export")
    lines = []
    for check in (check_origin, check_merge, check_files, check_described, check_card):
        lines += checks.gather(check(checks, state))
    return lines


def record_of(state: RepoState) -> ExportRecord:
    """The export record. Raises UserError if it is missing or cannot be read."""
    return read_record(state.require(EXPORT_RECORD), ExportRecord, state.describe(EXPORT_RECORD))


def check_origin(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The adapter exists, and its training record says the same about base, dataset, licence and tokens."""
    record = record_of(state)
    if isinstance(record.third_party, ThirdPartyAdapter):
        yield from check_third_party(checks, record, record.third_party)
        return
    yield commit_exists(checks, "adapter", record.adapter, (TRAINING_RECORD,))
    raw = read_file(record.adapter, TRAINING_RECORD)
    training = read_record(raw or b"", TrainingRecord, f"{TRAINING_RECORD} of {record.adapter}")
    for name in FROM_TRAINING if training.special_tokens else FROM_TRAINING[:-1]:
        yield checks.equal(f"{name} of the adapter", str(getattr(record, name)), str(getattr(training, name)))


def check_third_party(checks: Checks, record: ExportRecord, adapter: ThirdPartyAdapter) -> Iterator[Line]:
    """The adapter exists, its config says what the record says of its kind, and the rest is what a user stated."""
    yield commit_exists(checks, "adapter", record.adapter, (ADAPTER_CONFIG,))
    for name in FROM_TRAINING:
        yield checks.equal(f"{name}, as stated", str(getattr(record, name)), str(getattr(adapter, name)))
    config = read_config(record.adapter)
    yield checks.equal("kinds of the adapter", "; ".join(adapter.kinds), "; ".join(kinds_of(config)))
    yield checks.equal("not served by", "; ".join(adapter.not_served), "; ".join(not_served(config)))
    yield checks.not_looked_at("the training", "no record", "an adapter of another program", adapter.unknown())


def check_merge(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The numbers of the merge check follow from each other and lie within its tolerance."""
    check = record_of(state).check
    if check is None:
        yield checks.not_looked_at("merge", "none", "an adapter on its own is not merged")
        return
    yield checks.close("difference in NLL", check.difference, check.nll_merged - check.nll_adapter, ROUNDING)
    within = abs(check.difference) <= check.tolerance
    yield checks.line("merged model within the tolerance", check.difference, check.tolerance, within, "at most")
    guards = record_of(state).guards
    yield checks.equal("guards that hold", len(guards), sum(guard.holds for guard in guards))
    numbers = f"{check.nll_base:.4f}, {check.nll_adapter:.4f}, {check.nll_merged:.4f}"
    note = "the adapter's own report is verified in the adapter's repo"
    yield checks.not_looked_at("NLL of base, adapter and merged model", numbers, "only the models could tell", note)


def check_files(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Each listed file has its size and sha256 on the Hub; files beside them are named."""
    record = record_of(state)
    paths = [file.path for file in record.files]
    yield from compare_files(checks, state, record.files)
    yield same_licence_files(checks, state, record.base, record.licence)
    known = {*paths, *legal(state.paths), CARD, EXPORT_RECORD, CHECKSUMS, GIT_ATTRIBUTES}
    others = sorted(set(state.paths) - known)
    if others:
        yield checks.not_looked_at("files that the record does not list", ", ".join(others), "nothing to compare with")


def check_described(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The GGUF files and the files for Ollama that the record describes are among those that it lists with their sums."""
    record = record_of(state)
    described = [*(file.path for file in record.gguf_files), *record.ollama_files]
    described += [record.importance_matrix.path] if record.importance_matrix else []
    missing = sorted(set(described) - {file.path for file in record.files})
    if described:
        yield checks.equal(
            "described files that the record lists", f"without {', '.join(missing)}" if missing else "all", "all"
        )
    if losses := [f"{file.path} {file.nll:.4f}" for file in record.gguf_files if file.nll is not None]:
        yield checks.not_looked_at("NLL through llama.cpp", ", ".join(losses), "only the models could tell")


def check_card(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Our section and our metadata are those of a fresh rendering; what a person added does not imitate them."""
    text, fresh = state.require(CARD).decode(), render(state.pin.repo, record_of(state))
    yield from verify_added(text, fresh)
    published, expected = split(text, state.describe(CARD)), split(fresh)
    yield from verify_metadata(text, published, expected, OWNED)
    same = merge(text, fresh, OWNED) == text
    yield checks.line(
        "card as the record gives it", "equal", "equal" if same else "other words or numbers", same, EXACT
    )
