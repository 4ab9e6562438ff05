"""The printed address opens in a browser: a private repo on a Hub of this machine gets the sign-in page."""

import pytest

from titlecraft.command_line import page_link
from titlecraft.records import Pin

COMMIT = "a" * 40


@pytest.mark.parametrize(
    ("hub", "public", "first"),
    [
        ("http://127.0.0.1:8000", True, "http://127.0.0.1:8000/datasets/me/data"),
        ("http://127.0.0.1:8000", False, "http://127.0.0.1:8000/login?next=/datasets/me/data"),
        ("http://localhost:8000", False, "http://localhost:8000/login?next=/datasets/me/data"),
        ("https://huggingface.co", False, "https://huggingface.co/datasets/me/data"),
    ],
)
def test_private_repos_on_this_machine_lead_through_sign_in(
    monkeypatch: pytest.MonkeyPatch, hub: str, public: bool, first: str
):
    """On the public Hub people are signed in already."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub)
    monkeypatch.setattr(page_link, "is_public", lambda pin: public)
    lines = page_link.page_link(Pin(repo="me/data", revision=COMMIT, type="dataset")).splitlines()
    assert lines[0] == first
    assert len(lines) == (2 if "login" in first else 1)
