"""Replies in a terminal: both answers stream, then facts and sources; plain text where the output is a pipe."""

from collections import deque
from collections.abc import Iterable

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from playground.ask.answer import Answer
from playground.ask.reply import Reply
from playground.ask.sources import pieces
from playground.ask.words import ARM_NAMES, EXCERPT, MARKS, MATCHES, facts, nll_note, place_of, visible
from titlecraft.grounded_prompt import cut

STYLES = {"number": "bold red", "name": "bold yellow", "word": "underline"}
TWO_COLUMNS = 100  # characters; in a narrower terminal one answer stands under the other


def show_replies(console: Console, replies: Iterable[Reply], show_prompt: bool) -> None:
    """Show the replies to one question, the last of which is whole. Raises what the replies raise."""
    last = None
    if console.is_terminal:
        try:
            with Live(console=console, auto_refresh=True, refresh_per_second=12, transient=True) as live:
                for last in replies:
                    live.update(answers_as_panels(last, console.width))
        finally:  # by Ctrl-C too: what was written stays on the screen
            if last:
                console.print(answers_as_panels(last, console.width))
    else:
        last = deque(replies, maxlen=1).pop()
        for answer in last.answers:
            name = f"{ARM_NAMES[answer.arm]}:\n" if len(last.answers) > 1 else ""
            say(console, f"{name}{visible(answer.text.strip())}\n")
            say(console, f"{' · '.join(facts(answer, last.nll.get(answer.arm)))}\n")
    if last is not None:
        show_what_is_known(console, last, show_prompt)


def answers_as_panels(reply: Reply, width: int) -> RenderableType:
    """The answers so far, side by side where there is room."""
    panels = [answer_panel(reply, answer) for answer in reply.answers]
    if len(panels) == 2 and width >= TWO_COLUMNS:
        for panel in panels:
            panel.width = width // 2 - 1
        return Columns(panels, equal=True)
    return Group(*panels)


def answer_panel(reply: Reply, answer: Answer) -> Panel:
    """One answer, with what no source supports marked once it is whole."""
    text = Text()
    for piece, kind in pieces(answer.text, reply.marks.get(answer.arm, [])):
        text.append(visible(piece), style=STYLES[kind] if kind else "")
    below = Text(" · ".join(facts(answer, reply.nll.get(answer.arm))), style="dim")
    return Panel(Group(text, Text(), below), title=ARM_NAMES[answer.arm], title_align="left")


def show_what_is_known(console: Console, reply: Reply, show_prompt: bool) -> None:
    """Under the answers: what no source supports, the sources, how it was asked, and the prompt if it is wanted."""
    for answer in () if console.is_terminal else reply.answers:  # a terminal shows the marks themselves
        for kind, name in MARKS.items():
            marks = [one for one in reply.marks.get(answer.arm, []) if one.kind == kind]
            if found := list(dict.fromkeys(visible(answer.text[one.start : one.end]) for one in marks)):
                say(console, f"{ARM_NAMES[answer.arm]}, {name} in no source: {', '.join(found)}")
    say(console, f"\n{reply.sources.sentence}", style="bold")
    for number, row in enumerate(reply.sources.rows, 1):
        say(console, f"{number}. {visible(row.title)}")
        say(
            console,
            f"   {MATCHES[row.match]} · {row.split} · {row.uid} · BM25 {row.score:.1f} · {place_of(row)}",
            style="dim",
        )
        say(console, f"   {cut(visible(row.text), EXCERPT)}", style="dim")
        console.print(
            Text(f"   {row.link}", style="dim"), soft_wrap=True
        )  # whole, so that it can be clicked and copied
    if reply.sources.reference and reply.nll:
        say(console, nll_note(reply.sources.reference, reply.in_prompt), style="dim")
    sources = f" · {reply.in_prompt} sources in the prompt" if reply.in_prompt else ""
    say(console, f"Read as a {reply.question.kind} · {reply.decoding.in_words()}{sources}", style="dim")
    if show_prompt:
        say(console, "\nThe prompt that was sent, behind BOS:", style="bold")
        say(console, visible(reply.prompt))


def say(console: Console, text: str, style: str | None = None) -> None:
    """A line of text that is nothing but text: no markup, no broken lines in a pipe."""
    console.print(Text(text, style=style or ""), soft_wrap=not console.is_terminal)
