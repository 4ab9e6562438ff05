"""The first files of a new repo: `.gitattributes`, and a README for a Space or a repo with a licence."""

from pathlib import Path

from local_hub.disk.durable import OWN_FOLDER
from local_hub.git.refs import MAIN

# binary formats of models and datasets
_LFS_PATTERNS = """
*.7z *.arrow *.bin *.bz2 *.ckpt *.ftz *.gz *.h5 *.joblib *.lfs.* *.mlmodel *.model *.msgpack *.npy *.npz *.onnx *.ot
*.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors saved_model/**/* *.tar.* *.tar *.tflite *.tgz *.wasm
*.xz *.zip *.zst *tfevents*
"""
_LFS_PATTERNS_OF_DATASETS = """
*.lz4 *.mds *.pcm *.sam *.raw *.aac *.flac *.mp3 *.ogg *.wav *.bmp *.gif *.png *.tiff *.jpg *.jpeg *.webp *.mp4 *.webm
"""
GIT_ATTRIBUTES = ".gitattributes"

# a bare repo without automatic garbage collection; git clients may ask for any commit that a revision names
_GIT_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
[gc]
\tauto = 0
[uploadpack]
\tallowReachableSHA1InWant = true
"""


def make_bare_repo(folder: Path) -> None:
    """Create the folders, HEAD and config of a bare git repo in an empty folder."""
    folder.chmod(OWN_FOLDER)
    for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        (folder / name).mkdir(parents=True)
    (folder / "HEAD").write_text(f"ref: {MAIN}\n")
    (folder / "config").write_text(_GIT_CONFIG)


def initial_files(repo_type: str) -> dict[str, bytes]:
    """path -> content of the files of a new repo of this type."""
    patterns = (_LFS_PATTERNS + (_LFS_PATTERNS_OF_DATASETS if repo_type == "dataset" else "")).split()
    attributes = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in patterns)
    return {GIT_ATTRIBUTES: attributes.encode()}


def first_card(**metadata: str | None) -> dict[str, bytes]:
    """path -> content of a README.md with this metadata; empty if all values are empty."""
    lines = [f"{name}: {value}\n" for name, value in metadata.items() if value]
    return {"README.md": f"---\n{''.join(lines)}---\n".encode()} if lines else {}
