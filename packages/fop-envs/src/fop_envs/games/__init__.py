"""One-step games, and a template for an environment of your own."""
