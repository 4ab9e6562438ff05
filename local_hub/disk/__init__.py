"""Writing to disk so that a kill or a power cut leaves the old file or the new one."""
