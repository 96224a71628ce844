"""Processes, blocks of work and their progress."""
