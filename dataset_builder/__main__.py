"""`python -m dataset_builder …` is `titlecraft build …`."""

import sys

from titlecraft.command_line.main import main

sys.exit(main(["build", *sys.argv[1:]]))
