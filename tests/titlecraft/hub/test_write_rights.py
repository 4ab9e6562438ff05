"""The right to write is checked before the work: of an organisation by the role in it, of a token by its kind and scopes.

The answers are those of `GET /api/whoami-v2` on huggingface.co.
"""

from typing import Any

import pytest
from huggingface_hub import HfApi

from titlecraft.errors import UserError
from titlecraft.hub.pins import require_write


def answer(role: str = "write", token: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "name": "ada", "orgs": [{"name": "acme", "roleInOrg": role}],
        "auth": {"accessToken": {"displayName": "laptop", "role": "write"} | (token or {})},
    }  # fmt: skip


def scoped(name: str, *permissions: str) -> dict[str, Any]:
    scope = {"entity": {"type": "user", "name": name}, "permissions": list(permissions)}
    return answer(token={"role": "fineGrained", "fineGrained": {"global": [], "scoped": [scope]}})


@pytest.mark.parametrize(("me", "repo"), [
    (answer(), "ada/rows"), (answer("read"), "ada/rows"), (answer("contributor"), "acme/rows"), (answer("admin"), "ACME/rows"),
    (scoped("ada", "repo.content.read", "repo.write"), "ada/rows"), (scoped("ada/rows", "repo.write"), "ada/rows"),
    (answer(token={"role": "fineGrained"}), "ada/rows"), ({"name": "ada"}, "ada/rows"),
])  # fmt: skip
def test_who_may_write(me: dict[str, Any], repo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HfApi, "whoami", lambda self: me)
    require_write(repo)


@pytest.mark.parametrize(("me", "repo", "message"), [
    (answer("read"), "acme/rows", "ada has the role 'read' in the organisation acme .*; ask an admin"),
    (answer(), "other/rows", "the token at .* belongs to ada and acme; publish to ada/rows"),
    (answer(token={"role": "read"}), "ada/rows", "can only read"),
    (scoped("ada", "repo.content.read"), "ada/rows", "the fine-grained token 'laptop' .* has no permission repo.write for ada/rows or ada"),
    (scoped("ada/others", "repo.write"), "ada/rows", "has no permission repo.write"),
    (scoped("ada", "repo.write"), "acme/rows", "has no permission repo.write for acme/rows or acme"),
])  # fmt: skip
def test_who_may_not_write(me: dict[str, Any], repo: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HfApi, "whoami", lambda self: me)
    with pytest.raises(UserError, match=message):
        require_write(repo)
