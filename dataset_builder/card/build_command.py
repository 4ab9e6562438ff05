"""Returns the command that rebuilds a published dataset, from its record."""

import shlex
from dataclasses import fields

import msgspec

from titlecraft.records import DatasetRecord
from titlecraft.settings import MAX_LOSS, Data, Prompt

NAMED = 3  # source files in the command; for more, a comment names the first and the last


def build_command(repo: str, record: DatasetRecord) -> str:
    """Return `titlecraft build …` on one or more lines, without --public."""
    names = [file.name for file in record.source.files]
    source = [shlex.quote(name) for name in names] if len(names) <= NAMED else ["FILES"]
    parts = [f"titlecraft build {' '.join(source)}", f"--repo {repo}", *changed_options(record)]
    about = record.about
    parts += [f"--license {about.license}"] if about.license else []
    parts += [f"--language {','.join(about.language)}"] if about.language else []
    parts += [f"--pretty-name {shlex.quote(about.pretty_name)}"] if about.pretty_name else []
    lost = sum(record.quarantined.values())
    if record.source.lines and lost / record.source.lines > MAX_LOSS:
        parts.append(f"--max-loss {-(-100 * lost // record.source.lines) / 100:g}")
    if record.source.missing:
        parts.append("--allow-incomplete")
    command = " \\\n  ".join(parts)
    if len(names) > NAMED:
        command = f"# FILES: the {len(names)} files from {names[0]} to {names[-1]}, listed below\n{command}"
    return command


def changed_options(record: DatasetRecord) -> list[str]:
    """Return the settings that differ from the current defaults, as options of `titlecraft build`."""
    options = []
    for section, used, default in (("data", record.data, Data()), ("prompt", record.prompt, Prompt())):
        for name in (field.name for field in fields(used)):
            value = getattr(used, name)
            if value != getattr(default, name):
                text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
                options.append(shlex.quote(f"--{section}.{name}={text}"))
    return options


def completeness(record: DatasetRecord) -> str:
    """Return a sentence about whether the source is complete, as far as it was checked."""
    source = record.source
    original = "AmazonTitles-1.3MM's `trn.json`"
    if source.missing:
        return f"**Incomplete:** {source.missing}."
    if source.expected_lines is None:
        return (
            "Completeness: not checked, because the expected number of lines is unknown. "
            "No last line and no gzip data is cut."
        )
    if source.lines == source.expected_lines:
        return f"Completeness: complete. By its first line it is {original}, which has {source.expected_lines:,} lines."
    more = source.lines - source.expected_lines
    return f"Completeness: by its first line it is {original}, but it has {more:,} lines more."
