"""Native kernels, episode replay and the skirmish engine, as numpy functions; shared types and protocols."""

from importlib.metadata import version

__version__ = version("fop-core")
