"""`python -m model_card …` is `titlecraft card …`."""

import sys

from titlecraft.command_line.main import main

sys.exit(main(["card", *sys.argv[1:]]))
