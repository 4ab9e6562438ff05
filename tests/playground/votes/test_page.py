"""The page of votes over HTTP: blind texts, votes by name, refusals, and the result at the end."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from evaluation.preference.pairs import pairs_of
from evaluation.preference.votes import Votes
from playground.votes.app import build_app
from playground.votes.serve import write_result
from tests.evaluation.preference.judged_reports import mixed_rows, report_with

HERE = "http://127.0.0.1"


def test_a_person_votes_by_keys_and_sees_the_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    votes = Votes(pairs_of(report_with(mixed_rows()), None), tmp_path / "votes.jsonl")
    client = TestClient(build_app(votes, loopback=True), base_url=HERE)
    assert "no votes yet" in client.get("/result").json()["sentence"]
    asked = client.post("/vote", json={"voter": "  Ana  Lima "}).json()
    assert asked.keys() == {"uid", "title", "texts", "done", "titles"} and (asked["done"], asked["titles"]) == (0, 40)
    while asked["texts"]:
        answer = "1" if asked["texts"][0].startswith("good") else "2"
        asked = client.post("/vote", json={"voter": "Ana Lima", "uid": asked["uid"], "answer": answer}).json()
    assert asked["done"] == 40 and len(votes.file.read_text().splitlines()) == 40
    assert client.get("/result").json()["sentence"].startswith("The voters prefer after: after wins 75.0% of 40 titles")
    write_result(votes, tmp_path)
    assert "win rate by Ana Lima" in capsys.readouterr().out and (tmp_path / "preference.html").is_file()


def test_what_is_no_vote_is_refused(tmp_path: Path) -> None:
    votes = Votes(pairs_of(report_with(mixed_rows()), None), tmp_path / "votes.jsonl")
    client = TestClient(build_app(votes, loopback=True), base_url=HERE)
    page = client.get("/").text
    assert all(key in page for key in ("<kbd>1</kbd>", "<kbd>2</kbd>", "<kbd>0</kbd>")) and "http" not in page
    for body in ({"voter": " "}, {"voter": "x" * 61}, {"voter": "a\x00"}, {"voter": "a", "answer": "3"}, {}):
        assert client.post("/vote", json=body).status_code == 400, body
    assert client.post("/vote", content=b'{"voter": "a"}', headers={"Content-Type": "text/plain"}).status_code == 415
    assert TestClient(build_app(votes, loopback=True), base_url="http://rebound.example").get("/").status_code == 400
    assert not votes.file.exists()
