"""Runs the tests' commands in forks of one warm process that has imported the heavy libraries.

`PYTHON` replaces `sys.executable` in a test's command line. The command is a separate process with its own environment,
folder, pipes, signals and exit status; it only shares the imports of torch, transformers and others, which take a fresh
process 5 to 13 s. Tests of start-up itself use `sys.executable`.

Without a warm process (if another tool runs a test file), `PYTHON` is `sys.executable`.
"""

import os
import sys

PYTHON = os.environ.get("TITLECRAFT_WARM_PYTHON", sys.executable)
