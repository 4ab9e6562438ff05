"""Where to look at what was published: its address and, for a private repo on the embedded Hub, how to sign in."""

from urllib.parse import quote, urlsplit

from huggingface_hub import HfApi
from huggingface_hub.utils import httpx

from titlecraft.hub.pins import address, endpoint
from titlecraft.process.loopback import is_loopback
from titlecraft.records import Pin


def page_link(pin: Pin, path: str | None = None) -> str:
    """Return the web address of a repo, or of one of its files; it opens in a browser.

    A browser that has not signed in gets no page of a private repo. For a Hub on this machine the address is then that of
    its sign-in page, which leads on to the repo, and a second line says where the token is.
    """
    link = address(pin, path)
    if not on_this_machine(link) or is_public(pin):
        return link
    return (
        f"{endpoint()}/login?next={quote(link.removeprefix(endpoint()))}\n"
        "(private: the page asks for a token, which is in the file `token` of the Hub's folder; `titlecraft hub status` "
        "prints that folder)"
    )


def on_this_machine(link: str) -> bool:
    """Whether the address is one of this machine."""
    return is_loopback(urlsplit(link).hostname or "")


def is_public(pin: Pin) -> bool:
    """Whether somebody without a token can read the repo; true where the Hub does not answer that question."""
    try:
        return HfApi(token=False).repo_exists(pin.repo, repo_type=pin.type)
    except (OSError, ValueError, httpx.TransportError):
        return True
