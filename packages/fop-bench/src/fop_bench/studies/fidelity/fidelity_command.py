"""`fop-bench fidelity` and its parts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from fop_bench.arguments import Command, Parser, count, setting

from .measurement_plan import EPISODES, FLOORS, HEALTH_SEEDS, NET_EPISODES, PARTICLES, SEEDS

EPSILONS = "0,.05"
"""Those at which nets play: without exploration, and as in training."""

DESCRIPTION = """\
Compare the engine with recordings of StarCraft II and with published results.

Without a part: replays, heuristic (both modes) and sensitivity, one after the other, in minutes; health and
transfer too, where their data are.
"""
EXAMPLES = """\
examples:
  fop-bench fidelity --recordings DIR            replays, heuristic, sensitivity
  fop-bench fidelity replays --maps 3m,8m        recorded orders played into the engine, 32 seeds each
  fop-bench fidelity heuristic --rest            SMAC's own policy, both modes, 1,000 episodes on each map
  fop-bench fidelity sensitivity                 the effect of each of the engine's options
  fop-bench fidelity forced-playback --maps 8m --until 115
                                                 whom the enemy shoots at, under each combination of rules
  fop-bench fidelity health --data FILE          whom the enemy shoots at, from recorded health
  fop-bench fidelity agreement --maps 3m
                                                 do the recordings' own nets decide as recorded?
  fop-bench fidelity transfer --nets DIR --json transfer.json
                                                 nets of the real game on our battles
  fop-bench fidelity decode GAME.SC2Replay --out recordings
  fop-bench fidelity page runs/NAME --out docs/fidelity.md

Recordings are found in --recordings, else in the folder that the variable FOP_RECORDINGS names, else in
`recordings`.
"""


def add_all(parser: Parser) -> None:
    _add_recordings(parser)
    _add_replays(parser)
    _add_episodes(parser, "--policy-episodes")
    _add_data(parser)
    _add_nets(parser)
    parser.set_defaults(
        rest=True,
        policy_maps="all",
        health_seeds=HEALTH_SEEDS,
        net_maps="all",
        net_episodes=NET_EPISODES,
        epsilons=EPSILONS,
    )
    _add_common(parser)


def add_replays(parser: Parser) -> None:
    _add_recordings(parser)
    _add_replays(parser)
    _add_which(parser)
    _add_common(parser)


def add_heuristic(parser: Parser) -> None:
    parser.add_argument("--maps", dest="policy_maps", default="all", metavar="A,B", help="default: all 23")
    _add_episodes(parser, "--episodes")
    parser.add_argument(
        "--rest",
        action="store_true",
        help="play the mode heuristic_rest as well, which moves before it attacks",
    )
    _add_common(parser)


def add_sensitivity(parser: Parser) -> None:
    _add_recordings(parser)
    _add_common(parser)


def add_forced_playback(parser: Parser) -> None:
    _add_recordings(parser)
    parser.add_argument(
        "--seeds", type=count, default=SEEDS, metavar="N", help="plays of each episode (default: %(default)s)"
    )
    parser.add_argument(
        "--until",
        type=count,
        metavar="LOOPS",
        help="how long an episode is played at most (default: to its last kill)",
    )
    parser.add_argument(
        "--vary",
        metavar="A,B",
        help="options that are true or false; all combinations are played (default: all of the engine)",
    )
    _add_which(parser)
    _add_common(parser)


def add_health(parser: Parser) -> None:
    _add_data(parser)
    parser.add_argument(
        "--seeds",
        dest="health_seeds",
        type=count,
        default=HEALTH_SEEDS,
        metavar="N",
        help="plays of each episode (default: %(default)s)",
    )
    _add_which(parser)
    _add_common(parser)


def add_agreement(parser: Parser) -> None:
    _add_recordings(parser)
    _add_nets(parser)
    parser.add_argument(
        "--seeds",
        type=count,
        default=PARTICLES,
        metavar="N",
        help="battles of each episode, open loop and again in the filter (default: %(default)s)",
    )
    _add_which(parser)
    _add_common(parser)


def add_transfer(parser: Parser) -> None:
    _add_nets(parser)
    parser.add_argument(
        "--maps",
        dest="net_maps",
        default="all",
        metavar="A,B",
        help="of the nets (default: all that they have)",
    )
    parser.add_argument(
        "--episodes",
        dest="net_episodes",
        type=count,
        default=NET_EPISODES,
        metavar="N",
        help="of each net at each epsilon (default: %(default)s)",
    )
    parser.add_argument(
        "--epsilon",
        dest="epsilons",
        default=EPSILONS,
        metavar="A,B",
        help="shares of decisions that are random (default: %(default)s)",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write a row for each net and epsilon into this file"
    )
    _add_common(parser)


def add_decode(parser: Parser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.SC2Replay")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of recordings: one MAP.json.gz a map"
    )


def add_page(parser: Parser) -> None:
    parser.add_argument("folder", type=Path, help="a folder that a fidelity command wrote")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("docs/fidelity.md"),
        metavar="FILE",
        help="the page; its figures go to figures/fidelity beside it (default: %(default)s)",
    )


def _add_recordings(parser: Parser) -> None:
    parser.add_argument("--maps", default="all", metavar="A,B", help="default: all that have a recording")
    parser.add_argument("--recordings", type=Path, metavar="DIR", help="folder of decoded recordings")


def _add_nets(parser: Parser) -> None:
    parser.add_argument(
        "--nets",
        type=Path,
        metavar="DIR",
        help="folder of nets trained in StarCraft II, NAME.safetensors (default: facts/nets of the folder "
        "that the variable FOP_SHARED names, else nets)",
    )


def _add_data(parser: Parser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="recorded 3m episodes with everybody's health, .npz (default: facts/oracle/odis_3m.npz in the "
        "folder that the variable FOP_SHARED names)",
    )


def _add_replays(parser: Parser) -> None:
    parser.add_argument(
        "--seeds", type=count, default=SEEDS, metavar="N", help="plays of each episode (default: %(default)s)"
    )
    parser.add_argument(
        "--floors",
        type=int,
        choices=range(33),
        default=FLOORS,
        metavar="N",
        help="the engine's own episodes for each recorded one, which give the noise floor; 0 for none "
        "(default: %(default)s)",
    )


def _add_which(parser: Parser) -> None:
    parser.add_argument(
        "--episodes",
        dest="which",
        metavar="LIST",
        help="which of each recording: the first N, a list (0,4,7) or a range (5-9); default: all",
    )


def _add_episodes(parser: Parser, option: str) -> None:
    parser.add_argument(
        option,
        dest="episodes",
        type=count,
        default=EPISODES,
        metavar="N",
        help="of the heuristic policy on each map (default: %(default)s)",
    )


def _add_common(parser: Parser) -> None:
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


def measure(part: str, args: argparse.Namespace, command: Sequence[str]) -> int:
    """Runs a part that measures, or `all`."""
    from .run_measurements import run_measurements

    return run_measurements(part, args, command)


def decode(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Decodes replays."""
    from .decode import decode_files

    for path in decode_files(args.files, args.out):
        print(f"wrote {path}")
    return 0


