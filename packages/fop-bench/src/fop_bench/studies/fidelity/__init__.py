"""The engine compared with recordings of StarCraft II and with published results."""
