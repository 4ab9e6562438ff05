"""`python -m training …` is `titlecraft train …`."""

import sys

from titlecraft.cli import main

sys.exit(main(["train", *sys.argv[1:]]))
