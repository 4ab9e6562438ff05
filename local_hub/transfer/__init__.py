"""File transfer: downloads, git over HTTP, LFS and Xet uploads."""
