"""Build the page, a Gradio app with one engine and one index, for `titlecraft play` and for a Space's app.py.

page = build_page(engine, index)
page.launch(**launch_options())
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from time import monotonic
from typing import Any

from playground.ask.answer import ARMS
from playground.ask.decoding import MOST_NEW_TOKENS, Decoding
from playground.ask.engine import Engine
from playground.ask.question import LONGEST, RULE, ReadAs
from playground.ask.reply import Request, reply
from playground.page import parts
from titlecraft.errors import UserError
from titlecraft.search.row_index import RowIndex

MODELS = {"Both": ARMS, "Tuned": ("tuned",), "Base": ("base",)}
READ_AS: dict[str, ReadAs] = {"Automatic": "auto", "Title": "title", "Question": "question"}
AT_ONCE, WAITING = 4, 64  # visitors who are answered at the same time, and who may wait in the queue
REFRESH = 0.08  # seconds between two updates of the page
STOPPED = """() => document.querySelectorAll("#answers [aria-busy] .answer").forEach(one => {
  if (one.querySelector(".caret")) one.querySelector(".facts li").textContent = "stopped by you"
  one.querySelectorAll(".caret").forEach(caret => caret.remove())
})"""
EXAMPLES, LONGEST_EXAMPLE = 4, 70  # number of example titles, and their maximum length in characters


def import_gradio() -> Any:
    """Import Gradio with telemetry disabled. Raises UserError if it is not installed."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Gradio reads it on import
    try:
        import gradio
    except ImportError as error:
        raise UserError(f'the page needs Gradio ({error}): pip install "titlecraft[play]"') from error
    return gradio


def build_page(engine: Engine, index: RowIndex) -> Any:
    """The page as gradio.Blocks with its queue, to launch with `launch_options`. Raises UserError without Gradio."""
    gr = import_gradio()
    published = engine.generation
    with gr.Blocks(analytics_enabled=False, title=f"Ask {engine.inputs.adapter.repo}") as page:
        gr.HTML(parts.header(engine))
        with gr.Row(elem_id="question"):
            text = gr.Textbox(
                label="Title, or a whole question",
                show_label=False,
                container=False,
                lines=1,
                max_lines=6,
                autofocus=True,
                scale=8,
                min_width=300,
                elem_id="ask-text",
                placeholder="The title of a product, or a whole question",
            )
            ask = gr.Button("Ask", variant="primary", elem_id="ask", scale=2, min_width=110)
            stop = gr.Button("Stop", elem_id="stop", scale=1, min_width=80)
        if offered := example_titles(index):
            gr.Examples(
                [[title] for title in offered], inputs=[text], label="Titles of the dataset", cache_examples=False
            )
        with gr.Accordion("Settings", open=False, elem_id="controls"):
            with gr.Row():
                models = gr.Radio(list(MODELS), value="Both", label="Models")
                decoding = gr.Radio(["Sampling", "Greedy"], value="Sampling", label="Decoding")
                read_as = gr.Radio(list(READ_AS), value="Automatic", label="The text is a")
            grounded = gr.Checkbox(
                label="Put the sources into the prompt", info="The adapter was not trained on such prompts."
            )
            with gr.Row():
                seed = gr.Number(0, label="Seed", precision=0, minimum=0)
                new_tokens = gr.Slider(
                    1,
                    MOST_NEW_TOKENS,
                    min(published.max_new_tokens, MOST_NEW_TOKENS),
                    step=1,
                    label="Maximum new tokens",
                )
                temperature = gr.Slider(0.05, 2, published.temperature, step=0.05, label="Temperature")
            with gr.Row():
                top_k = gr.Slider(0, 200, published.top_k, step=1, label="Top-k (0 is off)")
                top_p = gr.Slider(0.05, 1, published.top_p, step=0.01, label="Top-p")
            gr.HTML(f'<p class="tc note">{RULE} At most {LONGEST:,} characters.</p>')
        answers, sources, prompt = (gr.HTML(elem_id=name) for name in ("answers", "sources", "prompt"))

        def respond(*values: Any) -> Iterator[tuple[Any, Any, Any]]:
            yield from states(engine, index, values, gr.skip())

        request = gr.on(
            [ask.click, text.submit],
            respond,
            inputs=[text, models, decoding, read_as, grounded, seed, new_tokens, temperature, top_k, top_p],
            outputs=[answers, sources, prompt],
            api_name="ask",
            concurrency_limit=AT_ONCE,
            show_progress="minimal",
            trigger_mode="always_last",  # a question that is sent while an answer is being written is answered next
        )
        stop.click(None, js=STOPPED, cancels=[request], api_visibility="private")
    return page.queue(max_size=WAITING)


