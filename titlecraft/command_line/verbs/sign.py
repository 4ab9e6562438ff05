"""titlecraft sign [datasets/]NS/NAME --key key.pem"""

from pathlib import Path

from titlecraft.command_line.verb_parser import VerbParser


def main(arguments: list[str]) -> None:
    """Sign the files that SHA256SUMS lists, and publish the signature as model.sig."""
    parser = VerbParser(
        prog="titlecraft sign",
        description="Sign the published files of a repo (those in SHA256SUMS) with your key, and publish the signature as "
        "model.sig (OpenSSF model signing). SHA256SUMS shows that nothing changed; the signature shows whose it is: "
        "`titlecraft verify YOU/NAME --signed-by key.pub`. Sign again after publishing again. Needs titlecraft[sign].",
    )
    parser.add_argument("repo", help="NAMESPACE/NAME of a model, or datasets/NAMESPACE/NAME")
    parser.add_argument(
        "--key",
        type=Path,
        required=True,
        metavar="FILE",
        help="the private key, PEM (P-256, P-384, P-521); its password, if it has one, in TITLECRAFT_KEY_PASSWORD (not with --certificate)",
    )
    parser.add_argument(
        "--certificate",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="certificates that vouch for the key: its own first, then those up to the root",
    )
    options = parser.parse_args(arguments)

    from titlecraft.hub.pins import pin
    from titlecraft.hub.signing import Signer, sign

    kind = "dataset" if options.repo.startswith("datasets/") else "model"
    signed = sign(pin(options.repo.removeprefix("datasets/"), kind), Signer(options.key, tuple(options.certificate)))
    print(f"signed: model.sig of {signed}")
