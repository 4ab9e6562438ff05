"""Where everything comes from: pins, versions, files, lineage, licence, and whom to cite."""

import re
from fnmatch import fnmatch
from shlex import quote
from typing import Any

from model_card.citations import bibtex
from model_card.claims.claim import FORMATS, Claim

LEGAL = ("LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*")
DEMANDED = {
    "the licence text": ("LICENSE*", "LICENCE*"),
    "the notice": ("NOTICE*",),
    "the use policy": ("USE_POLICY*",),
}


def links(paths: list[str]) -> str:
    """Files of this repo as links."""
    return ", ".join(f"[{path}]({path})" for path in paths)


def legal_files(values: dict[str, Any]) -> dict[str, Any] | None:
    """The licence files that lie in the repo."""
    found = [path for path in values["files"] if any(fnmatch(path, pattern) for pattern in LEGAL)]
    return {"links": links(sorted(found))} if found else None


def missing_legal_files(values: dict[str, Any]) -> dict[str, Any] | None:
    """What Llama's licence wants to lie beside the adapter and does not."""
    if not values["licence"].startswith("llama3"):
        return None
    missing = [
        what
        for what, patterns in DEMANDED.items()
        if not any(fnmatch(path, pattern) for path in values["files"] for pattern in patterns)
    ]
    return {"missing": " and ".join(missing)} if missing else None


def unless_unknown(values: dict[str, Any]) -> dict[str, Any] | None:
    """Nothing where the licence is not known: another sentence says so."""
    return None if (values["licence"], values["stated"]) == ("other", "unknown") else {}


def readable_link(values: dict[str, Any]) -> dict[str, Any]:
    """A web address as a link; a base's card may also name a file of its own repo, or anything."""
    link = FORMATS["code"](values["link"])
    return {
        "shown": f"<{link}>" if re.fullmatch(r"https?://[^\s<>]+", link) else f"`{link}`, as the base's card names it"
    }


def one_source(values: dict[str, Any]) -> dict[str, Any] | None:
    """The file to build the dataset from again, as a shell reads it; nothing where there were several."""
    return {"source": quote(values["name"])} if len(values["files"]) == 1 else None


def packages(values: dict[str, Any]) -> dict[str, Any]:
    """Versions of packages in one line."""
    return {"list": ", ".join(f"{name} {version}" for name, version in values["packages"].items())}


def cited(values: dict[str, Any]) -> dict[str, Any]:
    """The entries of what was used."""
    return {"entries": bibtex(values["quantization"], values["measures"], values["amazon_titles"])}


CODE = {
    "titlecraft": "code.titlecraft",
    "python": "code.python",
    "packages": "code.packages",
    "sources": "code.sources",
}


def versions(stage: str, record: str) -> Claim:
    """What computed a record."""
    return Claim(
        f"provenance.{record}-code",
        "provenance",
        "| " + stage + " by | Titlecraft {titlecraft} (sources `{sources:.12}`), Python {python}, {list} |",
        {name: f"{record}.{path}" for name, path in CODE.items()},
        derive=packages,
    )


PINS = (
    *(Claim(
        f"provenance.{name}", "provenance", f"| {what} | [{{repo}}]({link}{{repo}}) at `{{revision}}` |",
        {"repo": f"{path}.repo", "revision": f"{path}.revision"},
    ) for name, what, path, link in (
        ("dataset", "dataset", "training.dataset", "/datasets/"),
        ("base", "base model", "training.base", "/"),
        ("evaluated", "adapter that was evaluated", "report.adapter", "/"),
        ("evaluated-dataset", "dataset of the evaluation", "report.dataset", "/datasets/"),
    )),
    Claim("provenance.benchmark", "provenance", "| benchmark | [{key}](/datasets/{key}) at `{revision}` |", {"revision": "*.revision"},
          each="report.benchmarks"),
    versions("trained", "training"),
    versions("evaluated", "report"),
    Claim("provenance.verify", "provenance", "titlecraft verify {repo}", {"repo": "repo.id"}),
    Claim("provenance.verify-data", "provenance", "titlecraft verify datasets/{dataset} --level data --source {source}",
          {"dataset": "training.dataset.repo", "name": "dataset.source.files[0].name", "files": "dataset.source.files"}, derive=one_source),
    Claim("provenance.records", "provenance", "Every number here is read from a file in this repo: {links}.",
          {"files": "repo.records"}, derive=lambda values: {"links": links(values["files"])}),
    Claim("provenance.dataset-record", "provenance", "Those of the dataset come from [its own record](/datasets/{repo}/blob/{revision}/dataset_record.json).",
          {"repo": "training.dataset.repo", "revision": "training.dataset.revision", "record": "dataset.key"}),
    Claim("provenance.file", "provenance", "| [{key}]({key}) | {bytes:,} | `{sha256}` |", {"bytes": "*.bytes", "sha256": "*.sha256"},
          each="training.files"),
)  # fmt: skip

LINEAGE = (
    Claim("lineage.picture", "lineage", "![Dataset {dataset} and base {base}, the adapter {repo} made from them, and its reports]({picture})",
          {"picture": "repo.files[assets/lineage.png]", "repo": "repo.id", "dataset": "training.dataset.repo", "base": "training.base.repo"}),
    Claim("lineage.data", "lineage", "As data: [{data}]({data}).", {"data": "repo.files[lineage.json]"}),
    Claim("lineage.command", "lineage", "What there is now, confirmed by each repo's own record: `titlecraft lineage {repo}`.", {"repo": "repo.id"}),
)  # fmt: skip

LICENCE = (
    Claim("licence.stated", "licence", "`{licence:code}`, as the card of the base model [{base}](/{base}) states it.",
          {"licence": "training.licence.id", "base": "training.base.repo", "stated": "licence.name"}, derive=unless_unknown),
    Claim("licence.link", "licence", "Its text: {shown}.", {"link": "training.licence.link"}, derive=readable_link),
    Claim("licence.unknown", "licence", "**Unknown.** {warning:cell}", {"warning": "training.licence.warning"}),
    Claim("licence.files", "licence", "Beside this card: {links}.", {"files": "repo.paths"}, derive=legal_files),
    Claim("licence.missing", "licence", "**Missing in this repo: {missing}.** Whoever passes the adapter on has to add what the licence demands.",
          {"licence": "training.licence.id", "files": "repo.paths"}, derive=missing_legal_files),
)  # fmt: skip

CITATIONS = (
    Claim("citation.entries", "citation", "{entries}", {"quantization": "training.quantization", "measures": "citation.sources",
                                                        "amazon_titles": "citation.amazon_titles"},
          derive=cited),
)  # fmt: skip

PROVENANCE = (*PINS, *LINEAGE, *LICENCE, *CITATIONS)
