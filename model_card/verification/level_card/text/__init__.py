"""Level card, text: the card's own sentences, its metadata, and what a person added."""
