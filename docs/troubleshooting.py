"""python docs/troubleshooting.py: write the two troubleshooting pages from troubleshooting.toml."""

import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGES = {"en": HERE / "en" / "troubleshooting.md", "pt": HERE / "pt-BR" / "solucao-de-problemas.md"}
GENERATED = "<!-- written by docs/troubleshooting.py from docs/troubleshooting.toml -->"
WORDS = {
    "en": {
        "title": "Troubleshooting",
        "intro": "Every message below is one that Titlecraft really prints; `{…}` stands for what differs from case to case. "
        "A command that fails prints one line that begins with `error:`, exits with a status other than 0, and leaves what was "
        "published as it was. Search this page for a few words of your message. The way from nothing to an adapter is in the "
        "[guide](guide.md).",
        "cause": "Cause", "fix": "Fix",
    },
    "pt": {
        "title": "Solução de problemas",
        "intro": "Todas as mensagens abaixo são as que o Titlecraft realmente mostra (em inglês); `{…}` é o que muda de um caso para "
        "outro. Um comando que falha mostra uma linha que começa com `error:`, termina com um código diferente de 0 e deixa o que "
        "estava publicado como estava. Procure nesta página algumas palavras da sua mensagem. O caminho do zero até um "
        "adaptador publicado está no [guia](guia.md).",
        "cause": "Causa", "fix": "Solução",
    },
}  # fmt: skip


def sections() -> list[dict[str, Any]]:
    """What troubleshooting.toml holds."""
    return tomllib.loads((HERE / "troubleshooting.toml").read_text(encoding="utf-8"))["section"]


def page(language: str) -> str:
    """The page in one language ("en" or "pt"), as Markdown."""
    words = WORDS[language]
    lines = [GENERATED, "", f"# {words['title']}", "", words["intro"], ""]
    for section in sections():
        lines += [f"## {section[language]}", ""]
        for entry in section["entry"]:
            said = entry[language]
            lines += [f"### {said['title']}", "", "```text", entry["message"], "```", ""]
            lines += [f"**{words['cause']}.** {said['cause']}", "", f"**{words['fix']}.** {said['fix']}", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    for language, file in PAGES.items():
        file.write_text(page(language), encoding="utf-8")
