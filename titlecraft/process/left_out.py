"""Packages that libraries import where they are installed, for features that no command uses: they are left out."""

import sys

# sklearn, and with it scipy.stats: transformers' assisted decoding and GLUE scores, lighteval's scores of a corpus.
# boto3: accelerate's machines at SageMaker.
UNUSED = ("sklearn", "boto3")


def leave_out_unused() -> None:
    """Let `find_spec` and `import` not find them in this process, unless they are imported already."""
    for name in UNUSED:
        sys.modules.setdefault(name, None)  # pyright: ignore[reportArgumentType]  # None is what hides a module
