"""Users, organisations and access tokens, read from one JSON file.

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
    """A user. `orgs` maps the name of an organisation to the role in it: admin, write, contributor or read."""

    name: str
    fullname: str = ""
    email: str = ""
    orgs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Organization:
    """A namespace shared by several users."""

    name: str
    fullname: str = ""
    private_by_default: bool = False


@dataclass(frozen=True)
class Token:
    """An access token of a user; with the role `read` it may not change anything."""

    value: str
    user: User
    role: TokenRole = "write"
    name: str = "token"

    def may_write(self, namespace: str) -> bool:
        """Return True if this token may change repos of the user or organisation `namespace`."""
        return self.role == "write" and self.belongs_to(namespace, ("admin", "write", "contributor"))

    def belongs_to(self, namespace: str, roles: tuple[str, ...] = ("admin", "write", "contributor", "read")) -> bool:
        """Return True for the user's own namespace and for organisations in which the user has one of the roles."""
        if namespace.lower() == self.user.name.lower():
            return True
        return any(org.lower() == namespace.lower() and role in roles for org, role in self.user.orgs.items())


class Accounts:
    """All accounts of one Hub. They do not change while it runs."""

    def __init__(self, users: dict[str, User], orgs: dict[str, Organization], tokens: dict[str, Token]):
        self.users = users
        self.orgs = orgs
        self._tokens = tokens

    def token(self, value: str) -> Token | None:
        """The token with this value, or None. The time does not depend on the value (no timing attack)."""
        match = None
        for candidate in self._tokens.values():
            if secrets.compare_digest(candidate.value.encode(), value.encode()):
                match = candidate
        return match

    def tokens(self) -> list[Token]:
        """All tokens, in the order of the file."""
        return list(self._tokens.values())

    def user(self, name: str) -> User | None:
        """The user with this name (case-insensitive), or None."""
        return next((user for user in self.users.values() if user.name.lower() == name.lower()), None)

    def organization(self, name: str) -> Organization | None:
        """The organisation with this name (case-insensitive), or None."""
        return next((org for org in self.orgs.values() if org.name.lower() == name.lower()), None)

    @classmethod
    def load(cls, path: Path) -> "Accounts":
        """Read an accounts file. Raises UsageError if it does not have the form shown above."""
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
    """The accounts file of a root folder; created on first use with one user and two random tokens, mode 0600."""
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
    """(first write token, first read token) of an accounts file, "" if it has none. Raises UsageError."""
    tokens = Accounts.load(path).tokens()
    writers = [token.value for token in tokens if token.role == "write"]
    readers = [token.value for token in tokens if token.role == "read"]
    return (writers or [""])[0], (readers or writers or [""])[0]


def _check_kinds(accounts: list[User | Organization | Token]) -> None:
    """Raises ValueError if a field does not have the type that its class declares."""
    for account in accounts:
        for name in ("name", "fullname", "email", "value", "role"):
            if not isinstance(getattr(account, name, ""), str):
                raise ValueError(f"{name!r} must be text, not {getattr(account, name)!r}")
        orgs = getattr(account, "orgs", {})
        if not isinstance(orgs, dict) or not all(isinstance(role, str) for role in orgs.values()):
            raise ValueError(f"'orgs' of a user must map organisations to roles, not be {orgs!r}")
        if not isinstance(getattr(account, "private_by_default", False), bool):
            raise ValueError("'private_by_default' must be true or false")
