"""`python -m training …` is `titlecraft train …`."""

import sys

from titlecraft.command_line.main import main

sys.exit(main(["train", *sys.argv[1:]]))
