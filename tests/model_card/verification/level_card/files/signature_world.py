"""Signs a repo on the Hub of the environment with the command, and verifies it after changes; prints JSON.

python -m tests.model_card.verification.level_card.files.signature_world FOLDER
"""

import datetime
import io
import json
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from model_card.verification.level_card.files.signature import verify_signature
from model_card.verification.repo_state import RepoState
from titlecraft.command_line.verbs import sign
from titlecraft.errors import UserError
from titlecraft.hub.checksums import write_sums
from titlecraft.hub.pins import pin
from titlecraft.hub.publishing import publish

REPO = "titlecraft/signed"
FILES = {"adapter_model.safetensors": b"weights", "training_record.json": b"{}", "notes/1.txt": b"1"}


def write_keys(folder: Path) -> None:
    """Write NAME.pem and NAME.pub for several keys, and a certificate of the key "mine" that the root "ca" has signed."""
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("mine", "other", "ca", "locked")}
    keys["bitcoin"] = ec.generate_private_key(ec.SECP256K1())
    for name, key in keys.items():
        lock = BestAvailableEncryption(b"secret") if name == "locked" else NoEncryption()
        (folder / f"{name}.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
        (folder / f"{name}.pub").write_bytes(
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
    names = {name: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("mine", "ca", "other")}
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    for name, issuer in (("ca", "ca"), ("mine", "ca"), ("other", "other")):
        authority = name != "mine"
        certificate = (
            x509.CertificateBuilder(names[issuer], names[name], keys[name].public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(digital_signature=True, key_cert_sign=authority, crl_sign=authority, **usage),
                critical=True,
            )
        )
        if not authority:
            certificate = certificate.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False
            )
        signed = certificate.sign(keys[issuer], hashes.SHA256())
        (folder / f"{name}.crt").write_bytes(signed.public_bytes(Encoding.PEM))


class World:
    """The repo and the keys in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.api = HfApi()
        write_keys(folder)
        (folder / "repo").mkdir()
        for path, raw in FILES.items():
            (folder / "repo" / path).parent.mkdir(exist_ok=True)
            (folder / "repo" / path).write_bytes(raw)
        publish(REPO, "model", None, folder / "repo", "First", private=True, replaces=(), check=lambda path: None)

    def sign(self, key: str, *certificates: str) -> str:
        """What `titlecraft sign` prints, or its error."""
        options = ["--certificate", *(str(self.folder / name) for name in certificates)] if certificates else []
        out = io.StringIO()
        try:
            with redirect_stdout(out):
                sign.main([REPO, "--key", str(self.folder / key), *options])
        except UserError as error:
            return f"error: {error}"
        return out.getvalue()

    def verdict(self, trusted: str | None) -> str:
        """The verdict of `verify --signed-by`, with what was found."""
        state = RepoState.download(pin(REPO, "model"))
        try:
            lines = verify_signature(state, self.folder / trusted if trusted else None)
        except UserError as error:
            return f"error: {error}"
        return "".join(f"{line.verdict}: {line.derived}" for line in lines)

    def change(self, add: dict[str, bytes], delete: tuple[str, ...] = (), list_all: bool = False) -> None:
        """Change files as somebody with write access, who may write their sums, too."""
        if list_all:
            import hashlib

            found = {
                path: self.api.hf_hub_download(REPO, path)
                for path in self.api.list_repo_files(REPO)
                if path not in delete
            }
            sums = {path: hashlib.sha256(Path(file).read_bytes()).hexdigest() for path, file in found.items()}
            sums |= {path: hashlib.sha256(raw).hexdigest() for path, raw in add.items()}
            add = add | {"SHA256SUMS": write_sums(sums)}
        operations = [CommitOperationAdd(path, raw) for path, raw in add.items()]
        operations += [CommitOperationDelete(path) for path in delete]
        self.api.create_commit(REPO, operations, commit_message="Change")


def main(folder: Path) -> dict[str, str]:
    """Every case, by its name."""
    world = World(folder)
    results = {"unsigned": world.verdict("mine.pub"), "unsigned, no key": world.verdict(None)}
    results["signed"] = world.sign("mine.pem")
    results |= {"mine": world.verdict("mine.pub"), "other": world.verdict("other.pub"), "no key": world.verdict(None)}
    world.change({"README.md": b"# My text"})
    results["card edited"] = world.verdict("mine.pub")
    world.change({"training_record.json": b"{ }"})
    results["file changed"] = world.verdict("mine.pub")
    results["sign a changed file"] = world.sign("mine.pem")
    world.change({"training_record.json": b"{ }"}, list_all=True)
    results["file and sums changed"] = world.verdict("mine.pub")
    world.change({"training_record.json": b"{}", "more.json": b"{}"}, list_all=True)
    results["file added"] = world.verdict("mine.pub")
    world.change({}, ("more.json", "adapter_model.safetensors"), list_all=True)
    results["file deleted"] = world.verdict("mine.pub")
    world.change({"adapter_model.safetensors": b"weights"}, list_all=True)
    results["as signed again"] = world.verdict("mine.pub")
    world.change({"model.sig": b"{}"})
    results["signature broken"] = world.verdict("mine.pub")
    results["certified"] = world.sign("mine.pem", "mine.crt")
    results |= {
        "root": world.verdict("ca.crt"),
        "other root": world.verdict("other.crt"),
        "key of it": world.verdict("mine.pub"),
    }
    results |= {
        "curve": world.sign("bitcoin.pem"),
        "public": world.sign("mine.pub"),
        "locked": world.sign("locked.pem"),
    }
    os.environ["TITLECRAFT_KEY_PASSWORD"] = "secret"
    results |= {"password": world.sign("locked.pem"), "locked.pub": world.verdict("locked.pub")}
    (folder / "x.pem").write_text("nothing")
    results |= {
        "no key file": world.sign("none.pem"),
        "no PEM": world.sign("x.pem"),
        "private": world.verdict("mine.pem"),
    }
    sys.modules["model_signing"] = None  # pyright: ignore[reportArgumentType]  # hides it, as if it were not installed
    results["not installed"] = world.sign("mine.pem")
    return results


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
