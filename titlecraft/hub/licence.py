"""The licence of an adapter, derived from the card of its base."""

from pathlib import Path

from huggingface_hub import ModelCard

from titlecraft.errors import UserError
from titlecraft.hub.errors import first_line
from titlecraft.hub.pins import download
from titlecraft.records import Licence, Pin
from titlecraft.records.repo_files import CARD

LEGAL_FILES = ["LICENSE*", "LICENCE*", "USE_POLICY*", "NOTICE*"]
LLAMA3_NOTICE = "Meta Llama 3 is licensed under the Meta Llama 3 Community License, Copyright © Meta Platforms, Inc. All Rights Reserved.\n"
LLAMA3_LINK = "https://www.llama.com/llama3/license/"


def licence_of(base: Pin) -> Licence:
    """Return the licence on the base's card; `other`, with a warning, if the card states no readable one."""
    card = download(base, [CARD]) / CARD
    if not card.is_file():
        return unknown_licence(f"{base} has no card")
    try:
        data = ModelCard(card.read_text(encoding="utf-8")).data
    except Exception as error:  # strangers' cards hold anything, and the parser raises whatever comes up
        return unknown_licence(f"the card of {base} cannot be read ({first_line(error)})")
    stated = data.get("license")
    if not isinstance(stated, str) or stated == "unknown":
        return unknown_licence(f"the card of {base} states no licence")
    if stated.startswith("llama3"):
        return Licence(id=stated, name=None, link=LLAMA3_LINK if stated == "llama3" else None, warning=None)
    return Licence(id=stated, name=data.get("license_name"), link=data.get("license_link"), warning=None)


def unknown_licence(why: str) -> Licence:
    """Return the licence `other` with the sentence that explains why."""
    return Licence(
        id="other", name="unknown", link=None, warning=f"{why}: ask its authors what an adapter of it may be used for."
    )


def require_name(repo: str, licence: Licence, base: Pin) -> None:
    """Raise UserError if the licence demands another name than `repo` (Llama 3 and later, section 1.b.i)."""
    name = repo.split("/")[1]
    prefix = "Llama-3" if licence.id == "llama3" else "Llama"
    if licence.id.startswith("llama3") and not name.startswith(prefix):
        raise UserError(
            f"--repo {repo}: the licence of {base} ({licence.id}) demands that the name of a model made from it "
            f"begins with '{prefix}': for example {repo.split('/')[0]}/{prefix}-{name}"
        )


def obligations(licence: Licence, base: Pin) -> list[str]:
    """Return what the base's licence demands of publishers of an adapter."""
    if licence.warning:
        return [licence.warning]
    if not licence.id.startswith("llama3"):
        where = f" ({licence.link})" if licence.link else ""
        return [f"the card of {base} states {licence.name or licence.id}{where}: its terms bind the adapter too"]
    prefix = "Llama-3" if licence.id == "llama3" else "Llama"
    return [
        f"the name of the adapter begins with '{prefix}'",
        "its card says 'Built with Meta Llama 3'" if licence.id == "llama3" else "its card says 'Built with Llama'",
        "a copy of the licence and its notice lie beside it (titlecraft puts them there)",
    ]


def copy_legal_files(base: Pin, licence: Licence, folder: Path) -> None:
    """Copy the base's licence texts into the folder of the adapter, and write the notice that the Llama 3 licence demands."""
    local = download(base, LEGAL_FILES)
    for pattern in LEGAL_FILES:
        for file in local.glob(pattern):
            (folder / file.name).write_bytes(file.read_bytes())
    if licence.id == "llama3" and not (folder / "NOTICE").exists():
        (folder / "NOTICE").write_text(LLAMA3_NOTICE, encoding="utf-8")
