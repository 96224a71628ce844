// Where the units of a map's spawn calls appear. One rule for all maps, read off recordings of StarCraft II
// 4.10; statement and evidence: docs/environments/skirmish_spawns.md.
#pragma once

#include <vector>

#include "skirmish/map/scenario.hpp"
#include "skirmish/map/terrain.hpp"

namespace fop::skirmish {

// One place per unit, in the order of World: allies, then enemies, each in creation order. The same in every
// episode: a task works them out once.
std::vector<Point> find_spawn_places(const Scenario& scenario, const Terrain& terrain);

}  // namespace fop::skirmish
