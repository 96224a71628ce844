"""Nets: agents, critics, mixers and the layers they are made of."""
