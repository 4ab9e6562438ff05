"""python -m tests.docs.provoke < cases.json: run titlecraft commands in this process and print the stderr of each.

stdin: {name: {"arguments": [...], "environment": {...}}}; stdout, on its last line: {name: [status, stderr]}. All run in one
process, because importing torch and transformers takes longer than the commands.
"""

import contextlib
import io
import json
import os
import sys

from titlecraft.command_line.main import main

if __name__ == "__main__":
    found = {}
    for name, case in json.load(sys.stdin).items():
        before = dict(os.environ)
        os.environ.update(case["environment"])
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            status = main(case["arguments"])
        os.environ.clear()
        os.environ.update(before)
        found[name] = [status, said.getvalue()]
    print(json.dumps(found))
