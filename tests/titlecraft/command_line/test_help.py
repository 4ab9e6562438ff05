"""Help texts, hints at close words, characters of a terminal without Unicode, and packages of the same name."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.warm import PYTHON
from titlecraft.command_line.help import EXAMPLES
from titlecraft.command_line.main import VERBS, main
from titlecraft.process import own_packages
from titlecraft.process.terminal import ascii_of

STAGES = ("build", "train", "evaluate")


def help_of(verb: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main(["help", verb])
    return capsys.readouterr().out


@pytest.mark.parametrize("verb", VERBS)
def test_help_is_in_plain_words(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(verb, capsys)
    assert not re.search(r"Annotated|msgspec|NoneType|Optional|<class|Literal|default: null|default: False", text)
    assert not re.search(r"\(default: [^()]*\)\s+\(", text)
    assert "examples:" in text
    if verb not in ("hub", "demo", "recipes"):
        assert "--hub" in text
    for example in EXAMPLES[verb]:
        assert f"titlecraft {verb} {example}".rstrip() in text
        for option in re.findall(r"--[\w.-]+", example):
            assert f"{option} " in text or f"{option}\n" in text, option


@pytest.mark.parametrize(
    ("verb", "options"), [("train", ["--dataset", "--repo"]), ("evaluate", ["--adapter"]), ("ask", ["--adapter"])]
)
def test_required_options_are_marked(verb: str, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    entries = [" ".join(entry.split()) for entry in re.split(r"\n  (?=-)", help_of(verb, capsys))]
    for option in options:
        assert any(entry.startswith(f"{option} ") and "(required)" in entry for entry in entries), option


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["vrify", "a/b"], "did you mean verify?"),
        (["help", "trian"], "did you mean train?"),
        (["verify", "a/b", "--brif"], "did you mean --brief?"),
        (["hub", "strat"], "did you mean start?"),
        (["train", "--recipe", "fullepoch"], "did you mean full-epoch?"),
        (["train", "--training.max_step=3"], "did you mean --training.max_steps?"),
    ],
)
def test_close_words_are_named(arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert hint in error and error.count("\n") == 1


@pytest.mark.parametrize("arguments", [["help"], ["help", "train"], ["recipes"]])
def test_lc_all_c_shows_ascii(arguments: list[str]) -> None:
    import os

    shown = subprocess.run(
        [PYTHON, "-m", "titlecraft.command_line.main", *arguments],
        env=os.environ | {"LC_ALL": "C"},
        capture_output=True,
        timeout=60,
    )
    assert shown.returncode == 0 and shown.stdout.isascii() and len(shown.stdout) > 100


def test_ascii_forms() -> None:
    assert [ascii_of(character) for character in "→…é×漢⠋"] == ["->", "...", "e", "x", "?", "*"]


def test_another_package_of_the_same_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "somebodys_training"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(own_packages, "PACKAGES", ("somebodys_training",))
    assert main(["recipes"]) == 2
    error = capsys.readouterr().err
    assert str(package) in error and "virtual environment" in error and error.count("\n") == 1
