"""python -m titlecraft.command_line.jobs VERB STAGE REPO REVISION RECIPE_SHA256 SOURCES_SHA256 [options of titlecraft VERB]

The command of a job that `titlecraft VERB --on hf-jobs` submitted: verify the checksums of recipe and source, then run the verb.
submit.py writes this command line.
"""

import sys
from pathlib import Path

RESULTS = "results"  # folder of files that a job does not publish; uploaded to the repo of jobs


def main(arguments: list[str]) -> int:
    """Exit status of the verb; 2 if a checksum differs from the one that was sent."""
    from titlecraft.records import file_sha256, sources_sha256

    verb, stage, repo, revision, recipe_sum, sources, *options = arguments
    sha256 = sources_sha256(stage)
    if sha256 != sources:
        print(f"error: the installed source has the sum {sha256}: expected {sources}, as it was sent", file=sys.stderr)
        return 2
    recipe = fetch(repo, revision)
    if (sha256 := file_sha256(recipe)) != recipe_sum:
        print(f"error: the recipe has the sha256 {sha256}: expected {recipe_sum}, as it was sent", file=sys.stderr)
        return 2
    print(f"recipe {recipe_sum}, source {sources}, from {repo}@{revision}")
    from titlecraft.command_line.main import main

    status = main([verb, "--recipe", str(recipe), *options])
    if status == 0 and f"--out={RESULTS}" in options:
        send_results(repo, revision)
    return status


def fetch(repo: str, revision: str) -> Path:
    """Download the recipe. The Hub's client reads HF_ENDPOINT at import, so `choose_hub` runs before it is imported."""
    from titlecraft.command_line.choose_hub import choose_hub
    from titlecraft.process.quiet import quiet_libraries

    quiet_libraries()
    choose_hub(None)
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(repo, "recipe.yaml", revision=revision))


def send_results(repo: str, revision: str) -> None:
    """Upload the results to the repo of jobs, in a folder named after the commit that the job was submitted with."""
    from huggingface_hub import HfApi

    HfApi().upload_folder(
        repo_id=repo, folder_path=RESULTS, path_in_repo=f"{RESULTS}/{revision}", commit_message="Results of a job"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
