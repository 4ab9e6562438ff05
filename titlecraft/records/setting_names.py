"""Settings inside records: a renamed setting keeps its first name in JSON, and a new one has the value of before.

Published records stay readable this way, and the keys and digests over them keep their values.
"""

from typing import Any

from titlecraft.settings import RENAMED

IN_RECORDS: dict[str, dict[str, str]] = {}
"""Section -> name of a setting in settings.py -> its name in JSON."""

for old, new in RENAMED.items():
    IN_RECORDS.setdefault(new.partition(".")[0], {})[new.partition(".")[2]] = old.partition(".")[2]

IN_SETTINGS = {section: {old: new for new, old in names.items()} for section, names in IN_RECORDS.items()}
"""Section -> name of a setting in JSON -> its name in settings.py."""

BEFORE: dict[str, dict[str, Any]] = {
    "training": {
        "long_answers": "truncate",
        "validate_every": 0,
        "validation_rows": 0,
        "keep": "last",
        "patience": None,
        "neftune_noise_alpha": None,
    },
    "lora": {"variant": "lora", "init": "default"},
    "data": {"structure": "flat", "encoding": "utf-8", "filters": []},
}
"""Section -> settings that older records do not have -> what was done before they existed."""

KNOWN_BY = {
    "training": "learning_rate",
    "lora": "alpha",
    "data": "title_column",
}  # a setting that every record of the section has


def fill_settings(record: Any) -> Any:
    """Return the built-in values of a record with the settings of BEFORE where a section lacks them."""
    if not isinstance(record, dict):
        return record
    sections = {name: old | record[name] for name, old in BEFORE.items() if isinstance(record.get(name), dict)}
    return record | {name: settings for name, settings in sections.items() if KNOWN_BY[name] in record[name]}


def without_before(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return a key's inputs without the settings that have their value of BEFORE, so that older keys are derived as they were."""

    def needed(name: str, settings: Any) -> Any:
        if name not in BEFORE or not isinstance(settings, dict):
            return settings
        return {key: value for key, value in settings.items() if key not in BEFORE[name] or value != BEFORE[name][key]}

    return {name: needed(name, settings) for name, settings in inputs.items()}


def rename_settings(value: Any, names: dict[str, dict[str, str]], section: str = "") -> Any:
    """Return built-in values with the settings of each section renamed; the order of keys stays.

    Args:
        value: what JSON can hold.
        names: IN_RECORDS or IN_SETTINGS.
        section: the key that `value` has in the object around it.
    """
    match value:
        case dict():
            renamed = names.get(section, {})
            return {renamed.get(key, key): rename_settings(inner, names, key) for key, inner in value.items()}
        case list():
            return [rename_settings(inner, names) for inner in value]
    return value
