"""One file per algorithm; `fop_algos.catalogue` lists them."""
