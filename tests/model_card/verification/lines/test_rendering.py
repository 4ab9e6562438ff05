"""Pages and pictures are judged apart: text and numbers of a page, pixels of a picture, and other code is no excuse for either."""

from base64 import b64encode
from io import BytesIO

import pytest
from PIL import Image, PngImagePlugin

from model_card.verification.lines.checks import Checks
from model_card.verification.lines.numbers import unknown_numbers, visible_text
from model_card.verification.lines.rendering import differing_code, same_page, same_rendering
from titlecraft.records import Code, current_code

CHECKS = Checks("card", "report")
HERE = current_code("evaluation", "matplotlib", "pillow")


def code(sources: str | None = None, **packages: str) -> Code:
    """The code here, with other sources or other versions of packages."""
    return Code(
        titlecraft="0.0.9",
        sources=sources or HERE.sources,
        python=HERE.python,
        packages=HERE.packages | packages,
    )


def png(grey: int, comment: str = "") -> bytes:
    info, out = PngImagePlugin.PngInfo(), BytesIO()
    info.add_text("Software", comment)
    Image.new("L", (8, 8), grey).save(out, "png", pnginfo=info)
    return out.getvalue()


def page(headline: str, picture: bytes = b"", more: str = "") -> bytes:
    shown = f'<img src="data:image/png;base64,{b64encode(picture).decode()}">'
    return f"<header><h1>{headline}</h1></header>{more}<p>20 titles.</p>{shown}".encode()


OTHER_MATPLOTLIB, OTHER_SOURCES = code(matplotlib="0.0"), code(sources="0" * 64)
TRUE, LIE = "Lowered NLL per token by 0.531 nats", "Lowered NLL per token by 1.954 nats"
RECORDS = [{"difference": -0.5312, "n": 20, "text": "In 1984."}]


def verdicts(published: bytes, rendered: bytes, by: Code) -> list[str]:
    return [
        str(line.verdict)
        for line in same_page(CHECKS, "p.html", published, rendered, by, "evaluation", lambda: RECORDS)
    ]


@pytest.mark.parametrize("by", [HERE, OTHER_MATPLOTLIB, OTHER_SOURCES])
def test_a_headline_with_another_number_never_holds(by: Code) -> None:
    assert "does not hold" in verdicts(page(LIE), page(TRUE), by)


@pytest.mark.parametrize("by", [HERE, OTHER_MATPLOTLIB])
@pytest.mark.parametrize(
    "change", [" and that is good", "<script>document.title</script>", "<style>p{display:none}</style>"]
)
def test_other_words_or_code_of_a_page_do_not_hold_where_the_sources_are_the_same(change: str, by: Code) -> None:
    assert verdicts(page(TRUE, more=change), page(TRUE), by) == ["does not hold"]


def test_other_words_of_other_sources_could_not_be_looked_at() -> None:
    assert verdicts(page("NLL per token fell by 0.531"), page(TRUE), OTHER_SOURCES) == [
        "holds",
        "could not be looked at",
    ]


def test_other_pictures_in_a_page() -> None:
    same, other = page(TRUE, png(9)), page(TRUE, png(200))
    assert verdicts(page(TRUE, png(9, "matplotlib 0.0")), same, OTHER_MATPLOTLIB) == ["holds", "holds"]
    assert verdicts(other, same, OTHER_MATPLOTLIB) == ["holds", "could not be looked at"]
    assert verdicts(other, same, HERE) == ["holds", "does not hold"]


def test_pictures_are_compared_by_their_pixels() -> None:
    def verdict(published: bytes | None, by: Code) -> str:
        return str(same_rendering(CHECKS, "x.png", published, png(9), by, "evaluation").verdict)

    assert verdict(png(9, "another comment"), HERE) == verdict(png(9, "x"), OTHER_SOURCES) == "holds"
    assert verdict(png(10), HERE) == verdict(b"no picture", HERE) == verdict(None, OTHER_SOURCES) == "does not hold"
    assert verdict(png(10), OTHER_MATPLOTLIB) == verdict(png(9)[:-9], OTHER_SOURCES) == "could not be looked at"
    animated = png(9).replace(b"IDAT", b"acTL", 1)
    assert verdict(animated, HERE) == "does not hold"
    assert differing_code(HERE, "evaluation") == []


def test_numbers_that_no_record_has() -> None:
    assert unknown_numbers("by 0.531, 53.1 %, 1,984 and 7", "7 titles", [{"x": -0.5312, "text": "in 1984"}]) == []
    assert unknown_numbers("by 0.532 of 21,345 at 80 % power in 2014", "", RECORDS) == ["0.532", "21345"]
    assert visible_text("<h1>A 1</h1><script>2</script><p>3</p>", ("h1",)) == "A 1"
    assert visible_text("<h1>A 1</h1><style>2</style><p>3</p>") == "A 1\n3"
