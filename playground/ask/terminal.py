"""Show replies in a terminal, with streaming answers, or as plain text if the output is not a terminal."""

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
TWO_COLUMNS = 100  # characters; a narrower terminal shows one answer below the other


def show_replies(console: Console, replies: Iterable[Reply], show_prompt: bool) -> None:
    """Show the growing reply to one question. Raises what `replies` raises."""
    last = None
    if console.is_terminal:
        try:
            with Live(console=console, auto_refresh=True, refresh_per_second=12, transient=True) as live:
                for last in replies:
                    live.update(answers_as_panels(last, console.width))
        finally:  # after Ctrl-C too, so that the answers stay on the screen
            if last:
                console.print(answers_as_panels(last, console.width))
    else:
        last = deque(replies, maxlen=1).pop()
        for answer in last.answers:
            name = f"{ARM_NAMES[answer.arm]}:\n" if len(last.answers) > 1 else ""
            print_text(console, f"{name}{visible(answer.text.strip())}\n")
            print_text(console, f"{' · '.join(facts(answer, last.nll.get(answer.arm)))}\n")
    if last is not None:
        show_what_is_known(console, last, show_prompt)


def answers_as_panels(reply: Reply, width: int) -> RenderableType:
    """The answers so far, side by side in a wide terminal."""
    panels = [answer_panel(reply, answer) for answer in reply.answers]
    if len(panels) == 2 and width >= TWO_COLUMNS:
        for panel in panels:
            panel.width = width // 2 - 1
        return Columns(panels, equal=True)
    return Group(*panels)


def answer_panel(reply: Reply, answer: Answer) -> Panel:
    """The panel of one answer, with its unsupported words marked."""
    text = Text()
    for piece, kind in pieces(answer.text, reply.marks.get(answer.arm, [])):
        text.append(visible(piece), style=STYLES[kind] if kind else "")
    below = Text(" · ".join(facts(answer, reply.nll.get(answer.arm))), style="dim")
    return Panel(Group(text, Text(), below), title=ARM_NAMES[answer.arm], title_align="left")


def show_what_is_known(console: Console, reply: Reply, show_prompt: bool) -> None:
    """Print the unsupported words, the sources, the decoding and, if asked for, the prompt."""
    for answer in () if console.is_terminal else reply.answers:  # a terminal shows the marks in the answers
        for kind, name in MARKS.items():
            marks = [mark for mark in reply.marks.get(answer.arm, []) if mark.kind == kind]
            if words := list(dict.fromkeys(visible(answer.text[mark.start : mark.end]) for mark in marks)):
                print_text(console, f"{ARM_NAMES[answer.arm]}, {name} in no source: {', '.join(words)}")
    print_text(console, f"\n{reply.sources.sentence}", style="bold")
    for number, row in enumerate(reply.sources.rows, 1):
        print_text(console, f"{number}. {visible(row.title)}")
        print_text(
            console,
            f"   {MATCHES[row.match]} · {row.split} · {row.uid} · BM25 {row.score:.1f} · {place_of(row)}",
            style="dim",
        )
        print_text(console, f"   {cut(visible(row.text), EXCERPT)}", style="dim")
        # on one line, so that it can be clicked and copied
        console.print(Text(f"   {row.link}", style="dim"), soft_wrap=True)
    if reply.sources.reference and reply.nll:
        print_text(console, nll_note(reply.sources.reference, reply.in_prompt), style="dim")
    sources = f" · {reply.in_prompt} sources in the prompt" if reply.in_prompt else ""
    print_text(console, f"Read as a {reply.question.kind} · {reply.decoding.in_words()}{sources}", style="dim")
    if show_prompt:
        print_text(console, "\nThe prompt, without BOS:", style="bold")
        print_text(console, visible(reply.prompt))


def print_text(console: Console, text: str, style: str | None = None) -> None:
    """Print a line without markup, and without line wrapping if the output is not a terminal."""
    console.print(Text(text, style=style or ""), soft_wrap=not console.is_terminal)