def page(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Writes the page."""
    from .fidelity_page import write_page

    for path in write_page(args.folder, args.out):
        print(f"wrote {path}")
    return 0


def _measured(name: str, summary: str, add_arguments: Callable[[Parser], None]) -> Command:
    return Command(add_arguments, partial(measure, name), summary)


PARTS = {
    "all": _measured(
        "all", "replays, heuristic, sensitivity, and health and transfer where their data are", add_all
    ),
    "replays": _measured(
        "replays", "play recorded orders into the engine and measure how far it departs", add_replays
    ),
    "heuristic": _measured(
        "heuristic", "play SMAC's built-in policy and compare with published results", add_heuristic
    ),
    "sensitivity": _measured(
        "sensitivity",
        "vary each of the engine's options: effect on replays and on the heuristic policy",
        add_sensitivity,
    ),
    "forced-playback": _measured(
        "forced-playback",
        "force the recorded places and enemy deaths: do the agents fall as recorded?",
        add_forced_playback,
    ),
    "health": _measured(
        "health",
        "force places, orders and deaths of episodes with health: whom does the enemy hit, and when?",
        add_health,
    ),
    "agreement": _measured(
        "agreement",
        "feed the nets that acted in the recordings with our battles: do they decide as recorded?",
        add_agreement,
    ),
    "transfer": _measured(
        "transfer",
        "play nets that were trained in StarCraft II and compare with how they did there",
        add_transfer,
    ),
    "decode": Command(
        add_decode,
        decode,
        "turn .SC2Replay files of SMAC maps into recordings (needs the extra fop-bench[replays])",
    ),
    "page": Command(
        add_page, page, "write the page on fidelity, with its figures, from the records of a folder"
    ),
}
FIDELITY = Command(add_all, partial(measure, "all"), description=DESCRIPTION, examples=EXAMPLES, parts=PARTS)
