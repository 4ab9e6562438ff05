"""Hostile names and cards neither reach files outside the repo nor use up memory."""

import time

import httpx
import pytest
from huggingface_hub import HfApi

from local_hub.server import RunningHub
from local_hub.untrusted.card_metadata import check_card, parse_card

UP = "%2F..%2F..%2F..%2F..%2F..%2F..%2F"


@pytest.mark.parametrize(
    "path",
    [
        "/api/models/{repo}/revision/..{up}accounts.json",
        "/api/models/{repo}/tree/..{up}accounts.json",
        "/{repo}/resolve/..{up}accounts.json/README.md",
        "/api/models/{repo}/revision/..%2F..%2FHEAD",
        "/{repo}/tree/..{up}hub.json",
    ],
)
def test_no_revision_leads_out_of_the_refs(api: HfApi, anonymous: httpx.Client, hub: RunningHub, path: str) -> None:
    api.create_repo("titlecraft/names", exist_ok=True)
    answer = anonymous.get(path.format(repo="titlecraft/names", up=UP))
    assert answer.status_code == 404, answer.text
    for secret in (hub.token, hub.read_token):
        assert secret not in answer.text + str(answer.headers)


def test_a_card_of_nested_aliases_is_refused_at_once() -> None:
    block = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    began = time.monotonic()
    assert parse_card(f"---\n{block}---\n".encode()) == {}
    errors, _ = check_card(f"---\n{block}---\n", "model")
    assert "more than 100,000 values" in errors[0]
    assert time.monotonic() - began < 5


def test_a_number_that_python_refuses_is_an_error_and_no_crash() -> None:
    assert parse_card(b"---\na: 0x" + b"f" * 5000 + b"\n---\n") == {}
