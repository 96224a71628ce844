"""Research on top of the bench: the paper's tables and figures, the engine's fidelity, FOP's theory."""
