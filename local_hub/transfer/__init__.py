"""Moving files: resolve, git over HTTP, LFS and Xet."""
