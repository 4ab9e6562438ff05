"""Checks before, during and after a build. A failed check raises UserError with the fix."""

import shlex
from collections import Counter

from dataset_builder.first_pass import LAST_LINE_IS_CUT, Rows
from dataset_builder.source.columns import content_names
from dataset_builder.source.files.catalogue import CatalogueFile, described
from dataset_builder.source.formats.tables import LAST_ROW_IS_CUT
from dataset_builder.source.parse import READABLE, Drop, Quarantine
from dataset_builder.source.read_blocks import expected_lines
from titlecraft.errors import UserError
from titlecraft.records import DatasetRecord
from titlecraft.records.dataset import About
from titlecraft.settings import Data

USUAL_NAMES = {
    "title_column": ("title", "name", "product_title", "product_name", "productDisplayName", "item_name"),
    "content_column": ("description", "content", "text", "body", "body_html", "product_description", "desc", "about"),
    "uid_column": ("uid", "id", "asin", "parent_asin", "sku", "gtin", "ean", "product_id", "item_id", "handle"),
}
MOST_NAMED = 20  # columns in a message


def require_no_claim_for_amazon(rows: Rows, about: About) -> None:
    """Raise UserError if a licence is stated for AmazonTitles-1.3MM, because no licence of its texts is known."""
    if about.license is not None and expected_lines(rows.first_line):
        raise UserError(
            f"--license {about.license}: the source is AmazonTitles-1.3MM's trn.json, for whose texts no licence is known: leave it out"
        )


def require_columns(files: list[CatalogueFile], rows: Rows, settings: Data) -> None:
    """Raise UserError if no line has the column of the titles, of the descriptions, or a non-default column of identifiers."""
    objects = count_objects(rows)
    required = [("title_column", settings.title_column)]
    contents = "content_columns" if settings.content_columns else "content_column"
    required += [(contents, name) for name in content_names(settings)]
    required += [("uid_column", settings.uid_column)] if settings.uid_column != Data().uid_column else []
    required += [("keep_columns", name) for name in settings.keep_columns]
    missing = [(option, name) for option, name in required if objects and rows.absent[name] == objects]
    if missing:
        names = " and ".join(repr(name) for _, name in missing)
        options = " and ".join(dict.fromkeys(suggestion(option, rows.columns) for option, _ in missing))
        raise UserError(
            f"{described(files)}: no line has {names}; the lines have {column_names(rows.columns)}: set {options}"
        )


def count_objects(rows: Rows) -> int:
    """Return the number of lines that were parsed as objects."""
    unreadable = [reason for reason in Quarantine if reason not in READABLE or reason is Quarantine.DUPLICATE_KEY]
    return sum(rows.lines) - rows.dropped[Drop.BLANK_LINE] - sum(rows.quarantined[reason] for reason in unreadable)


def column_names(columns: Counter[str]) -> str:
    """Return the names of the columns for a message, MOST_NAMED at most."""
    names = [repr(name) for name in list(columns)[:MOST_NAMED]]
    return ", ".join(names) + (", …" if len(columns) > MOST_NAMED else "") if names else "no columns"


def suggestion(setting: str, columns: Counter[str]) -> str:
    """Return the option that sets the column, with a value if the catalogue has a column with one of USUAL_NAMES."""
    usual = USUAL_NAMES.get(setting, ())
    likely = next((name for name in usual if name in columns), None) or next(
        (column for name in usual for column in columns if column.endswith(f".{name}")), None
    )
    return f"--data.{setting}" if likely is None else shlex.quote(f"--data.{setting}={likely}")


