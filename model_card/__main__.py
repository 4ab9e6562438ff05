"""`python -m model_card …` is `titlecraft card …`."""

import sys

from titlecraft.cli import main

sys.exit(main(["card", *sys.argv[1:]]))
