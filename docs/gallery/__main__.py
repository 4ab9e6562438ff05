"""python -m docs.gallery [--work FOLDER]      about 20 minutes on two cores

Writes docs/en/gallery.md from three toy runs. With --work, the Hub of the runs is kept in that folder and finished steps are not
repeated.
"""

import argparse
import os
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "en" / "gallery.md"


def main() -> None:
    """Run the three shops and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    from local_hub.server import start, stop

    with tempfile.TemporaryDirectory() as temporary:
        work = (options.work or Path(temporary)).absolute()
        hub = start(work / "hub")
        os.environ.update(hub.environment(work / "home"))  # before the Hub's client is imported
        from docs.gallery.page import page
        from docs.gallery.runs import run
        from docs.gallery.shops import SHOPS

        try:
            runs = []
            for shop in SHOPS:
                print(f"{shop.title}: base, dataset, adapter, report, verification", flush=True)
                runs.append(run(shop, work / shop.name))
        finally:
            stop(work / "hub")
    PAGE.write_text(page(runs))
    print(f"wrote {PAGE.relative_to(PAGE.parents[2])}")


if __name__ == "__main__":
    main()
