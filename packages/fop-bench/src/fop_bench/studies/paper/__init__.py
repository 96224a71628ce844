"""The paper's tables and figures, drawn again beside what the paper says."""
