"""Run a Space's app.py as `python app.py` does, and, once the file named by SPACE_STOP is there, say what was imported.

Prints JSON: the folders that our packages came from, and the distributions whose modules are loaded.
"""

import json
import os
import runpy
import sys
import threading
import time
from importlib.metadata import packages_distributions
from pathlib import Path


def report() -> None:
    """Wait for the end, print, and leave."""
    while not Path(os.environ["SPACE_STOP"]).exists():
        time.sleep(0.05)
    loaded = {name.split(".")[0] for name in sys.modules}
    known = packages_distributions()
    ours = {
        name: Path(sys.modules[name].__file__).parents[1].as_posix()
        for name in ("titlecraft", "evaluation", "playground")
    }
    print(json.dumps([ours, sorted({name for top in loaded for name in known.get(top, [])})]), flush=True)
    os._exit(0)


threading.Thread(target=report, daemon=True).start()
sys.path[0] = str(Path.cwd())
runpy.run_path("app.py", run_name="__main__")
