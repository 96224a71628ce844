"""From a command line to records: plan, presets, sessions, checkpoints."""
