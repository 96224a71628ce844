"""SMAC's maps on the embedded battle engine: many battles at a time, or one behind SMAC's own interface."""

from .maps import MapInfo, load_map, map_names
from .skirmish import SkirmishEnv, SmacOptions
from .starcraft2env import StarCraft2Env

__all__ = ["MapInfo", "SkirmishEnv", "SmacOptions", "StarCraft2Env", "load_map", "map_names"]
