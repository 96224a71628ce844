// Worlds made by hand for the native tests.
#pragma once

#include <initializer_list>

#include "fop/angles.hpp"
#include "skirmish/map/terrain.hpp"
#include "skirmish/world.hpp"

namespace fop::skirmish::testing {

struct Placed {
  UnitType type = UnitType::kMarine;
  int player = 0;  // allies first
  float x = 0, y = 0;
  float facing = -1.5707964f;  // south
};

// 32 x 32 cells of ground, no walls but the map's edge.
inline Scenario open_field() {
  Scenario scenario;
  scenario.name = "open field";
  scenario.walkable.fill(true);
  scenario.walkable_open.fill(true);
  return scenario;
}

inline void face(World& world, int unit, float facing) {
  world.heading_x[static_cast<std::size_t>(unit)] = cosine(facing);
  world.heading_y[static_cast<std::size_t>(unit)] = sine(facing);
}

// A battle about to begin: full health, everybody idle and ready. `scenario` and `terrain` must outlive it;
// the scenario's unit counts are set to what is placed.
inline World make_world(Scenario& scenario, const Terrain& terrain, const std::vector<Placed>& units) {
  World world;
  attach(world, scenario, terrain, EngineOptions{});
  resize(world, static_cast<int>(units.size()));
  scenario.n_allies = scenario.n_enemies = 0;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const Placed& placed = units[i];
    ++(placed.player == 0 ? scenario.n_allies : scenario.n_enemies);
    world.type[i] = placed.type;
    world.player[i] = static_cast<std::uint8_t>(placed.player);
    world.x[i] = placed.x;
    world.y[i] = placed.y;
    face(world, static_cast<int>(i), placed.facing);
    const UnitStats& stats = world.stats_of(static_cast<int>(i));
    world.hp[i] = stats.hp;
    world.shield[i] = stats.shield;
    world.energy[i] = stats.energy_start;
  }
  return world;
}

}  // namespace fop::skirmish::testing
