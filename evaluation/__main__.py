"""`python -m evaluation …` is `titlecraft evaluate …`."""

import sys

from titlecraft.cli import main

sys.exit(main(["evaluate", *sys.argv[1:]]))
