"""Who may do what: users, organisations and access tokens, from one JSON file.

{"users": {"ada": {"fullname": "Ada", "email": "ada@localhost", "orgs": {"acme": "admin"}}},
 "orgs": {"acme": {"fullname": "Acme", "private_by_default": false}},
 "tokens": {"hf_…": {"user": "ada", "role": "write", "name": "laptop"}}}
"""

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from local_hub.errors import UsageError
from local_hub.untrusted.data import read_json_object

FILE_NAME = "accounts.json"
FIRST_USER = "titlecraft"
TokenRole = Literal["read", "write"]


@dataclass(frozen=True)
class User:
    """Somebody with tokens. `orgs` maps an organisation to the role in it: admin, write, contributor or read."""

    name: str
    fullname: str = ""
    email: str = ""
    orgs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Organization:
    """A namespace that several users share."""

    name: str
    fullname: str = ""
    private_by_default: bool = False


@dataclass(frozen=True)
class Token:
    """An access token: what its user may do, or only read."""

    value: str
    user: User
    role: TokenRole = "write"
    name: str = "token"

    def may_write(self, namespace: str) -> bool:
        """True when this token may change repos of that user or organisation."""
        return self.role == "write" and self.belongs_to(namespace, ("admin", "write", "contributor"))

    def belongs_to(self, namespace: str, roles: tuple[str, ...] = ("admin", "write", "contributor", "read")) -> bool:
        """True for the user's own namespace, and for organisations where the user has one of these roles."""
        if namespace.lower() == self.user.name.lower():
            return True
        return any(org.lower() == namespace.lower() and role in roles for org, role in self.user.orgs.items())


class Accounts:
    """All accounts of one Hub; they do not change while it runs."""

    def __init__(self, users: dict[str, User], orgs: dict[str, Organization], tokens: dict[str, Token]):
        self.users = users
        self.orgs = orgs
        self._tokens = tokens

    def token(self, value: str) -> Token | None:
        """The token with this value; takes the same time for every wrong one."""
        found = None
        for candidate in self._tokens.values():
            if secrets.compare_digest(candidate.value.encode(), value.encode()):
                found = candidate
        return found

    def tokens(self) -> list[Token]:
        """All of them, in the file's order."""
        return list(self._tokens.values())

    def user(self, name: str) -> User | None:
        """A user by name, in any case."""
        return next((user for user in self.users.values() if user.name.lower() == name.lower()), None)

    def organization(self, name: str) -> Organization | None:
        """An organisation by name, in any case."""
        return next((org for org in self.orgs.values() if org.name.lower() == name.lower()), None)

    @classmethod
    def load(cls, path: Path) -> "Accounts":
        """Read the file. Raises UsageError when it is not what the module's docstring shows."""
        try:
            stored = read_json_object(path.read_bytes())
            users = {name: User(name, **fields) for name, fields in stored["users"].items()}
            orgs = {name: Organization(name, **fields) for name, fields in stored.get("orgs", {}).items()}
            tokens = {
                value: Token(value, users[fields["user"]], fields.get("role", "write"), fields.get("name", "token"))
                for value, fields in stored["tokens"].items()
            }
            _check_kinds([*users.values(), *orgs.values(), *tokens.values()])
        except FileNotFoundError:
            raise UsageError(f"{path}: there is no such accounts file") from None
        except OSError as error:
            raise UsageError(f"{path}: the accounts file cannot be read ({error.strerror})") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{path}: not a valid accounts file ({type(error).__name__}: {error}); expected an object with "
                f"'users', 'tokens' and optionally 'orgs', as described in {__name__}"
            ) from error
        return cls(users, orgs, tokens)


def ensure_accounts(root: Path) -> Path:
    """The accounts file of a Hub root; made on first use, with one user and random tokens, mode 0600."""
    path = root / FILE_NAME
    if not path.exists():
        tokens = {
            f"hf_{secrets.token_hex(17)}": {"user": FIRST_USER, "role": role, "name": f"local {role}"}
            for role in ("write", "read")
        }
        users = {FIRST_USER: {"fullname": "Titlecraft", "email": f"{FIRST_USER}@localhost"}}
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"users": users, "orgs": {}, "tokens": tokens}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    return path


def first_tokens(path: Path) -> tuple[str, str]:
    """(a write token, a read token) of an accounts file, for the environment of local clients.

    Each is "" where the file has none. Raises UsageError.
    """
    tokens = Accounts.load(path).tokens()
    writers = [token.value for token in tokens if token.role == "write"]
    readers = [token.value for token in tokens if token.role == "read"]
    return (writers or [""])[0], (readers or writers or [""])[0]


def _check_kinds(accounts: list[User | Organization | Token]) -> None:
    """Raises ValueError where a field is not of the kind that its class declares."""
    for one in accounts:
        for name in ("name", "fullname", "email", "value", "role"):
            if not isinstance(getattr(one, name, ""), str):
                raise ValueError(f"{name!r} must be text, not {getattr(one, name)!r}")
        orgs = getattr(one, "orgs", {})
        if not isinstance(orgs, dict) or not all(isinstance(role, str) for role in orgs.values()):
            raise ValueError(f"'orgs' of a user must map organisations to roles, not be {orgs!r}")
        if not isinstance(getattr(one, "private_by_default", False), bool):
            raise ValueError("'private_by_default' must be true or false")
