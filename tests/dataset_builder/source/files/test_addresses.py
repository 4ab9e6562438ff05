"""No password, key or signature of a source is printed, and no name of a folder or a person is published."""

from pathlib import Path

import pytest

from dataset_builder.source.files.addresses import short_names, shown, without_secrets
from dataset_builder.source.files.catalogue import remote_errors
from dataset_builder.source.find_files import find_files
from titlecraft.errors import UserError


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("https://user:pw@host.example/a/b.json?X-Amz-Signature=abc&x=1#f", "https://host.example/a/b.json"),
        ("https://host.example/b.json?token", "https://host.example/b.json"),
        ("https://host.example?sig=1", "https://host.example"),
        ("https://token@host.example/x", "https://host.example/x"),
        ("s3://key:secret@bucket/part-?.json", "s3://bucket/part-?.json"),
        ("s3://bucket/x.json?versionId=1", "s3://bucket/x.json"),
        ("abfs://box@account/x.json?sv=1&sig=a%2Fb", "abfs://account/x.json"),
        ("zip://rows.json::https://u:p@host.example/x.zip?sig=1", "zip://rows.json::https://host.example/x.zip"),
        ("simplecache::ftp://u:p@host.example/x.json", "simplecache::ftp://host.example/x.json"),
        ("hf://datasets/ns/name@main/x.json", "hf://datasets/ns/name@main/x.json"),
        ("/data/a?b=c.json", "/data/a?b=c.json"),
        ("https://u:pa/ss@host.example/b.json", "https://host.example/b.json"),
        ("https://u:pa#s@host.example/b", "https://host.example/b"),
        ("https://u:pa?s@host.example/b.json", "https://host.example/b.json"),
        ("https://h.example:80/a@b", "https://h.example:80/a@b"),
        ("HTTPS://host.example/b.json?token", "HTTPS://host.example/b.json"),
        ("s3://b/x.json?X-Sig=ab/cd", "s3://b/x.json"),
        ("https://h.example/b.json%3Fsig%3Dab", "https://h.example/b.json"),
        ("https://h.example/b;sid=ab/c", "https://h.example/b/c"),
    ],
)
def test_shown_address_has_no_secrets(address: str, seen: str) -> None:
    assert shown(address) == seen


def test_messages_of_libraries_have_no_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_KEY", "c2VjcmV0c2VjcmV0")
    address = "https://alice:pass%2Fword@host.example/x.json?sig=a%2Bb%3D%3D&se=2026"
    message = without_secrets(
        "403 for URL('https://alice:pass%2Fword@host.example/x.json?sig=a%2Bb%3D%3D&se=2026'): alice, pass/word, a+b==, "
        "a%2Bb%3D%3D, key c2VjcmV0c2VjcmV0 of https://other.example/y?sig=zzz",
        address,
    )
    for secret in ("alice", "pass%2Fword", "pass/word", "a+b==", "a%2Bb", "c2Vj", "zzz", "2026"):
        assert secret not in message, message
    assert "403 for URL('https://host.example/x.json')" in message


def test_errors_of_file_systems_are_one_line_without_secrets() -> None:
    url = "memory://user:hunter22@box/x.json?sig=abcdefgh"
    with pytest.raises(UserError) as refused, remote_errors(url):
        raise RuntimeError(f"cannot open {url}\nsecond line with hunter22")
    assert (
        "hunter22" not in str(refused.value) and "abcdefgh" not in str(refused.value) and "\n" not in str(refused.value)
    )
    for address in (
        "https://u:hunter22@127.0.0.1:9/x.json?sig=abcdefgh",
        "nonsense://u:hunter22@box/x?sig=abcdefgh",
        "oci://u:hunter22@box/x?sig=abcdefgh",
        "memory://u:hunter22@box/*.json?sig=abcdefgh",
    ):
        with pytest.raises(UserError) as refused:
            find_files([address])
        assert "hunter22" not in str(refused.value) and "abcdefgh" not in str(refused.value)


def test_short_names_do_not_reveal_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/srv/people/carol"))
    assert short_names(["/home/alice/shop/rows.json"]) == ["rows.json"]
    assert short_names(["https://u:p@host.example/a/rows.json?sig=1"]) == ["rows.json"]
    assert short_names(["/data/a/rows.json", "/data/b/rows.json", "/data/c.json"]) == [
        "a/rows.json",
        "b/rows.json",
        "c.json",
    ]
    assert short_names(["/home/alice/rows.json", "/home/bob/rows.json"]) == ["rows.json", "rows.json (2)"]
    assert short_names(["/Users/alice/x/rows.json", "/srv/people/carol/y/rows.json"]) == ["x/rows.json", "y/rows.json"]
    assert short_names(["file:///home/alice/1/r.json", "s3://k:s@b/2/r.json"]) == ["1/r.json", "b/2/r.json"]


@pytest.mark.parametrize(
    ("address", "secret"),
    [
        ("https://u:hunter/22x@host.example/b.json", "hunter/22x"),
        ("https://u:hunter#22x@host.example/b", "hunter#22x"),
        ("s3://b/x?X-Sig=hunter/22x", "hunter/22x"),
        ("https://h.example/b%3Fsig=hunter%2F22x", "hunter/22x"),
        ("https://h.example/b;sid=hunter%2F22x/c", "hunter%2F22x"),
    ],
)
def test_a_secret_with_unquoted_characters_is_hidden_and_names_no_file(address: str, secret: str) -> None:
    message = without_secrets(f"403 for {secret} of {address}", address)
    assert "hunter" not in message and "22x" not in message
    assert "22x" not in short_names([address])[0]
