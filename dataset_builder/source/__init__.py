"""Reading a catalogue: its files, their formats, their lines."""