def states(engine: Engine, index: RowIndex, values: tuple[Any, ...], same: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield updates of the page's three parts: answers, sources and prompt.

    Args:
        values: the values of the controls, in the order of the page.
        same: the value that leaves a part unchanged.
    """
    last_update = None
    try:
        for state in reply(engine, index, request_of(engine, values)):
            if last_update is None:
                last_update = 0.0
                yield parts.answers(state), parts.sources(state), parts.prompt(state)
            elif state.complete or monotonic() - last_update > REFRESH:
                last_update = monotonic()
                yield parts.answers(state), same, same
    except UserError as error:
        sources = "" if last_update is None else same
        prompt = same if last_update else ""  # a prompt that was not used is removed
        yield parts.notice(str(error)), sources, prompt


def request_of(engine: Engine, values: tuple[Any, ...]) -> Request:
    """The question with the settings of the controls. Raises UserError for an empty number."""
    text, models, decoding, read_as, grounded, seed, new_tokens, temperature, top_k, top_p = values
    numbers = {
        "seed": seed,
        "maximum new tokens": new_tokens,
        "temperature": temperature,
        "top-k": top_k,
        "top-p": top_p,
    }
    if missing := [name for name, value in numbers.items() if value is None]:
        raise UserError(f"{missing[0]} is empty: expected a number")
    settings = replace(
        engine.generation,
        max_new_tokens=int(new_tokens),
        temperature=float(temperature),
        top_k=int(top_k),
        top_p=float(top_p),
    )
    return Request(
        text or "",
        Decoding(settings, decoding == "Greedy", int(seed)),
        MODELS[models],
        READ_AS[read_as],
        bool(grounded),
    )


def example_titles(index: RowIndex) -> list[str]:
    """Example titles, spread over the test split, or over the first split if there is no test split."""
    titles = index.some_titles("test", 10 * EXAMPLES) or index.some_titles(index.facts.files[0].split, 10 * EXAMPLES)
    fitting = [title for title in titles if len(title) <= LONGEST_EXAMPLE]
    return fitting[:: max(1, len(fitting) // EXAMPLES)][:EXAMPLES]


def launch_options() -> dict[str, Any]:
    """The options of `launch`: theme, style sheet and fonts, without sharing and telemetry."""
    gr = import_gradio()
    sans = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"]
    mono = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
    theme = gr.themes.Base(primary_hue="blue", neutral_hue="gray", font=sans, font_mono=mono).set(
        body_background_fill="#ffffff",
        body_background_fill_dark="#16191d",
        background_fill_primary_dark="#16191d",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1d2126",
        block_border_color_dark="#2d333a",
        input_background_fill="#ffffff",
        input_background_fill_dark="#16191d",
        border_color_primary="#e3e6ea",
        border_color_primary_dark="#2d333a",
        block_shadow="none",
        button_primary_background_fill="#2f5fb3",
        button_primary_background_fill_hover="#274f95",
        button_primary_text_color="#ffffff",
        block_radius="10px",
        button_primary_background_fill_dark="#2f5fb3",
        button_primary_background_fill_hover_dark="#3a6cc4",
    )
    return {
        "theme": theme,
        "css": parts.css(),
        "share": False,
        "footer_links": [],
        "ssr_mode": False,
        "enable_monitoring": False,
        "quiet": True,
        "show_error": False,
        "pwa": False,
        "mcp_server": False,
        "run_history": False,
    }
