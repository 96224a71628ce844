"""Jobs on the cores of a machine: processes, blocks, progress. Nothing here knows of plans or runs."""
