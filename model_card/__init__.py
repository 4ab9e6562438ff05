"""Stage four: the records in an adapter repo -> its card. Start reading at build.py; the words are in templates/."""
