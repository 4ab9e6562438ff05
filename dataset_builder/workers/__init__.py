"""Work on the blocks of a catalogue in processes, with the results in order."""
