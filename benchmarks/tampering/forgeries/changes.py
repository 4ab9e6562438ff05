"""Single changes that forgeries consist of. Each function returns a function that changes a folder, or is one."""

import json
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

OPENS, ENDS = "<!-- titlecraft:result -->", "<!-- /titlecraft:result -->"
Change = Callable[[Path], None]


def edit_card(change: Callable[[str], str]) -> Change:
    """Change the text of README.md."""

    def apply(folder: Path) -> None:
        text = (folder / "README.md").read_text(encoding="utf-8")
        changed = change(text)
        assert changed != text, "the change must change the card"
        (folder / "README.md").write_text(changed, encoding="utf-8")

    return apply


def result_of(text: str) -> str:
    """Return the section with the result, including its markers."""
    return text[text.index(OPENS) : text.index(ENDS) + len(ENDS)]


def flattering(text: str) -> str:
    """Return a section with smaller fractions: one more zero after each decimal point."""
    return text.replace("0.", "0.0")


def append_to_card(text: str) -> Change:
    """Append a text to the card."""
    return edit_card(lambda old: f"{old}\\n{text}\\n".replace("\\n", "\n"))


def append_to_front_matter(lines: str) -> Change:
    """Append lines to the front matter."""
    return edit_card(lambda old: old.replace("\n---\n", f"\n{lines}\n---\n", 1))


def replace_in_card(old: str, new: str) -> Change:
    """Replace a text of the card, once."""
    return edit_card(lambda text: text.replace(old, new, 1))


def hide_original(text: str) -> str:
    """Replace the result by a flattering one, and move the original into a collapsed block at the end."""
    real = result_of(text)
    return f"{text.replace(real, flattering(real))}\n<details><summary> </summary>\n\n{real}\n\n</details>\n"


def write_file(path: str, content: bytes | str) -> Change:
    """Write a file, new or not."""

    def apply(folder: Path) -> None:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    return apply


def copy_file(source: str, target: str) -> Change:
    """Copy a file to another path."""
    return lambda folder: write_file(target, next(folder.glob(source)).read_bytes())(folder)


def edit_json(path: str, change: Callable[[dict[str, Any]], None]) -> Change:
    """Change a JSON file in place."""

    def apply(folder: Path) -> None:
        file = next(folder.glob(path))
        content = json.loads(file.read_text(encoding="utf-8"))
        change(content)
        file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    return apply


def set_adapter_config(**values: Any) -> Change:
    """Set keys of adapter_config.json."""
    return edit_json("adapter_config.json", lambda content: content.update(values))


def set_tokenizer_config(**values: Any) -> Change:
    """Set keys of tokenizer_config.json."""
    return edit_json("tokenizer_config.json", lambda content: content.update(values))


def exchange_tokens(content: dict[str, Any]) -> None:
    """Exchange the ids of two tokens of a tokenizer.json."""
    vocabulary = content["model"]["vocab"]
    one, other = sorted(vocabulary)[300:302]
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]


def drop_merge(content: dict[str, Any]) -> None:
    """Remove the last merge of a tokenizer.json."""
    content["model"]["merges"].pop()


def edit_tensors(change: Callable[[dict[str, Any]], None]) -> Change:
    """Change the tensors of the adapter."""

    def apply(folder: Path) -> None:
        from safetensors.numpy import load_file, save_file

        file = folder / "adapter_model.safetensors"
        content = load_file(file)
        change(content)
        save_file(content, file, metadata={"format": "pt"})

    return apply


def scale_first_tensor(content: dict[str, Any], factor: float) -> None:
    """Multiply the first tensor by a factor."""
    name = sorted(content)[0]
    content[name] = content[name] * content[name].dtype.type(factor)


def append_bytes(folder: Path) -> None:
    """Append bytes that the header does not describe to the weights."""
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes() + struct.pack("<Q", 7))


def edit_report(change: Callable[[dict[str, Any]], None]) -> Change:
    """Change the report."""
    return edit_json("evaluation/*/report.json", change)


def edit_page(old: str, new: str, packages: bool = True) -> Change:
    """Replace a text of the report's page, and name another version of matplotlib, or other sources, in the report."""

    def apply(folder: Path) -> None:
        page = next(folder.glob("evaluation/*/report.html"))
        text = page.read_text(encoding="utf-8")
        changed = re.sub(old, new, text, count=1, flags=re.S)
        assert changed != text, "the change must change the page"
        page.write_text(changed, encoding="utf-8")
        name_other_code(folder, packages)

    return apply


def name_other_code(folder: Path, packages: bool = True) -> None:
    """Name another version of matplotlib, or other sources, in the report."""

    def change(content: dict[str, Any]) -> None:
        if packages:
            content["code"]["packages"]["matplotlib"] = "0.1"
        else:
            content["code"]["sources"] = "0" * 64

    edit_report(change)(folder)


def draw_over_plot(folder: Path) -> None:
    """Turn the report's first plot around, and name another version of matplotlib."""
    from PIL import Image

    file = next(folder.glob("evaluation/*/forest.png"))
    with Image.open(file) as picture:
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(file)
    name_other_code(folder)


def set_measure(**values: Any) -> Change:
    """Set fields of the first measure of the report."""
    return edit_report(lambda content: content["measures"][0].update(values))


def add_report(folder: Path) -> None:
    """Add a copy of the report with better numbers and an id and key of its own."""
    real = next(folder.glob("evaluation/*"))
    fake = folder / "evaluation" / ("f" * 12)
    shutil.copytree(real, fake)
    content = json.loads((fake / "report.json").read_text())
    content |= {"id": "f" * 12, "key": "f" * 64}
    content["measures"][0]["after"] /= 2
    content["measures"][0]["difference"] = content["measures"][0]["after"] - content["measures"][0]["before"]
    (fake / "report.json").write_text(json.dumps(content, indent=2) + "\n")


RESULTS_TABLE = "| measure | before | after |\\n|---|---|---|\\n| {} | 1.2 | 0.1 |"
