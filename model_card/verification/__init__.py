"""Verifies a published repo: recomputes every published value and compares it with what the repo shows.

To add a check:

1. Write a generator of lines in the module of its level, such as `level_card/report.py`. A check takes a `Checks` and a
   `RepoState` and yields one `Line` per claim: `yield checks.equal("steps", record.steps, steps_in_log)`. It may raise
   anything; `checks.gather` turns an exception into a line that does not hold.
2. Call it from the module's `verify_…` function. `run.py` decides the order of these functions: a new module needs one
   more call there, in `check_card` or in `check_level`.
3. Test it in the same place below tests/model_card/verification/, with literal values or files in a folder.

`lines/` makes the lines: one value (`Checks`), a column (`column_equal`), a commit on the Hub (`commit_exists`), a picture or
page (`same_rendering`). `RepoState` reads files, records and checksums of the repo.
"""
