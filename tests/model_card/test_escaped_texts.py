"""Texts of products and models on a card: escaped, and displayed as they are."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_hub.pages.markdown import Surroundings, render_markdown
from model_card.samples import INVISIBLE, escape_text
from titlecraft.cards.merge import section


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("a\n\n- b | `c` $d$ **e**", "a<br><br>- b &#124; &#96;c&#96; &#36;d&#36; &#42;&#42;e&#42;&#42;"),
        ("<!-- /titlecraft:samples -->", "&lt;!-- /titlecraft:samples --&gt;"),
        ("right\u202eleft\x1b[31m", "right\ufffdleft\ufffd&#91;31m"),
        (" \n", "<i>(empty)</i>"),
        ("x" * 401, "x" * 400 + " <i>[… truncated: 400 of 401 characters]</i>"),
    ],
)
def test_texts_of_products_and_models_are_escaped(text: str, html: str) -> None:
    assert escape_text(text) == html


@given(
    st.text(
        alphabet=st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("<>&\"'`*_[]()#|~$!:/\\-=\n")),
        max_size=300,
    )
)
def test_any_text_is_displayed_unchanged(text: str) -> None:
    sample = f"<table>\n<tr><td>{escape_text(text)}</td></tr>\n</table>"
    page = render_markdown(section("samples", sample), Surroundings("model", "ns/x", "main"))
    assert re.findall(r"<(\w+)", page) == re.findall(r"<(table|tbody|tr|td|br|i)\b", page)
    inside = page[page.index("<td>") + 4 : page.index("</td>")]
    shown = " ".join(unescape(inside.replace("<br>", "\n")).split())
    expected = " ".join(INVISIBLE.sub("\ufffd", text.strip().replace("\r\n", "\n")).split())
    assert shown == expected or (not expected and inside == "<i>(empty)</i>")
