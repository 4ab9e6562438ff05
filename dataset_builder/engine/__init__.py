"""How a build's work is spread: in this process, over processes, or over Ray."""
