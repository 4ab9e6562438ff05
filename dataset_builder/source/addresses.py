"""Addresses of a catalogue's files as they may be shown: without user names, passwords, keys and signatures.

A person may name a file by a URL with a password or a signed query in it. Such an address opens the file and appears
nowhere: not on the card, not in the record or the commit, and not on the console, whose output ends up in logs.
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
UNQUOTED_PASSWORD = re.compile(r"[^\[/?#@]*:(?!\d*(?:[/?#]|$))[^@]*@")  # behind the colon stands no port
HIDDEN = "[hidden]"


def is_url(address: str) -> bool:
    """Is this for fsspec, rather than a path of this machine?"""
    return "://" in address


def shown(address: str) -> str:
    """A path as it is; a URL without user, password, query and fragment, each part of a chained one (`zip://…::https://…`)."""
    if not is_url(address):
        return address
    return "::".join(shown_url(part) for part in address.split("::"))


def shown_url(url: str) -> str:
    """One URL without user, password, query and fragment. A `?` that is a glob's, before a later `/`, stays."""
    protocol, mark, rest = url.partition("://")
    if not mark:
        return url
    host, slash, path = without_user(rest).partition("/")
    if "?" in host or "#" in host:
        host, slash, path = re.split("[?#]", host)[0], "", ""
    if protocol.lower().startswith("http"):  # nothing behind the first of the two belongs to the path
        path = re.split("[?#]", path)[0]
    path = PARAMETER.sub("", QUERY.split(path, maxsplit=1)[0])
    return f"{protocol}://{host}{slash}{path}"


def without_user(rest: str) -> str:
    """What stands behind user and password, after the `://`; a password may hold `/`, `?` and `#` that nobody quoted."""
    host = re.split("[/?#]", rest, maxsplit=1)[0]
    if "@" in host:
        return host.rpartition("@")[2] + rest[len(host) :]
    return rest.rpartition("@")[2] if UNQUOTED_PASSWORD.match(rest) else rest


def without_secrets(text: str, address: str = "") -> str:
    """Somebody else's message with every URL in it as it may be shown, and without the secret parts of this address."""
    text = ANY_URL.sub(lambda url: shown(url[0]), text)
    for secret in sorted(secrets_of(address) | secrets_of_environment(), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def secrets_of(address: str) -> set[str]:
    """User, password, query and the query's values of a URL, as written and decoded."""
    found: set[str] = set()
    for url in address.split("::") if is_url(address) else []:
        rest = url.partition("://")[2]
        place = without_user(rest)
        user = rest.removesuffix(place).removesuffix("@")
        query = re.split("[?#]|%3F|%23", place, maxsplit=1, flags=re.IGNORECASE)[1:]
        pairs = [pair for part in [*query, *PARAMETER.findall(place)] for pair in re.split("[?&#;]", part)]
        values = [
            re.split("=|%3D", pair, maxsplit=1, flags=re.IGNORECASE)[-1] for pair in pairs if "=" in unquote(pair)
        ]
        found |= {user, *user.split(":"), *user.split(":", 1)[1:], *query, *values}
    return {form for secret in found for form in (secret, unquote(secret)) if len(form) > 3}


def secrets_of_environment() -> set[str]:
    """Values of environment variables that are named like secrets: a library may put one into its message."""
    return {
        value
        for name, value in os.environ.items()
        if SECRET_NAMES.search(name) and len(value) >= SHORTEST_SECRET and not value.startswith("/")
    }


def short_names(addresses: list[str]) -> list[str]:
    """A name for each file that tells nothing of the machine or the account: its file name, and where several files share
    one, the folders below the one that they have in common; below a person's home folder, never with its name.
    """
    parts = [below_home(shown(address)) for address in addresses]
    names = [each[-1] for each in parts]
    for name in {name for name in names if names.count(name) > 1}:
        places = [place for place, each in enumerate(parts) if each[-1] == name]
        levels = zip(*(parts[place][:-1] for place in places), strict=False)
        common = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, levels))
        for place in places:
            names[place] = "/".join(parts[place][common:])
    seen: dict[str, int] = {}
    for place, name in enumerate(names):
        seen[name] = seen.get(name, 0) + 1
        names[place] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return names


def below_home(address: str) -> list[str]:
    """The parts of a path, without those of a home folder; of a URL, all parts."""
    if is_url(address) and not address.startswith(("file://", "local://")):
        return [part for part in address.partition("://")[2].split("/") if part]
    path = address.partition("://")[2] if is_url(address) else str(Path(address).absolute())
    home = str(Path.home())
    path = path.removeprefix(home) if home != "/" and path.startswith(f"{home}/") else path
    return [part for part in re.sub(r"^/(?:home|Users|mnt/c/Users)/[^/]+(?=/)", "", path).split("/") if part]
