"""FOP and its baselines: pure losses, small modules, short algorithm files, one loop."""
