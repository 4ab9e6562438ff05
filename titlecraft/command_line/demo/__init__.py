"""What stands in for the real catalogue and the real base model where nothing can be downloaded."""
