"""Environments of the fop workspace, stepped many at a time. Needs numpy only."""

from importlib.metadata import version

from .catalogue import CATALOGUE, Entry, make, register
from .conformance import NotConformant, check_env

__version__ = version("fop-envs")
__all__ = ["CATALOGUE", "Entry", "NotConformant", "check_env", "make", "register"]