def require_few_quarantined(files: list[CatalogueFile], rows: Rows, max_loss: float) -> None:
    """Raise UserError if more than this share of the lines is quarantined. The message names reasons, examples and the fix.

    An incomplete last line does not count, because --allow-incomplete covers it.
    """
    cut = sum(problem in (LAST_LINE_IS_CUT, LAST_ROW_IS_CUT) for problem in rows.cut.values())
    lines, lost = sum(rows.lines), sum(rows.quarantined.values()) - cut
    if not lines or lost / lines <= max_loss:
        return
    reasons = rows.quarantined.most_common(3)
    counts = ", ".join(f"{reason} {count:,} (line {', '.join(rows.examples[reason])})" for reason, count in reasons)
    share = -(-100 * lost // lines) / 100
    others = f", or build from the other lines with --max-loss {share:g}" if len(rows.keys) and share < 1 else ""
    raise UserError(
        f"{described(files)}: {lost:,} of {lines:,} lines ({100 * lost / lines:.1f} %) are no rows, more than --max-loss "
        f"{max_loss:g}: {counts}; {fix_for(reasons[0][0], files)}{others}"
    )


def fix_for(reason: str, files: list[CatalogueFile]) -> str:
    """Return the fix for lines that were quarantined for this reason."""
    name = shlex.quote(files[0].name.rpartition("/")[2])
    match reason:
        case Quarantine.NOT_UTF8:
            return (
                "it is no UTF-8: set --data.encoding to the encoding that it has (cp1252 in most of Europe and America, gb18030, "
                "shift_jis or euc_kr in East Asia), or save it as UTF-8"
            )
        case Quarantine.NOT_JSON:
            return "write one JSON object (RFC 8259) a line, without NaN or Infinity, or a table with the names of its columns in the first line"
        case Quarantine.TWO_OBJECTS:
            return f"write one JSON object a line (jq -c . {name} > lines.jsonl)"
        case Quarantine.NOT_AN_OBJECT:
            return "write one JSON object a line, with names for the columns"
        case Quarantine.LONE_SURROGATE:
            return "export it again with whole characters: an emoji was cut in half"
        case Quarantine.DUPLICATE_KEY:
            return "write title, content and uid once in each object"
        case Quarantine.NOT_PYTHON:
            return "write a Python dictionary of plain values, or a JSON object, a line"
        case Quarantine.NOT_QUOTED:
            return "write cells that hold quotes or line breaks in double quotes, and a quote inside as two (RFC 4180)"
        case Quarantine.CELL_COUNT:
            return (
                "write as many cells in each row as the header has, and cells that hold the delimiter in double quotes"
            )
        case Quarantine.UID_NOT_TEXT:
            return "write identifiers as text or whole numbers"
        case _:
            return "write titles and descriptions as text, or as lists of texts"


def require_rows(files: list[CatalogueFile], rows: Rows, settings: Data) -> None:
    """Raise UserError if no row is left to publish; the message counts the reasons and names the settings to check."""
    if len(rows.keys):
        return
    counts = (rows.dropped + rows.quarantined).most_common(3)
    outcomes = ", ".join(f"{reason} {count:,}" for reason, count in counts)
    raise UserError(
        f"{described(files)}: none of {sum(rows.lines):,} lines gives a row ({outcomes or 'there is no line'}): "
        f"{what_to_set(counts[0][0] if counts else '', files, rows, settings)}"
    )


def what_to_set(reason: str, files: list[CatalogueFile], rows: Rows, settings: Data) -> str:
    """Return the fix if most lines were dropped or quarantined for this reason."""
    match reason:
        case Drop.TOO_SHORT:
            return f"descriptions have fewer than {settings.minimum_characters} characters: set --data.minimum_characters smaller"
        case _ if reason in settings.filters:
            return f"the filter takes them: leave {reason} out of data.filters"
        case Drop.EMPTY_TITLE | Drop.EMPTY_CONTENT | Drop.CONTENT_IS_TITLE | Drop.BOILERPLATE_ONLY:
            return (
                f"the title is looked for under {settings.title_column!r} and the description under "
                f"{' and '.join(map(repr, content_names(settings)))}, "
                f"the lines have {column_names(rows.columns)}: set --data.title_column and --data.content_column"
            )
        case Drop.BLANK_LINE | "":
            return "expected products, one a line, an element or a row"
    return fix_for(reason, files)


def mostly_empty(rows: Rows, settings: Data) -> str | None:
    """Return a warning if at least half of the lines have no title or no description; it lists the columns."""
    lines = sum(rows.lines)
    for reason, setting in ((Drop.EMPTY_TITLE, "title_column"), (Drop.EMPTY_CONTENT, "content_column")):
        if rows.dropped[reason] * 2 >= lines:
            return (
                f"{rows.dropped[reason]:,} of {lines:,} lines have nothing under {getattr(settings, setting)!r}; the lines have "
                f"{column_names(rows.columns)}: set --data.{setting} if it is under another name"
            )
    return None


def files_without_rows(files: list[CatalogueFile], rows: Rows) -> str | None:
    """Return a warning if some of the files have lines but no rows; they may have other columns than the rest."""
    names = [file.name for file, lines, kept in zip(files, rows.lines, rows.kept, strict=True) if lines and not kept]
    if not names:
        return None
    more = f" and {len(names) - 3} others" if len(names) > 3 else ""
    return f"no line of {', '.join(names[:3])}{more} gives a row, of {len(files)} files: look at their columns"


def without_identifiers(rows: Rows, settings: Data) -> str | None:
    """Return a warning if no line has the column of the identifiers."""
    if not rows.absent[settings.uid_column] or rows.absent[settings.uid_column] < count_objects(rows):
        return None
    return (
        f"no line has {settings.uid_column!r}, so `uid` is empty in every row; the lines have {column_names(rows.columns)}: "
        f"set {suggestion('uid_column', rows.columns)} to keep an identifier"
    )


def require_balance(record: DatasetRecord) -> None:
    """Raise RuntimeError unless lines = published + dropped + quarantined; a failure is a bug of this package."""
    accounted = record.published + sum(record.dropped.values()) + sum(record.quarantined.values())
    if accounted != record.source.lines or record.published != sum(split.rows for split in record.splits.values()):
        raise RuntimeError(f"{record.source.lines} lines read, {accounted} accounted for: a bug in dataset_builder")
