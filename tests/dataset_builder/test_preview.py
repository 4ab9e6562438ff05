"""--preview shows rows before and after cleaning, all counts and the prompt, and neither publishes nor asks for a repo."""

import json
from pathlib import Path

import pytest

from titlecraft.command_line.main import main


def test_a_preview_shows_rows_counts_and_the_prompt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"uid": number, "title": f"<b>Kettle</b> {number}", "content": f"Kettle {number}\nboils &amp; whistles for {number} cups."} for number in range(50)]  # fmt: skip
    rows[1]["content"] = "short"
    lines = [json.dumps(row) for row in rows]
    lines[2] = '{"cut'
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(lines) + "\n")
    assert main(["build", str(path), "--preview", "4", "--data.test_share=0.2"]) == 0
    shown = capsys.readouterr().out
    assert "title:        <b>Kettle</b> 0\n" in shown and "→ title:       Kettle 0\n" in shown
    assert (
        "description:  Kettle 0\\nboils &amp; whistles" in shown
        and "→ output:      Kettle 0\\nboils & whistles" in shown
    )
    assert "dropped: too_short" in shown and 'quarantined: not_json\n{"cut\n' in shown and "line 5 of" not in shown
    assert "50 lines: 48 published, 1 dropped, 1 quarantined" in shown and "splits: train " in shown
    assert "### Instruction:\nDescribe product as accurately as possible." in shown
    assert shown.endswith("nothing is published: leave out --preview to publish\n")
    assert [file.name for file in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_preview_refuses_what_the_build_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.csv").write_text("name,text\nLamp,It is lit in the night.\n")
    for arguments, message in {
        ("--preview", "0"): "--preview 0: expected a number of lines",
        (
            "--preview",
            "1",
        ): "no line has 'title' and 'content'; the lines have 'name', 'text': set --data.title_column=name",
        (): "--repo is required",
        ("--preview", "1", "--license", "My own"): "--license 'My own': expected an identifier",
        ("--preview", "1", "--language", "english"): "--language 'english': expected codes of ISO 639",
    }.items():
        assert main(["build", str(tmp_path / "rows.csv"), *arguments]) == 2
        assert message in capsys.readouterr().err
