"""Checks of settings and options before anything is read. A failed check raises UserError with the fix."""

import re

from dataset_builder.filters.table import FILTERS
from dataset_builder.shards.alpaca import COLUMNS
from dataset_builder.source.columns import content_names
from dataset_builder.source.files.encodings import is_other_encoding
from titlecraft.errors import UserError
from titlecraft.prompt import is_text
from titlecraft.records.dataset import About
from titlecraft.settings import MAX_LOSS, Data

LICENCE_ID = re.compile(r"[a-z0-9][a-z0-9.+-]*").fullmatch
LANGUAGE_CODE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]+)*").fullmatch


def require_settings(settings: Data, max_loss: float = MAX_LOSS) -> None:
    """Raise UserError if the held-out shares, the maximum loss or the names of the columns are invalid."""
    shares = (settings.validation_share, settings.test_share)
    if min(shares) < 0 or sum(shares) >= 1:
        raise UserError(
            f"data.validation_share {shares[0]} and data.test_share {shares[1]} must be 0 or more and sum to less than 1"
        )
    if not 0 <= max_loss <= 1:
        raise UserError(f"--max-loss {max_loss:g}: expected a share of the lines, from 0 to 1")
    is_other_encoding(settings.encoding)
    if unknown := [name for name in settings.filters if name not in FILTERS]:
        raise UserError(f"data.filters has {unknown[0]!r}: there are {', '.join(FILTERS)}")
    for option in ("title_column", "content_column", "uid_column", "content_columns", "keep_columns", "records"):
        value = getattr(settings, option)
        for name in value if isinstance(value, list) else [value or ""]:
            if not is_text(name):
                raise UserError(f"data.{option} is {name!a}: it holds bytes that are no UTF-8; write it in UTF-8")
    if settings.title_column in (contents := content_names(settings)):
        option = "content_columns" if settings.content_columns else "content_column"
        both = f"{settings.title_column!r}: expected two columns"
        if settings.content_columns:
            raise UserError(f"data.title_column and data.content_columns {contents} both have {both}")
        raise UserError(f"data.title_column and data.{option} are both {both}")
    for name in settings.keep_columns:
        if name in COLUMNS or not name or set("{}") & set(name):
            raise UserError(
                f"data.keep_columns has {name!r}: expected names of columns without braces, other than the published "
                f"{', '.join(COLUMNS)}"
            )
    for option in ("content_columns", "keep_columns", "filters"):
        names = getattr(settings, option)
        if repeated := [name for name in names if names.count(name) > 1]:
            raise UserError(f"data.{option} has {repeated[0]!r} twice: name each once")


def require_about(about: About) -> None:
    """Raise UserError if the licence, a language or the name is not of the form that the Hub accepts."""
    if about.license is not None and not LICENCE_ID(about.license):
        raise UserError(
            f"--license {about.license!r}: expected an identifier of the Hub, such as cc-by-4.0, mit or other"
        )
    for code in about.language or []:
        if not LANGUAGE_CODE(code):
            raise UserError(
                f"--language {code!r}: expected codes of ISO 639 with commas between them, such as en or pt,es"
            )
    if about.pretty_name is not None and (not about.pretty_name.strip() or not about.pretty_name.isprintable()):
        raise UserError(f"--pretty-name {about.pretty_name!r}: expected a name on one line")
