// How a world begins: its units, the orders of scripts, and when each unit looks for targets first.
#include "skirmish/world.hpp"

#include <numeric>
#include <stdexcept>
#include <string>

#include "skirmish/phases/combat.hpp"

namespace fop::skirmish {

namespace {

// Player 0's first, then player 1's, each in the order of the map's spawn calls.
void create_units(World& world) {
  const Scenario& scenario = *world.scenario;
  const int n_units = scenario.n_allies + scenario.n_enemies;
  if (n_units > kMaxUnits) {
    throw std::invalid_argument("the map has " + std::to_string(n_units) + " units; at most " +
                                std::to_string(kMaxUnits) + " can fight");
  }
  resize(world, n_units);
  int next[2] = {0, scenario.n_allies};
  for (const SpawnCall& call : scenario.spawn_calls) {
    for (int i = 0; i < call.count; ++i) {
      const int unit = next[call.player]++;
      world.type[at(unit)] = call.type;
      world.player[at(unit)] = static_cast<std::uint8_t>(call.player);
      const UnitStats& stats = world.stats_of(unit);
      world.heading_x[at(unit)] = 0;
      world.heading_y[at(unit)] = -1;  // south
      world.hp[at(unit)] = stats.hp;
      world.shield[at(unit)] = stats.shield;
      world.energy[at(unit)] = stats.energy_start;
    }
  }
}

void place_units(World& world, std::span<const Point> spawn_places) {
  for (std::size_t unit = 0; unit < spawn_places.size(); ++unit) {
    world.x[unit] = spawn_places[unit].x;
    world.y[unit] = spawn_places[unit].y;
  }
}

// 2m_vs_1z draws its attack point anew in each episode.
Point attack_point(const World& world, int index) {
  const Player& player = world.scenario->players[at(index)];
  if (player.order != ScriptedOrder::kAttackRandomPointOnSegment) return {player.order_x0, player.order_y0};
  // Number 0 of the stream is player 1's: part of every trace.
  const Draws draws{world.seed, Purpose::kEngineScenario, world.episode, 0};
  const float share = draws.uniform(static_cast<std::uint32_t>(1 - index));
  return {player.order_x0 + share * (player.order_x1 - player.order_x0),
          player.order_y0 + share * (player.order_y1 - player.order_y0)};
}

// A group sent to a point walks in formation: everyone keeps the offset from the group's centroid.
void give_scripted_order(World& world, int index) {
  const ScriptedOrder kind = world.scenario->players[at(index)].order;
  const Range units = units_of(world, index);
  if (kind == ScriptedOrder::kNone || units.begin == units.end) return;
  const Point goal = attack_point(world, index);
  float sum_x = 0, sum_y = 0;
  for (int unit = units.begin; unit < units.end; ++unit) {
    sum_x += world.x[at(unit)];
    sum_y += world.y[at(unit)];
  }
  const auto count = static_cast<float>(units.end - units.begin);
  for (int unit = units.begin; unit < units.end; ++unit) {
    const auto u = at(unit);
    world.order[u] = kind == ScriptedOrder::kAttackUnitGroup ? Order::kAttackGroup : Order::kAttackMove;
    world.order_x[u] = goal.x;
    world.order_y[u] = goal.y;
    world.formation_dx[u] = world.x[u] - sum_x / count;
    world.formation_dy[u] = world.y[u] - sum_y / count;
  }
}

// Units look for targets one after the other, in the order of their numbers, as the recordings show.
void stagger_scans(World& world, int index) {
  const Draws draws{world.seed, Purpose::kEngineScenario, world.episode, 1};
  const auto interval = static_cast<std::uint32_t>(world.options.scan_interval);
  const std::uint32_t offset = draws.below(0, interval);
  const Range units = units_of(world, index);
  for (int unit = units.begin; unit < units.end; ++unit) {
    world.next_scan[at(unit)] =
        static_cast<std::int32_t>((static_cast<std::uint32_t>(unit) + offset) % interval);
  }
}

}  // namespace

void attach(World& world, const Scenario& scenario, const Terrain& terrain, const EngineOptions& options) {
  world.scenario = &scenario;
  world.terrain = &terrain;
  world.options = options;
  for (std::size_t i = 0; i < 2; ++i) world.stats[i] = &stats_table(unit_set_of(scenario.players[i]));
}

void reset(World& world, std::span<const Point> spawn_places, std::uint64_t seed, std::uint32_t episode,
           int first_loops) {
  world.seed = seed;
  world.episode = episode;
  world.loop = 0;
  create_units(world);
  place_units(world, spawn_places);
  for (int player = 0; player < 2; ++player) {
    if (world.scenario->players[at(player)].commander != Commander::kScript) continue;
    give_scripted_order(world, player);
    stagger_scans(world, player);
  }
  for (int i = 0; i < first_loops; ++i) step(world);
}

void resize(World& world, int n_units) {
  for_each_column(world, [n_units](const char*, auto& column, auto initial, auto) {
    column.assign(at(n_units), initial);
  });
  std::iota(world.west_to_east.begin(), world.west_to_east.end(), std::uint8_t{0});
  world.overlooked_bodies = 0;
  world.pending_hits.clear();
  world.beams.clear();
}

}  // namespace fop::skirmish
