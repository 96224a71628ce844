"""The arguments of `fop-bench fidelity` and its parts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .plan import EPISODES, FLOORS, SEEDS

DESCRIPTION = """\
Hold the engine against recordings of StarCraft II and against public figures.

Without a part: replays, heuristic (both modes) and sensitivity one after the other, in
minutes (`fop-bench fidelity all --help` shows the options).
"""
EXAMPLES = """\
examples:
  fop-bench fidelity --recordings DIR            all of it
  fop-bench fidelity replays --maps 3m,8m        recorded orders played into the engine, 32 seeds each
  fop-bench fidelity heuristic --rest            SMAC's own policy, both modes, 1,000 episodes on each map
  fop-bench fidelity sensitivity                 what hangs on each of the engine's options
  fop-bench fidelity decode GAME.SC2Replay --out recordings
  fop-bench fidelity page runs/NAME --out docs/fidelity.md

Recordings are found in --recordings, else in the folder that the variable FOP_RECORDINGS names, else in
`recordings`.
"""
PARTS = {
    "replays": "play recorded orders into the engine and measure how far it strays",
    "heuristic": "play SMAC's built-in policy and compare with public figures",
    "sensitivity": "vary each of the engine's options: effect on replays and on the heuristic policy",
    "decode": "turn .SC2Replay files of SMAC maps into recordings (needs the extra fop-bench[replays])",
    "page": "write the page on fidelity, with its figures, from the records of a folder",
}

Adder = Callable[[str, str], argparse.ArgumentParser]


def add_parts(add: Adder, count: Callable[[str], int], setting: Callable[[str], Any]) -> None:
    """Adds the parser of each part, and of `all`, with `add(name, text)`."""
    everything = add("all", "replays, heuristic and sensitivity, one after the other")
    _recordings(everything)
    _replays(everything, count)
    _heuristic(everything, count)
    everything.set_defaults(rest=True, policy_maps="all")
    _common(everything, count, setting)

    replays = add("replays", PARTS["replays"])
    _recordings(replays)
    _replays(replays, count)
    replays.add_argument(
        "--episodes",
        dest="which",
        metavar="LIST",
        help="which of each recording: the first N, a list (0,4,7) or a range (5-9); default: all",
    )
    _common(replays, count, setting)

    policy = add("heuristic", PARTS["heuristic"])
    policy.add_argument("--maps", dest="policy_maps", default="all", metavar="A,B", help="default: all 23")
    _heuristic(policy, count)
    policy.add_argument(
        "--rest",
        action="store_true",
        help="play the mode heuristic_rest as well, which moves before it attacks",
    )
    _common(policy, count, setting)

    sensitivity = add("sensitivity", PARTS["sensitivity"])
    _recordings(sensitivity)
    _common(sensitivity, count, setting)

    decode = add("decode", PARTS["decode"])
    decode.add_argument("files", nargs="+", type=Path, metavar="FILE.SC2Replay")
    decode.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of recordings: one MAP.json.gz a map"
    )

    page = add("page", PARTS["page"])
    page.add_argument("folder", type=Path, help="a folder that a fidelity command wrote")
    page.add_argument(
        "--out",
        type=Path,
        default=Path("docs/fidelity.md"),
        metavar="FILE",
        help="the page; its figures go to figures/fidelity beside it (default: %(default)s)",
    )


def _recordings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--maps", default="all", metavar="A,B", help="default: all that have a recording")
    parser.add_argument("--recordings", type=Path, metavar="DIR", help="folder of decoded recordings")


def _replays(parser: argparse.ArgumentParser, count: Callable[[str], int]) -> None:
    parser.add_argument(
        "--seeds", type=count, default=SEEDS, metavar="N", help="plays of each episode (default: %(default)s)"
    )
    parser.add_argument(
        "--floors",
        type=int,
        choices=range(33),
        default=FLOORS,
        metavar="N",
        help="the engine's own episodes for each recorded one, the floor; 0 for none (default: %(default)s)",
    )


def _heuristic(parser: argparse.ArgumentParser, count: Callable[[str], int]) -> None:
    name = "--episodes" if parser.prog.endswith("heuristic") else "--policy-episodes"
    parser.add_argument(
        name,
        dest="episodes",
        type=count,
        default=EPISODES,
        metavar="N",
        help="of the heuristic policy on each map (default: %(default)s)",
    )


def _common(
    parser: argparse.ArgumentParser, count: Callable[[str], int], setting: Callable[[str], Any]
) -> None:
    parser.add_argument(
        "--client", choices=("4.10", "4.6.2"), help="the client whose conventions the engine follows"
    )
    parser.add_argument(
        "--set",
        dest="settings",
        type=setting,
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="an option of the engine (docs/environments/skirmish.md); repeatable",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: a new folder runs/fidelity-<time>")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the newest run of this command, or --out"
    )
    parser.add_argument("--workers", type=count, metavar="W", help="processes (default: cores)")


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Runs a part; returns the exit status."""
    if args.part == "decode":
        from .decode import decode_files

        for path in decode_files(args.files, args.out):
            print(f"wrote {path}")
        return 0
    if args.part == "page":
        from .page import write_page

        for path in write_page(args.folder, args.out):
            print(f"wrote {path}")
        return 0
    from .run import run as measure

    return measure(args, command)
