"""Jinja templates of Markdown, as every card and document is made from: a name that is missing is an error, never an empty place."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def markdown_templates(package: str) -> Environment:
    """The templates in the folder `templates` of a package; lines that hold a tag alone leave no blank line behind."""
    made = Environment(
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["thousands"] = "{:,}".format
    return made
