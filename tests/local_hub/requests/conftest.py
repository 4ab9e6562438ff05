"""An application with the repo titlecraft/net."""

from pathlib import Path

import pytest
from starlette.applications import Starlette

from local_hub.accounts import Accounts, ensure_accounts, first_tokens
from local_hub.app import create_app
from tests.local_hub.requests.asgi_request import send


@pytest.fixture
def app(tmp_path: Path) -> Starlette:
    accounts = ensure_accounts(tmp_path)
    app = create_app(tmp_path, Accounts.load(accounts))
    app.state.writer, app.state.reader = ({"authorization": f"Bearer {token}"} for token in first_tokens(accounts))
    assert send(app, "POST", "/api/repos/create", [b'{"name": "net"}'], app.state.writer).status == 200
    return app
