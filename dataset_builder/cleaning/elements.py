"""The elements of HTML, by what they mean for the text around them."""


def names(text: str) -> frozenset[str]:
    """Return names that are separated by spaces."""
    return frozenset(text.split())


INLINE = names(
    "a abbr acronym b basefont bdi bdo big blink cite code data del dfn em font i ins kbd label mark meter nobr output q rp rt "
    "ruby s samp small span strike strong sub sup time tt u var wbr html body plaintext frameset frame noframes "
    "meta link base param source track embed img area col picture map image input keygen"
)
BLOCK = names(
    "address article aside blockquote br center details dialog dd dir div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hgroup hr legend li main marquee menu nav ol p pre search section summary ul "
    "xmp"
)
CELLS = frozenset(("td", "th"))
TABLE = names("table caption colgroup thead tbody tfoot tr option optgroup")  # a parser would move text out of them
HIDDEN = names(  # elements whose text is no part of a description
    "script style template head title xml svg math iframe video audio object applet canvas noscript noembed select datalist "
    "textarea button"
)
RAW = ("script", "style")  # their content is no markup
KNOWN = INLINE | BLOCK | CELLS | TABLE | HIDDEN
VOID = names("br hr img meta link input")
OMISSIBLE = names("p li dd dt td th tr option")  # their end tags may be left out
WITHOUT_VALUE = names(
    "allowfullscreen async autofocus autoplay border checked compact controls default defer disabled download formnovalidate "
    "hidden inert ismap itemscope loop multiple muted nomodule noresize noshade novalidate nowrap open playsinline readonly "
    "required reversed selected"
)
