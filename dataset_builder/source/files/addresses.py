"""Removes user names, passwords, keys and signatures from the addresses of a catalogue's files.

The URL of a file may contain a password or a signed query. The full URL only opens the file. Card, record, commit and console
show it without secrets.
"""

import os
import re
from itertools import takewhile
from pathlib import Path
from urllib.parse import unquote

SECRET_NAMES = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|KEY|CREDENTIAL|SAS|SIGNATURE", re.IGNORECASE)
SHORTEST_SECRET = 8  # characters; a shorter value of the environment may be an ordinary word
ANY_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>()]+")
QUERY = re.compile(r"(?:[?#]|%3F|%23)(?=[\w.~-]+(?:=|%3D))", re.IGNORECASE)  # a value may hold a `/`
PARAMETER = re.compile(r";[\w.~-]+=[^/]*")  # such as `;jsessionid=…` of a path
UNQUOTED_PASSWORD = re.compile(r"[^\[/?#@]*:(?!\d*(?:[/?#]|$))[^@]*@")  # the colon is not followed by a port
HIDDEN = "[hidden]"
HUB_DATASETS = "hf://datasets/"


def is_url(address: str) -> bool:
    """Return whether an address is a URL for fsspec, rather than a local path."""
    return "://" in address


def shown(address: str) -> str:
    """Return a path unchanged; a URL, or each part of a chained one (`zip://…::https://…`), without its secret parts."""
    if not is_url(address):
        return address
    return "::".join(shown_url(part) for part in address.split("::"))


def shown_url(url: str) -> str:
    """Return one URL without user, password, query and fragment. The `?` of a glob stays if a `/` follows it."""
    protocol, mark, rest = url.partition("://")
    if not mark:
        return url
    host, slash, path = without_user(rest).partition("/")
    if "?" in host or "#" in host:
        host, slash, path = re.split("[?#]", host)[0], "", ""
    if protocol.lower().startswith("http"):  # the path ends at the first of these characters
        path = re.split("[?#]", path)[0]
    path = PARAMETER.sub("", QUERY.split(path, maxsplit=1)[0])
    return f"{protocol}://{host}{slash}{path}"


def without_user(rest: str) -> str:
    """Return the rest of a URL after `://` without user and password; a password may hold an unquoted `/`, `?` or `#`."""
    host = re.split("[/?#]", rest, maxsplit=1)[0]
    if "@" in host:
        return host.rpartition("@")[2] + rest[len(host) :]
    return rest.rpartition("@")[2] if UNQUOTED_PASSWORD.match(rest) else rest


def without_secrets(text: str, address: str = "") -> str:
    """Return a library's message without secrets: those of its URLs, of this address and of the environment."""
    text = ANY_URL.sub(lambda url: shown(url[0]), text)
    for secret in sorted(secrets_of(address) | secrets_of_environment(), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def secrets_of(address: str) -> set[str]:
    """Return user, password, query and query values of a URL, as written and decoded."""
    secrets: set[str] = set()
    for url in address.split("::") if is_url(address) else []:
        rest = url.partition("://")[2]
        location = without_user(rest)
        user = rest.removesuffix(location).removesuffix("@")
        query = re.split("[?#]|%3F|%23", location, maxsplit=1, flags=re.IGNORECASE)[1:]
        pairs = [pair for part in [*query, *PARAMETER.findall(location)] for pair in re.split("[?&#;]", part)]
        values = [
            re.split("=|%3D", pair, maxsplit=1, flags=re.IGNORECASE)[-1] for pair in pairs if "=" in unquote(pair)
        ]
        secrets |= {user, *user.split(":"), *user.split(":", 1)[1:], *query, *values}
    return {form for secret in secrets for form in (secret, unquote(secret)) if len(form) > 3}


def secrets_of_environment() -> set[str]:
    """Return the values of environment variables with names of secrets, which a library's message may contain."""
    return {
        value
        for name, value in os.environ.items()
        if SECRET_NAMES.search(name) and len(value) >= SHORTEST_SECRET and not value.startswith("/")
    }


def short_names(addresses: list[str]) -> list[str]:
    """Return a name for each file that does not reveal the machine or the account.

    It is the file name. Files with the same name get the folders below their common folder too, without a home folder.
    """
    parts = [name_parts(shown(address)) for address in addresses]
    names = [path_parts[-1] for path_parts in parts]
    for name in {name for name in names if names.count(name) > 1}:
        indices = [index for index, path_parts in enumerate(parts) if path_parts[-1] == name]
        levels = zip(*(parts[index][:-1] for index in indices), strict=False)
        common = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, levels))
        for index in indices:
            names[index] = "/".join(parts[index][common:])
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        seen[name] = seen.get(name, 0) + 1
        names[index] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return names


def name_parts(address: str) -> list[str]:
    """Return the parts of an address that names are made of: the last one is a file's name.

    The name of a member of a zip archive begins with that of the archive, and the name of a file of the Hub is its whole
    address at its commit.
    """
    if address.startswith(HUB_DATASETS):
        return [address.removeprefix("hf://")]
    member, chained, archive = address.partition("::")
    if chained and member.startswith("zip://"):
        *folders, name = name_parts(archive)
        return [*folders, f"{name}/{member.removeprefix('zip://')}"]
    return below_home(address)


def below_home(address: str) -> list[str]:
    """Return the parts of a path, without those of a home folder, or all parts of a URL."""
    if is_url(address) and not address.startswith(("file://", "local://")):
        return [part for part in address.partition("://")[2].split("/") if part]
    path = address.partition("://")[2] if is_url(address) else str(Path(address).absolute())
    home = str(Path.home())
    path = path.removeprefix(home) if home != "/" and path.startswith(f"{home}/") else path
    return [part for part in re.sub(r"^/(?:home|Users|mnt/c/Users)/[^/]+(?=/)", "", path).split("/") if part]
