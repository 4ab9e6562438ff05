"""Stage one: a raw catalogue -> a published instruction dataset. Start reading at build.py."""
