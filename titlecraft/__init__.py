"""The ground floor that the four stages share: recipe, prompt, records, the way to the Hub, and the Hub on a laptop."""

__version__ = "0.1.0"
