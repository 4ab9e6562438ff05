"""Private and gated repos in a browser: a signed-in user sees them, and a browser session cannot change anything."""

import pytest

from tests.local_hub.pages.pages_world import OTHER_TOKEN, WRITE_TOKEN, Elements, World, put

FORM = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
SECRET_PAGES = [
    "/ada/secret",
    "/ada/secret/tree/main",
    "/ada/secret/blob/main/plan.txt",
    "/ada/secret/commits/main",
    "/ada/secret/discussions",
    "/ada/secret/resolve/main/plan.txt",
]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"))
    world.repo("model", "ada/open", {"README.md": "---\nbase_model: ada/secret\n---\n# Open"})
    world.repo("model", "ada/secret", {"README.md": "# Plan", "plan.txt": "the plan"}, private=True)
    gated = world.repo("dataset", "ada/gated", {"README.md": "# Gated", "train.jsonl": '{"a": "inside"}\n'})
    gated.settings.gated = "manual"
    gated.save_settings()
    return world


def sign_in(browser, token: str, where: str = "/", headers: dict[str, str] | None = None):
    return browser.post("/login", content=f"token={token}&next={where}", headers=FORM | (headers or {}))


@pytest.mark.parametrize("address", SECRET_PAGES)
def test_a_private_repo_is_hidden_until_its_owner_signs_in(world, address):
    hidden = world.anonymous.get(address)
    assert hidden.status_code in ((401, 404) if "/resolve/" in address else (404,))
    assert "plan" not in hidden.text.lower().replace("plan.txt", "")

    stranger = world.browser()
    assert sign_in(stranger, OTHER_TOKEN).status_code == 303
    assert stranger.get(address).status_code == 404

    owner = world.browser()
    answer = sign_in(owner, WRITE_TOKEN, address)
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    assert owner.get(address).status_code == 200


def test_lists_and_links_hide_private_repos_too(world):
    assert "secret" not in world.get("/") and "secret" not in world.get("/ada")
    links = Elements(world.get("/ada/open")).links()
    assert "/ada/secret" not in links
    owner = world.browser()
    sign_in(owner, WRITE_TOKEN)
    assert "/ada/secret" in Elements(owner.get("/").text).links()
    assert "/ada/secret" in Elements(owner.get("/ada/open").text).links()


def test_the_cookie_is_a_session_and_not_the_token(world):
    owner = world.browser()
    cookie = sign_in(owner, WRITE_TOKEN).headers["set-cookie"]
    assert "httponly" in cookie.lower() and "samesite=strict" in cookie.lower()
    assert WRITE_TOKEN not in cookie
    assert WRITE_TOKEN not in owner.get("/").text


def test_the_cookie_changes_nothing_and_opens_no_api(world):
    owner = world.browser()
    sign_in(owner, WRITE_TOKEN)
    assert owner.get("/ada/secret").status_code == 200
    assert owner.get("/api/models/ada/secret").status_code == 401
    assert owner.get("/api/whoami-v2").status_code == 401
    assert owner.post("/api/repos/create", json={"name": "x"}).status_code == 401
    assert owner.put("/api/models/ada/open/settings", json={"private": True}).status_code == 401
    assert owner.request("DELETE", "/api/repos/delete", json={"name": "open", "organization": "ada"}).status_code == 401
    assert owner.post("/api/models/ada/open/commit/main", content=b"{}").status_code == 401
    assert owner.post("/ada/open.git/info/lfs/objects/batch", json={"operation": "upload"}).status_code in (
        400,
        401,
        422,
    )
    assert owner.get("/ada/secret/raw/main/plan.txt").status_code == 401
    assert owner.get("/ada/open").status_code == 200


def test_signing_out_ends_the_session_on_the_server(world):
    owner = world.browser()
    sign_in(owner, WRITE_TOKEN)
    cookies = dict(owner.cookies)
    assert owner.post("/logout", headers=FORM).status_code == 303
    assert owner.get("/ada/secret").status_code == 404
    assert (
        world.browser()
        .get("/ada/secret", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())})
        .status_code
        == 404
    )


def test_a_wrong_token_is_refused_in_words(world):
    browser = world.browser()
    answer = sign_in(browser, "hf_wrong")
    assert answer.status_code == 403 and "does not know that token" in answer.text
    assert "set-cookie" not in answer.headers and "hf_wrong" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "", "Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
    ],
)
def test_forms_of_other_sites_are_refused(world, headers):
    assert sign_in(world.browser(), WRITE_TOKEN, headers=headers).status_code == 403
    owner = world.browser()
    sign_in(owner, WRITE_TOKEN)
    assert owner.post("/logout", headers=FORM | headers).status_code == 403
    assert owner.get("/ada/secret").status_code == 200


@pytest.mark.parametrize(
    "where", ["https://evil.example", "//evil.example", "/%5Cevil.example", "/%09/evil.example", "x", ""]
)
def test_signing_in_leads_nowhere_else(world, where):
    assert sign_in(world.browser(), WRITE_TOKEN, where).headers["location"] == "/"


def test_a_gated_repo_shows_its_card_but_not_its_files(world):
    page = world.get("/datasets/ada/gated")
    assert "Gated</h1>" in page and "Access to the files is restricted." in page and "inside" not in page
    answer = world.anonymous.get("/datasets/ada/gated/blob/main/train.jsonl")
    assert answer.status_code == 403 and "inside" not in answer.text and "Access is restricted" in answer.text
    owner = world.browser()
    sign_in(owner, WRITE_TOKEN)
    assert "inside" in owner.get("/datasets/ada/gated").text


def test_a_disabled_repo_has_no_page(world):
    repo = world.repo("model", "ada/disabled", {"README.md": "# x"})
    repo.settings.disabled = True
    assert world.anonymous.get("/ada/disabled").status_code == 403
    assert "/ada/disabled" not in Elements(world.get("/")).links()


def test_a_page_of_a_visible_repo_names_no_hidden_one(world):
    data = world.repo("dataset", "ada/data", {"README.md": "# Data"})
    secret = world.store.open("model", "ada/secret")
    put(secret, {"README.md": "---\ndatasets: [ada/data]\n---\n# Plan"})
    assert "ada/secret" not in world.get(data.url_path)


def test_a_collection_shows_what_the_visitor_may_see(world):
    owner = {"Authorization": f"Bearer {WRITE_TOKEN}"}

    def make(title: str, private: bool) -> str:
        body = {"title": title, "namespace": "ada", "private": private}
        slug = world.anonymous.post("/api/collections", json=body, headers=owner).json()["slug"]
        for name in ("ada/open", "ada/secret"):
            item = {"item": {"type": "model", "id": name}}
            assert world.anonymous.post(f"/api/collections/{slug}/items", json=item, headers=owner).status_code == 200
        return slug

    links = Elements(world.get(f"/collections/{make('Good things', False)}")).links()
    assert "/ada/open" in links and "/ada/secret" not in links
    hidden = f"/collections/{make('Hidden things', True)}"
    assert world.anonymous.get(hidden).status_code == 404
    visitor = world.browser()
    sign_in(visitor, WRITE_TOKEN)
    assert "/ada/secret" in Elements(visitor.get(hidden).text).links()
    second = world.anonymous.post("/api/collections", json={"title": "Good things", "namespace": "ada"}, headers=owner)
    assert second.status_code == 409 and second.json()["slug"].startswith("ada/good-things-")
