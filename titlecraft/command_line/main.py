"""The command `titlecraft VERB …`: chooses the Hub, then runs the verb, whose module imports what it needs.

Hub libraries read the endpoint when they are imported. So `--hub` is taken out of the arguments here, before any import.
"""

import difflib
import errno
import os
import sys
from importlib import import_module

from local_hub.errors import UsageError
from titlecraft import __version__
from titlecraft.errors import UserError
from titlecraft.process.machine import require_unix
from titlecraft.process.out_of_memory import explain_out_of_memory
from titlecraft.process.own_packages import require_own_packages
from titlecraft.process.terminal import use_terminal_characters

VERBS = {
    "build": "a catalogue of titles and descriptions -> a published instruction dataset",
    "train": "a published dataset + a base model -> a published LoRA adapter with its card",
    "sweep": "choose a recipe by short trainings over one base, judged on the validation split",
    "evaluate": "a published adapter -> a before/after report in its repo",
    "judge": "which text is better: blind pairwise preference over a report's answers",
    "card": "render the card of an adapter or a dataset again from the records in its repo",
    "verify": "re-derive every number that a published repo shows",
    "sign": "sign the files of a published repo, so that others can verify whose they are",
    "lineage": "source, dataset, adapters, reports and exports of a repo, each at its commit",
    "ask": "ask a published adapter, its base or both, in the terminal, with sources",
    "play": "the same as a page in the browser, both answers side by side",
    "serve": "the adapter and its base behind OpenAI's interface, for chat clients and programs",
    "space": "the page as a Gradio Space, with app, requirements and card",
    "export": "an adapter -> a standalone model, merged or GGUF, or the adapter as GGUF, in its own repo",
    "document": "the document about a run, in English and Portuguese, from its published records",
    "hub": "the embedded Hub: serve | start | stop | status | check",
    "recipes": "the recipes, and what each is for",
    "demo": "every stage at a small size, on the embedded Hub",
}

HELP = """usage: titlecraft VERB [options]        (titlecraft help VERB: its options)

{verbs}

everywhere:
  --hub local      the embedded Hub under .demo/ (started if it does not run); needs no network and no token
  --hub URL        a Hub at that address; the default is HF_ENDPOINT, or the public Hub
  --version
build, train, sweep, evaluate:
  --recipe NAME    a recipe under recipes/, or a YAML file; --section.key=value overrides one setting
"""

GPU_FULL = (
    "the GPU's memory is full ({error}); make training.batch_size or base.max_length smaller and training.accumulation "
    "larger, or set training.gradient_checkpointing"
)


def take_option(arguments: list[str], name: str) -> str | None:
    """Remove `name VALUE` or `name=VALUE` from the arguments and return the value, or None if it is absent."""
    positions = [index for index, argument in enumerate(arguments) if argument.partition("=")[0] == name]
    if not positions:
        return None
    if len(positions) > 1:
        raise UserError(f"{name} is given {len(positions)} times: expected once")
    argument = arguments.pop(positions[0])
    if "=" in argument:
        return argument.partition("=")[2]
    if positions[0] == len(arguments):
        raise UserError(f"{name} needs a value: `local` or the address of a Hub")
    return arguments.pop(positions[0])


def usage() -> str:
    """Return the text of `titlecraft --help`."""
    return HELP.format(verbs="\n".join(f"  {verb:<10}{text}" for verb, text in VERBS.items()))


def run(arguments: list[str]) -> int:
    """Choose the Hub and run the verb; returns its exit status. Raises UserError for a user's mistake."""
    require_unix()
    hub = take_option(arguments, "--hub")
    if arguments[0:1] == ["help"] and len(arguments) == 2:
        arguments = [arguments[1], "--help"]
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"titlecraft {__version__}")
        return 0
    verb, *rest = arguments
    if verb not in VERBS:
        close = difflib.get_close_matches(verb, VERBS, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise UserError(f"unknown verb {verb!r}{hint}: expected one of {', '.join(VERBS)}")
    require_own_packages()
    from titlecraft.command_line.choose_hub import choose_hub
    from titlecraft.process.quiet import quiet_libraries
    from titlecraft.process.start_up import start_sooner

    quiet_libraries()
    start_sooner()
    if verb != "recipes" and not {"-h", "--help"} & set(rest):
        choose_hub(hub)
    return import_module(f"titlecraft.command_line.verbs.{verb}").main(rest) or 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; a user's mistake prints one line to stderr and returns 2."""
    use_terminal_characters()
    try:
        with explain_out_of_memory(GPU_FULL):
            return run(list(sys.argv[1:] if arguments is None else arguments))
    except (UserError, UsageError) as error:  # UsageError: local_hub imports nothing of titlecraft
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; what was published stays, and the same command can be run again", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # prevents a second error at exit
        return 141
    except OSError as error:
        if error.errno != errno.ENOSPC:
            if not error.filename:
                raise
            print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
            return 2
        print(
            f"error: disk full while writing {error.filename or 'a file'}. "
            "Free some space and run the same command again",
            file=sys.stderr,
        )
        return 2


if __name__ == "__main__":
    sys.exit(main())
