"""Environments of the fop workspace, stepped many at a time. Needs numpy only."""

from importlib.metadata import version

from .catalogue import CATALOGUE, Entry, make, register
from .conformance import NotConformant, check_env
from .play import Played, play
from .policies import Policy, Turn

__version__ = version("fop-envs")
__all__ = [
    "CATALOGUE",
    "Entry",
    "NotConformant",
    "Played",
    "Policy",
    "Turn",
    "check_env",
    "make",
    "play",
    "register",
]
