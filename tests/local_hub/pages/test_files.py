"""Pages of files, commits and their changes, and of addresses that do not exist."""

import json

import pytest

from local_hub.community import discussions, pull_requests
from local_hub.repos.operations import AddFile
from tests.local_hub.pages.pages_world import Elements, World, parquet, put, text_of

REPORT = "<!doctype html><title>Report</title><script>document.title = document.cookie</script>"


def safetensors() -> bytes:
    header = json.dumps({"lora.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(24)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"))
    repo = world.repo("model", "ada/net", {"config.json": '{"layers":4,"name":"<b>"}', "src/run.py": "print('one')\n"})
    repo.refs.set("refs/tags/v1", repo.head())
    put(
        repo,
        {
            "src/run.py": "print('two')\n",
            "evaluation/8f/report.html": REPORT,
            "picture.svg": "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            "weights.safetensors": safetensors(),
            "notes.bin": bytes(range(256)),
            "odd name #1?.txt": "odd",
            "docs/guide.md": "---\ntitle: Guide\n---\n# Guide\n\n![p](../picture.svg)\n",
            "long.txt": "0123456789" * 60_000,
            "lines.txt": "0123456789\n" * 11_000,
        },
        "Second commit <b>",
        "Because.",
    )
    repo.refs.set("refs/heads/feature/x", repo.head())
    return world


def test_files_at_a_branch_a_tag_and_a_commit(world):
    repo = world.store.open("model", "ada/net")
    assert "two" in text_of(world.get("/ada/net/blob/main/src/run.py"))
    for revision in ("v1", repo.resolve("v1"), repo.resolve("v1")[:8]):
        page = world.get(f"/ada/net/blob/{revision}/src/run.py")
        assert "one" in text_of(page) and "two" not in text_of(page)
    assert "/ada/net/tree/feature%2Fx" in Elements(world.get("/ada/net/tree/main")).links()
    assert "run.py" in world.get("/ada/net/tree/feature%2Fx/src")


def test_a_folder_lists_names_sizes_and_last_commits(world):
    page = world.get("/ada/net/tree/main")
    text = text_of(page)
    assert "config.json 25 B Download config.json Add files" in text
    assert "weights.safetensors LFS" in text and "Second commit <b>" in text
    links = Elements(page).links()
    assert "/ada/net/tree/main/src" in links
    assert "/ada/net/resolve/main/weights.safetensors?download=true" in links
    name = next(link for link in links if link.startswith("/ada/net/blob/main/odd"))
    assert "odd" in world.get(name)
    assert text.index("src") < text.index("config.json")  # folders first


def test_a_file_and_a_folder_find_their_own_pages(world):
    assert world.anonymous.get("/ada/net/blob/main/src").headers["location"] == "/ada/net/tree/main/src"
    assert world.anonymous.get("/ada/net/tree/v1/src/run.py").headers["location"] == "/ada/net/blob/v1/src/run.py"


def test_files_are_shown_by_their_kind(world):
    page = world.get("/ada/net/blob/main/config.json")
    assert "25 B · 4 lines" in text_of(page)  # it was one line in the file
    assert 'id="L3"' in page and "&lt;b&gt;" in page
    assert "lora.weight 2 × 3 F32 6" in text_of(world.get("/ada/net/blob/main/weights.safetensors"))
    assert "sha256" in world.get("/ada/net/blob/main/weights.safetensors")
    assert "This is not text" in world.get("/ada/net/blob/main/notes.bin")
    assert "Only the first 500 kB are shown." in world.get("/ada/net/blob/main/long.txt")
    assert "Only the first 10,000 lines are shown." in world.get("/ada/net/blob/main/lines.txt")
    images = Elements(world.get("/ada/net/blob/main/picture.svg")).named("img")
    assert [image["src"] for image in images] == ["/ada/net/resolve/main/picture.svg"]
    guide = world.get("/ada/net/blob/main/docs/guide.md")
    assert "Guide</h1>" in guide and "/ada/net/resolve/main/picture.svg" in guide
    assert "# Guide" in text_of(world.get("/ada/net/blob/main/docs/guide.md?plain=1"))


def test_an_html_file_opens_in_a_sandbox_without_the_hubs_origin(world):
    page = world.get("/ada/net/blob/main/evaluation/8f/report.html")
    address = "/ada/net/resolve/main/evaluation/8f/report.html"
    assert address in Elements(page).links()
    answer = world.anonymous.get(address)
    assert answer.text == REPORT
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = {
        part.strip().partition(" ")[0]: part.strip() for part in answer.headers["content-security-policy"].split(";")
    }
    assert policy["sandbox"] == "sandbox allow-scripts"  # no allow-same-origin: the page has an opaque origin
    assert policy["default-src"] == "default-src 'none'" and "connect-src" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    svg = world.anonymous.get("/ada/net/resolve/main/picture.svg").headers["content-security-policy"]
    assert svg.endswith("sandbox") and "script-src" not in svg


def test_commits_name_who_what_and_when_and_lead_to_the_files_of_that_time(world):
    repo = world.store.open("model", "ada/net")
    page = world.get("/ada/net/commits/main")
    text = text_of(page)
    assert "3 commits" in text and "Second commit <b>" in text and "Because." in text and "v1" in text
    assert f"/ada/net/tree/{repo.head()}" in Elements(page).links()
    assert "1 commit" in text_of(world.get(f"/ada/net/commits/{_first(repo)}"))


