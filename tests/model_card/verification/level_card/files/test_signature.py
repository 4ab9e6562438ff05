"""`titlecraft sign` and `verify --signed-by` with the real library: changed files, other keys, missing signatures, and unusable keys."""

import json
from pathlib import Path

import pytest

from tests.own_hub import run_on_own_hub

pytest.importorskip("model_signing", reason="needs titlecraft[sign]")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root: Path = tmp_path_factory.mktemp("signature")
    (root / "files").mkdir()
    world = "tests.model_card.verification.level_card.files.signature_world"
    done = run_on_own_hub(world, root, str(root / "files"))
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("case", "beginning"),
    [
        ("signed", "signed: model.sig of titlecraft/signed@"),
        ("mine", "holds: signed"),
        ("other", "does not hold: "),
        ("no key", "not looked at"),
        ("unsigned", "does not hold: no model.sig"),
        ("unsigned, no key", ""),
        ("card edited", "holds: signed"),
        ("file changed", "does not hold: Signature mismatch: [\"Hash mismatch for 'training_record.json'"),
        ("sign a changed file", "error: titlecraft/signed@"),
        ("file and sums changed", "does not hold: Signature mismatch: [\"Hash mismatch for 'training_record.json'"),
        ("file added", "does not hold: Signature mismatch: [\"Extra files found in model 'signed': more.json"),
        (
            "file deleted",
            "does not hold: Signature mismatch: [\"Missing files in model 'signed': adapter_model.safetensors",
        ),
        ("as signed again", "holds: signed"),
        ("signature broken", "does not hold: "),
        ("certified", "signed: model.sig of titlecraft/signed@"),
        ("root", "holds: signed"),
        ("other root", "does not hold: not a signature by this key or certificate"),
        ("key of it", "does not hold: not a signature by this key or certificate"),
        ("password", "signed: model.sig of titlecraft/signed@"),
        ("locked.pub", "holds: signed"),
    ],
)
def test_what_holds(results: dict[str, str], case: str, beginning: str) -> None:
    assert results[case].startswith(beginning) and (beginning or not results[case]), results[case]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("curve", "bitcoin.pem: expected a private key in PEM on the curve P-256, P-384 or P-521"),
        ("public", "mine.pub: expected a private key in PEM"),
        ("locked", "its password in TITLECRAFT_KEY_PASSWORD"),
        ("no key file", "none.pem: expected a PEM file with a key or a certificate"),
        ("no PEM", "x.pem: expected a PEM file with a key or a certificate"),
        ("private", "mine.pem: expected a public key"),
        ("sign a changed file", "training_record.json is not the file that SHA256SUMS lists: nothing was signed"),
        ("not installed", 'pip install "titlecraft[sign]"'),
    ],
)
def test_one_line_says_what_is_wrong(results: dict[str, str], case: str, words: str) -> None:
    assert results[case].startswith("error: ") and words in results[case] and "\n" not in results[case], results[case]
