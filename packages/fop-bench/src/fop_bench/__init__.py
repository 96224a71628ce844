"""The command line of fop: train, stop, resume, evaluate and report."""

from importlib.metadata import version

__version__ = version("fop-bench")
