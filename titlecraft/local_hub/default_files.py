"""The first commit of a new repo: which files go to LFS, and for a Space or a licensed repo a README."""

# what models and datasets are usually made of and git stores badly
_LFS_PATTERNS = """
*.7z *.arrow *.bin *.bz2 *.ckpt *.ftz *.gz *.h5 *.joblib *.lfs.* *.mlmodel *.model *.msgpack *.npy *.npz *.onnx *.ot
*.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors saved_model/**/* *.tar.* *.tar *.tflite *.tgz *.wasm
*.xz *.zip *.zst *tfevents*
"""
_LFS_PATTERNS_OF_DATASETS = """
*.lz4 *.mds *.pcm *.sam *.raw *.aac *.flac *.mp3 *.ogg *.wav *.bmp *.gif *.png *.tiff *.jpg *.jpeg *.webp *.mp4 *.webm
"""

GIT_ATTRIBUTES = ".gitattributes"


def initial_files(repo_type: str, *, sdk: str | None = None, license: str | None = None) -> dict[str, bytes]:
    """path -> content of the first commit."""
    patterns = (_LFS_PATTERNS + (_LFS_PATTERNS_OF_DATASETS if repo_type == "dataset" else "")).split()
    attributes = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in patterns)
    files = {GIT_ATTRIBUTES: attributes.encode()}
    metadata = {"sdk": sdk if repo_type == "space" else None, "license": license}
    lines = [f"{key}: {value}" for key, value in metadata.items() if value]
    if lines:
        files["README.md"] = ("---\n" + "\n".join(lines) + "\n---\n").encode()
    return files
