"""One command, `titlecraft VERB …`. This file only chooses: the Hub first, then the verb, and each verb imports its own.

The endpoint must be chosen before any Hub library is imported, because they read it at import; so `--hub` is taken out
of the arguments here, and the verbs never see it.
"""

import errno
import io
import os
import sys
from importlib import import_module

from local_hub.errors import UsageError
from titlecraft import __version__
from titlecraft.errors import UserError
from titlecraft.process.machine import require_unix
from titlecraft.process.out_of_memory import is_out_of_memory

VERBS = {
    "build": "a catalogue of titles and descriptions -> a published instruction dataset",
    "train": "a published dataset + a base model -> a published LoRA adapter with its card",
    "evaluate": "a published adapter -> a before/after report beside it",
    "card": "write the card of an adapter or a dataset anew from the records that lie in its repo",
    "verify": "re-derive every number that a published repo shows",
    "lineage": "what was made from what: dataset, adapters, reports, each at its commit",
    "ask": "ask a published adapter, its base or both, in the terminal, with sources",
    "play": "the same as a page in the browser, both answers side by side",
    "space": "the page as a Gradio Space, with app, requirements and card",
    "export": "an adapter -> a model of its own, merged or GGUF, in a repo of its own",
    "document": "the document about a run, in English and Portuguese, from the records in its repos",
    "hub": "the embedded Hub: serve | start | stop | status | check",
    "demo": "all of it, small, on the embedded Hub",
}

HELP = """usage: titlecraft VERB [options]        (titlecraft VERB --help tells more)

{verbs}

everywhere:
  --hub local      the embedded Hub under .demo/ (started if need be); needs no network and no token
  --hub URL        a Hub at that address; the default is HF_ENDPOINT, or the public Hub
  --version
build, train, evaluate:
  --recipe NAME    a recipe under recipes/, or a YAML file; --section.key=value overrides one setting
"""


def take_option(arguments: list[str], name: str) -> str | None:
    """Remove `name VALUE` or `name=VALUE` from the arguments and return the value, or None where it is absent."""
    places = [place for place, argument in enumerate(arguments) if argument.partition("=")[0] == name]
    if not places:
        return None
    if len(places) > 1:
        raise UserError(f"{name} is given {len(places)} times: expected once")
    argument = arguments.pop(places[0])
    if "=" in argument:
        return argument.partition("=")[2]
    if places[0] == len(arguments):
        raise UserError(f"{name} needs a value: `local` or the address of a Hub")
    return arguments.pop(places[0])


def usage() -> str:
    """What `titlecraft --help` prints."""
    return HELP.format(verbs="\n".join(f"  {verb:<10}{text}" for verb, text in VERBS.items()))


def run(arguments: list[str]) -> int:
    """Choose the Hub and run the verb; returns its exit status. Raises UserError for a mistake of the user's."""
    require_unix()
    hub = take_option(arguments, "--hub")
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"titlecraft {__version__}")
        return 0
    verb, *rest = arguments
    if verb not in VERBS:
        raise UserError(f"unknown verb {verb!r}: expected one of {', '.join(VERBS)}")
    from titlecraft.command_line.choose_hub import choose_hub
    from titlecraft.process.quiet import quiet_libraries

    quiet_libraries()
    if not {"-h", "--help"} & set(rest):
        choose_hub(hub)
    return import_module(f"titlecraft.command_line.verbs.{verb}").main(rest) or 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; a user's mistake becomes one line on stderr and status 2."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal or pipe without UTF-8 gets "?" for what it cannot write
    try:
        return run(list(sys.argv[1:] if arguments is None else arguments))
    except (UserError, UsageError) as error:  # UsageError: of the embedded Hub, which imports nothing of titlecraft
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        print(f"error: the GPU's memory is full ({str(error).splitlines()[0]}); make training.batch_size or base.max_length "
              "smaller and training.accumulation larger, or set training.gradient_checkpointing", file=sys.stderr)  # fmt: skip
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; what was published stays, and the same command can be run again", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains again at exit
        return 141
    except OSError as error:
        if error.errno != errno.ENOSPC:
            if not error.filename:
                raise
            print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
            return 2
        print(f"error: disk full while writing {error.filename or 'a file'}. "
              "Free some space and run the same command again", file=sys.stderr)  # fmt: skip
        return 2


if __name__ == "__main__":
    sys.exit(main())
