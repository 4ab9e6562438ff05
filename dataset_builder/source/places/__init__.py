"""Where a catalogue comes from besides files and URLs: folders, zip archives, datasets of the Hub, standard input."""
