"""Claims of the card's sections lineage, provenance, licence and citation."""

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
    """Markdown links to files of this repo."""
    return ", ".join(f"[{path}]({path})" for path in paths)


def legal_files(values: dict[str, Any]) -> dict[str, Any] | None:
    """Links to the repo's licence files; None without any."""
    paths = [path for path in values["files"] if any(fnmatch(path, pattern) for pattern in LEGAL)]
    return {"links": links(sorted(paths))} if paths else None


def missing_legal_files(values: dict[str, Any]) -> dict[str, Any] | None:
    """The files that Llama's licence requires and the repo lacks; None for other licences."""
    if not values["licence"].startswith("llama3"):
        return None
    missing = [
        what
        for what, patterns in DEMANDED.items()
        if not any(fnmatch(path, pattern) for path in values["files"] for pattern in patterns)
    ]
    return {"missing": " and ".join(missing)} if missing else None


def unless_unknown(values: dict[str, Any]) -> dict[str, Any] | None:
    """None if the licence is unknown, because the claim `licence.unknown` says so."""
    return None if (values["licence"], values["stated"]) == ("other", "unknown") else {}


def readable_link(values: dict[str, Any]) -> dict[str, Any]:
    """A URL as a link; a base model's card may also name a file of its repo, or any text."""
    link = FORMATS["code"](values["link"])
    return {
        "shown": f"<{link}>"
        if re.fullmatch(r"https?://[^\s<>]+", link)
        else f"`{link}`, according to the base model's card"
    }


def one_source(values: dict[str, Any]) -> dict[str, Any] | None:
    """The source file's name, quoted for a shell; None if the dataset has several source files."""
    return {"source": quote(values["name"])} if len(values["files"]) == 1 else None


def packages(values: dict[str, Any]) -> dict[str, Any]:
    """Package names and versions in one line."""
    return {"list": ", ".join(f"{name} {version}" for name, version in values["packages"].items())}


def cited(values: dict[str, Any]) -> dict[str, Any]:
    """The BibTeX entries of the methods, data and measures that were used."""
    return {"entries": bibtex(values["quantization"], values["measures"], values["amazon_titles"])}


CODE = {
    "titlecraft": "code.titlecraft",
    "python": "code.python",
    "packages": "code.packages",
    "sources": "code.sources",
}


def versions(stage: str, record: str) -> Claim:
    """A row with the versions of the code that wrote a record."""
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
        ("evaluated", "evaluated adapter", "report.adapter", "/"),
        ("evaluated-dataset", "evaluation dataset", "report.dataset", "/datasets/"),
    )),
    Claim("provenance.benchmark", "provenance", "| benchmark | [{key}](/datasets/{key}) at `{revision}` |", {"revision": "*.revision"},
          each="report.benchmarks"),
    versions("trained", "training"),
    versions("evaluated", "report"),
    Claim("provenance.verify-scores", "provenance", "titlecraft verify {repo} --level scores", {"repo": "repo.id", "report": "report.id"}),
    Claim("provenance.verify", "provenance", "titlecraft verify {repo}", {"repo": "repo.id"}),
    Claim("provenance.verify-data", "provenance", "titlecraft verify datasets/{dataset} --level data --source {source}",
          {"dataset": "training.dataset.repo", "name": "dataset.source.files[0].name", "files": "dataset.source.files"}, derive=one_source),
    Claim("provenance.records", "provenance", "All numbers on this card come from files in this repo: {links}.",
          {"files": "repo.records"}, derive=lambda values: {"links": links(values["files"])}),
    Claim("provenance.dataset-record", "provenance", "Numbers about the dataset come from [its record](/datasets/{repo}/blob/{revision}/dataset_record.json).",
          {"repo": "training.dataset.repo", "revision": "training.dataset.revision", "record": "dataset.key"}),
    Claim("provenance.file", "provenance", "| [{key}]({key}) | {bytes:,} | `{sha256}` |", {"bytes": "*.bytes", "sha256": "*.sha256"},
          each="training.files"),
)  # fmt: skip

LINEAGE = (
    Claim("lineage.picture", "lineage", "![Lineage: dataset {dataset} and base model {base}, the adapter {repo}, and its reports]({picture})",
          {"picture": "repo.files[assets/lineage.png]", "repo": "repo.id", "dataset": "training.dataset.repo", "base": "training.base.repo"}),
    Claim("lineage.data", "lineage", "Machine-readable: [{data}]({data}).", {"data": "repo.files[lineage.json]"}),
    Claim("lineage.command", "lineage", "The current graph, checked against each repo's records: `titlecraft lineage {repo}`.", {"repo": "repo.id"}),
)  # fmt: skip

LICENCE = (
    Claim("licence.stated", "licence", "`{licence:code}`, according to the card of the base model [{base}](/{base}).",
          {"licence": "training.licence.id", "base": "training.base.repo", "stated": "licence.name"}, derive=unless_unknown),
    Claim("licence.link", "licence", "Licence text: {shown}.", {"link": "training.licence.link"}, derive=readable_link),
    Claim("licence.unknown", "licence", "**Unknown.** {warning:cell}", {"warning": "training.licence.warning"}),
    Claim("licence.files", "licence", "In this repo: {links}.", {"files": "repo.paths"}, derive=legal_files),
    Claim("licence.missing", "licence", "**Missing in this repo: {missing}.** The licence requires this for redistribution.",
          {"licence": "training.licence.id", "files": "repo.paths"}, derive=missing_legal_files),
)  # fmt: skip

CITATIONS = (
    Claim("citation.entries", "citation", "{entries}", {"quantization": "training.quantization", "measures": "citation.sources",
                                                        "amazon_titles": "citation.amazon_titles"},
          derive=cited),
)  # fmt: skip

PROVENANCE = (*PINS, *LINEAGE, *LICENCE, *CITATIONS)
