"""torchrun … -m tests.training.checkpoints.killed STEP ARGUMENTS: `titlecraft train ARGUMENTS`, killed when so many steps are done."""

import sys

from tests.training.checkpoints.lost_runs import kill_at_step
from titlecraft.command_line.main import main

if __name__ == "__main__":
    kill_at_step(int(sys.argv[1]))
    sys.exit(main(["train", *sys.argv[2:]]))
