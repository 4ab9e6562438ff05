"""model.sig: a signature over the files that SHA256SUMS lists. The sums prove that nothing changed, the signature says whose they are.

The format is OpenSSF's model signing (a Sigstore bundle over an in-toto manifest), written and read by its library `model_signing`.
Keys are PEM files with a key on an elliptic curve (P-256, P-384, P-521); a certificate may vouch for the key. Nothing here needs a network
beside the Hub.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi

from titlecraft.errors import UserError
from titlecraft.hub.checksums import read_sums
from titlecraft.hub.errors import first_line, hub_errors
from titlecraft.hub.pins import download, read_file, require_write
from titlecraft.hub.publishing import work_folder
from titlecraft.records import Pin, file_sha256
from titlecraft.records.repo_files import CHECKSUMS, SIGNATURE

EXTRA = 'pip install "titlecraft[sign]"'
PASSWORD = "TITLECRAFT_KEY_PASSWORD"  # the environment variable with the password of an encrypted private key


@dataclass(frozen=True)
class Signer:
    """A private key, and the certificates that vouch for it: its own first, then those up to the root."""

    key: Path
    certificates: tuple[Path, ...] = ()


def library() -> Any:
    """The modules of model_signing. Raises UserError if it is not installed."""
    try:
        from model_signing import hashing, signing, verifying
    except ImportError as error:
        raise UserError(f"signatures need the package model-signing ({error}): {EXTRA}") from error
    return hashing, signing, verifying


def sign(pinned: Pin, signer: Signer) -> Pin:
    """Sign a published state and publish model.sig on top of it; return the new state.

    Raises UserError: no SHA256SUMS, a file that differs from its sum, an unusable key, no write access, a head that moved.
    """
    library()
    for file in (signer.key, *signer.certificates):
        require_pem(file)
    require_write(pinned.repo)
    sums = listed_sums(pinned)
    with listed_files(pinned, sums) as folder, tempfile.TemporaryDirectory() as temporary:
        present = {path for path in sums if (folder / path).is_file()}
        wrong = [path for path in sums if path not in present or file_sha256(folder / path) != sums[path]]
        if wrong:
            raise UserError(
                f"{pinned}: {wrong[0]} is not the file that {CHECKSUMS} lists: nothing was signed; `titlecraft verify` says "
                "what changed, and publishing again lists what is there"
            )
        signature = Path(temporary) / SIGNATURE
        write_signature(folder, signer, signature)
        with hub_errors(f"publishing to {pinned.type} {pinned.repo} did not finish", pinned.repo, pinned.type):
            commit = HfApi().create_commit(
                pinned.repo,
                [CommitOperationAdd(SIGNATURE, signature.read_bytes())],
                commit_message=f"Sign the {len(sums)} files of {CHECKSUMS}",
                repo_type=pinned.type,
                parent_commit=pinned.revision,
            )
    return Pin(type=pinned.type, repo=pinned.repo, revision=commit.oid)


def write_signature(folder: Path, signer: Signer, signature: Path) -> None:
    """Write the signature of all files in a folder. Raises UserError for a key or certificates that cannot sign."""
    _, signing, _ = library()
    config = signing.Config()
    try:
        if signer.certificates:
            own, *chain = signer.certificates
            chain = chain or [own]  # it cannot read an empty chain
            config.use_certificate_signer(private_key=signer.key, signing_certificate=own, certificate_chain=chain)
        else:
            password = os.environ.get(PASSWORD)
            config.use_elliptic_key_signer(private_key=signer.key, password=password.encode() if password else None)
        config.sign(folder, signature)
    except (ValueError, TypeError, AttributeError) as error:  # what cryptography and model_signing raise for a key
        raise UserError(
            f"{signer.key}: expected a private key in PEM on the curve P-256, P-384 or P-521, with its own certificate if one is "
            f"given, and its password in {PASSWORD} if it has one: {first_line(error)}"
        ) from error


def fault_of_signature(pinned: Pin, trusted: Path) -> str | None:
    """Why the listed files of a state are not those that the owner of `trusted` signed; None if they are.

    Args:
        trusted: a PEM file with the public key of the signer, or with the root certificate of the signer's certificates.

    Raises:
        UserError: model_signing is not installed, `trusted` is no such file, or the Hub does not answer.
    """
    _, _, verifying = library()
    kind = require_pem(trusted)
    raw = read_file(pinned, SIGNATURE)
    if raw is None:
        return f"no {SIGNATURE}"
    with listed_files(pinned, listed_sums(pinned)) as folder, tempfile.TemporaryDirectory() as temporary:
        signature = Path(temporary) / SIGNATURE
        signature.write_bytes(raw)
        config = verifying.Config()
        try:
            if kind == "CERTIFICATE":
                config.use_certificate_verifier(certificate_chain=[trusted])
            else:
                config.use_elliptic_key_verifier(public_key=trusted)
        except (ValueError, AttributeError) as error:
            raise UserError(
                f"--signed-by {trusted}: expected a public key on P-256, P-384 or P-521: {error}"
            ) from error
        try:
            config.verify(folder, signature)
        except Exception as error:  # model.sig comes from a stranger: its reader may raise anything
            mismatch = isinstance(error, ValueError) and str(error)
            return (
                first_line(error) if mismatch else f"not a signature by this key or certificate ({first_line(error)})"
            )
    return None


def require_pem(file: Path) -> str:
    """The kind of a PEM file: "CERTIFICATE", "PUBLIC KEY", "EC PRIVATE KEY", …. Raises UserError if it is none."""
    try:
        text = file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: expected a PEM file with a key or a certificate: {first_line(error)}") from error
    begins = [line.strip("- ").removeprefix("BEGIN ") for line in text.splitlines() if line.startswith("-----BEGIN ")]
    kinds = [kind for kind in begins if kind != "EC PARAMETERS"]  # openssl writes them before the key
    if not kinds:
        raise UserError(f"{file}: expected a PEM file with a key or a certificate; it has no line -----BEGIN …-----")
    return kinds[0]


def listed_sums(pinned: Pin) -> dict[str, str]:
    """The sums of SHA256SUMS. Raises UserError if the repo has none."""
    raw = read_file(pinned, CHECKSUMS)
    if raw is None:
        raise UserError(
            f"{pinned} has no {CHECKSUMS}, which lists what is signed: every publishing of Titlecraft writes it"
        )
    return read_sums(raw, f"{CHECKSUMS} of {pinned}")


@contextmanager
def listed_files(pinned: Pin, sums: dict[str, str]) -> Iterator[Path]:
    """A folder with the listed files of a state that exist, and no others, named as the repo.

    The client's cache has links, which model_signing refuses; these are the files that they lead to, without a copy where the
    disk allows it.
    """
    cached = download(pinned, [*map(escaped, sums)])
    with tempfile.TemporaryDirectory(dir=work_folder("signature", pinned.repo)) as temporary:
        folder = Path(temporary) / pinned.repo.split("/")[1]
        folder.mkdir()
        for path in sums:
            source, target = (cached / path).resolve(), folder / path
            if folder not in target.resolve().parents or not source.is_file():
                continue  # a path in SHA256SUMS comes from a stranger
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except OSError:
                shutil.copyfile(source, target)
        yield folder


def escaped(path: str) -> str:
    """A pattern of fnmatch that only this path matches."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path)
