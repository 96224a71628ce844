"""Mixers: from per-agent values to the joint one. One signature for all, in `base`."""