def _first(repo) -> str:
    oid = repo.head()
    while parents := repo.objects.commit(oid).parents:
        oid = parents[0].decode()
    return oid


def test_long_histories_have_pages(world):
    repo = world.repo("model", "ada/history", {})
    for number in range(32):
        put(repo, {"n.txt": str(number)}, f"commit number {number}")
    first, second = world.get("/ada/history/commits/main"), world.get("/ada/history/commits/main?p=1")
    assert "commit number 31" in first and "commit number 0<" not in first and "?p=1" in Elements(first).links()
    assert (
        "commit number 0<" in second and "?p=0" in Elements(second).links() and "?p=2" not in Elements(second).links()
    )
    assert "No commits on this page" in world.get("/ada/history/commits/main?p=99")
    assert "commit number 31" in world.get("/ada/history/commits/main?p=x")


def test_a_commit_shows_the_lines_that_it_changed(world):
    repo = world.store.open("model", "ada/net")
    text = text_of(world.get(f"/ada/net/commit/{repo.head()}"))
    assert "9 files changed" in text
    assert "changed src/run.py" in text
    assert "− print('one') + print('two')" in text
    assert "weights.safetensors" in text and "large file" in text
    assert "initial commit" in text_of(world.get(f"/ada/net/commit/{_first(repo)}"))


def test_a_pull_request_shows_its_comments_and_changes(world):
    repo = world.repo("dataset", "ada/talk", {"README.md": "# One\n"})
    pull_requests.open_with_commit(
        repo,
        repo.head(),
        "main",
        [AddFile("README.md", b"# Two\n")],
        author="eve",
        summary="A better title",
        description="It is **better**. <script>alert(1)</script>",
    )
    question = discussions.Discussion(discussions.next_number(repo), "Why <b>?", "eve")
    question.comment("eve", "Why?")
    question.change_status("ada", "closed")
    discussions.save(repo, question)
    text = text_of(world.get("/datasets/ada/talk/discussions"))
    assert "Why <b>? #2 · discussion by eve" in text and "A better title #1 · pull request by eve" in text
    page = world.get("/datasets/ada/talk/discussions/1")
    assert "<strong>better</strong>" in page and "<script>alert" not in page
    assert "− # One + # Two" in text_of(page)
    assert "ada changed the status to closed" in text_of(world.get("/datasets/ada/talk/discussions/2"))
    assert world.anonymous.get("/datasets/ada/talk/discussions/3").status_code == 404
    assert world.anonymous.get("/datasets/ada/talk/discussions/x").status_code == 404


MISSING = {
    "/ada/nothing": "No such repository",
    "/datasets/ada/net": "No such repository",
    "/ada/net/tree/v9": "No such revision",
    "/ada/net?revision=v9": "No such revision",
    "/ada/net/commit/0000000": "No such revision",
    "/ada/net/blob/main/gone.txt": "No such file",
    "/ada/net/tree/main/gone": "No such file",
    "/ada/net/blob/main/src/run.py/x": "No such file",
    "/ada/net/blob/main/..%2f..%2fhub.json": "No such file",
    "/ada/net/blob/main/%2e%2e/%2e%2e/hub.json": "No such file",
    "/ada/net/tree/..%2f..%2f..": "No such revision",
    "/ada/net/tree/..%2f..%2fhub.json": "No such revision",
    "/ada/net/tree/refs%2f..%2fhub.json": "No such revision",
    "/ada/net?revision=../../hub.json": "No such revision",
    "/..%2f..%2fetc/passwd": "No such repository",
    "/nobody": "Error 404",
    "/ada/net/no/such/page": "Error 404",
    "/-/static/..%2fpage.py": "",
}


@pytest.mark.parametrize("address", MISSING)
def test_a_missing_thing_is_named_and_no_path_leaves_the_repo(world, address):
    answer = world.anonymous.get(address, headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 404
    assert MISSING[address] in answer.text
    assert "internal_id" not in answer.text
    assert "Traceback" not in answer.text and "www-authenticate" not in answer.headers


def test_an_authors_name_cannot_make_a_link_that_leaves_the_hub(world):
    repo = world.repo("model", "ada/pushed", {})
    repo.commit("refs/heads/main", [AddFile("a.txt", b"a")], author="/evil.example", summary="x")
    assert not any(link.startswith("//") for link in Elements(world.get("/ada/pushed/commits/main")).links())


def test_a_renamed_repo_leads_to_its_new_address(world):
    repo = world.repo("dataset", "ada/old", {"a.txt": "a"})
    world.store.move(repo, "ada/new")
    assert world.anonymous.get("/datasets/ada/old").headers["location"] == "/datasets/ada/new"
    assert world.anonymous.get("/datasets/ada/old/blob/main/a.txt").headers["location"].startswith("/datasets/ada/new/")


def test_an_error_inside_the_hub_is_no_traceback(world, monkeypatch):
    world.repo("model", "ada/unlucky", {"README.md": "# x", "p.parquet": parquet({"a": [1]})})
    monkeypatch.setattr("local_hub.pages.repo.card.check_card", lambda *_: 1 / 0)
    answer = world.anonymous.get("/ada/unlucky")
    assert answer.status_code == 500
    assert "could not show this page" in answer.text and "ZeroDivision" not in answer.text
