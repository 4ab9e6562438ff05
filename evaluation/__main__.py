"""`python -m evaluation …` is `titlecraft evaluate …`."""

import sys

from titlecraft.command_line.main import main

sys.exit(main(["evaluate", *sys.argv[1:]]))
