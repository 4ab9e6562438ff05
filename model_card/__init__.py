"""The card of an adapter repo, rendered from the records in the repo. Start reading at build.py.

To add a section to the card:
1. claims/: add a `Claim` for each sentence with a number, and the tuple to CLAIMS in claims/__init__.py if the file is new.
2. templates/adapter_card.md.jinja: add the section, with `claim("id")` where a sentence belongs.
3. `python -m tests.model_card.test_golden_cards` writes the golden cards; read their diff.
"""
