"""The command that makes a published dataset again, from its record: source, settings that differ from the defaults, code."""

import shlex
from dataclasses import fields

import msgspec

from titlecraft.records import DatasetRecord
from titlecraft.settings import MAX_LOSS, Data, Prompt

NAMED = 3  # source files; of more, the first and the last are named in a comment


def build_command(repo: str, record: DatasetRecord) -> str:
    """`titlecraft build …` on as many lines as it takes; whether a new repo is public is not part of it."""
    names = [file.name for file in record.source.files]
    source = [shlex.quote(name) for name in names] if len(names) <= NAMED else ["FILES"]
    parts = [f"titlecraft build {' '.join(source)}", f"--repo {repo}", *changed_options(record)]
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
    """The settings that differ from the defaults of today, as options of `titlecraft build`."""
    options = []
    for section, used, default in (("data", record.data, Data()), ("prompt", record.prompt, Prompt())):
        for name in (field.name for field in fields(used)):
            value = getattr(used, name)
            if value != getattr(default, name):
                text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
                options.append(shlex.quote(f"--{section}.{name}={text}"))
    return options


def completeness(record: DatasetRecord) -> str:
    """Whether the source was whole, as far as that was looked at; a sentence or two."""
    source = record.source
    whose = "AmazonTitles-1.3MM's `trn.json`, which its first line shows it to be,"
    if source.missing:
        return f"**Not whole:** {source.missing}."
    if source.expected_lines is None:
        return (
            "Completeness: not checked, because nobody has said how many lines the whole has; "
            "but neither a last line nor gzip data is cut."
        )
    if source.lines == source.expected_lines:
        return f"Completeness: whole; {whose} has {source.expected_lines:,} lines."
    return f"Completeness: it has {source.lines - source.expected_lines:,} lines more than {whose} has."
