"""python docs/address.py https://github.com/OWNER/NAME: write the address of the repository into the files that need it.

The notebook's REPO_URL, the badge and the clone command of the README, and the URLs of pyproject.toml. Run it again with
another address to change them all.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTEBOOK = "notebooks/amazon_titles.ipynb"
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})"


def with_address(path: str, text: str, address: str) -> str:
    """Return the text of a file with the address in it.

    Args:
        path: the file's path from the root.
        text: what it holds now.
        address: https://github.com/OWNER/NAME, without a slash at its end.
    """
    if path == NOTEBOOK:
        return re.sub(r'(REPO_URL = \\")[^"\\]+', rf"\g<1>{address}.git", text)
    if path == "README.md":
        github = address.removeprefix("https://github.com/")
        badge = BADGE.format(colab=f"https://colab.research.google.com/github/{github}/blob/main/{NOTEBOOK}")
        text = re.sub(
            r"git clone \S+( repository>)? && cd \S+", f"git clone {address} && cd {address.split('/')[-1]}", text
        )
        text = re.sub(r"\n\[!\[Open in Colab\].*\n", "", text)
        return re.sub(r"^(# .*\n)", rf"\1\n{badge}\n", text, count=1)
    text = re.sub(r"\n\[project\.urls\]\n(?:.+\n)+", "", text)
    urls = f'\n[project.urls]\nRepository = "{address}"\nChangelog = "{address}/blob/main/CHANGELOG.md"\n'
    return text.replace("\n[project.scripts]", f"{urls}\n[project.scripts]", 1)


def main(address: str) -> int:
    """Write the files; returns the exit status."""
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        print(f"error: {address!r}: expected https://github.com/OWNER/NAME", file=sys.stderr)
        return 2
    for path in ("README.md", NOTEBOOK, "pyproject.toml"):
        file = ROOT / path
        file.write_text(with_address(path, file.read_text(encoding="utf-8"), address), encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else main(""))
