"""A Python that starts warm: commands of the tests run in forks of one process that has imported the heavy libraries.

`PYTHON` takes the place of `sys.executable` in a test's command line. The command is still a process of its own, with its
own environment, folder, pipes, signals and exit status; only the imports of torch, transformers and their like, 5 to 13 s
of a fresh process, are shared. Tests that are about start-up itself use `sys.executable`.

Where no warm process runs (a test file that is run by another tool), `PYTHON` is `sys.executable`.
"""

import os
import sys

PYTHON = os.environ.get("TITLECRAFT_WARM_PYTHON", sys.executable)
