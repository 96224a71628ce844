"""The loop, and what runs, tests and saves an algorithm."""
