// How a world begins: its units, their first orders, their first looks for targets.
#include "skirmish/world.hpp"

#include <numeric>
#include <stdexcept>

#include "skirmish/map/terrain.hpp"
#include "skirmish/phases/combat.hpp"

namespace fop::skirmish {

namespace {

// Allies first, then enemies, each in the order of the map's spawn calls.
void create_units(World& world) {
  const Scenario& scenario = *world.scenario;
  const int n_units = scenario.n_allies + scenario.n_enemies;
  if (n_units > kMaxUnits) throw std::invalid_argument("a battle has at most 128 units");
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
Point attack_point(const World& world) {
  const Scenario& scenario = *world.scenario;
  if (scenario.enemy_order != EnemyOrder::kAttackRandomPointOnSegment)
    return {scenario.order_x0, scenario.order_y0};
  const float share = Draws{world.seed, Purpose::kEngineScenario, world.episode, 0}.uniform(0);
  return {scenario.order_x0 + share * (scenario.order_x1 - scenario.order_x0),
          scenario.order_y0 + share * (scenario.order_y1 - scenario.order_y0)};
}

// A group sent to a point walks in formation: everyone keeps the offset from the group's centroid.
void give_enemy_order(World& world) {
  const EnemyOrder kind = world.scenario->enemy_order;
  if (kind == EnemyOrder::kNone || world.scenario->n_enemies == 0) return;
  const Point goal = attack_point(world);
  float sum_x = 0, sum_y = 0;
  for (int unit = world.n_allies(); unit < world.n_units(); ++unit) {
    sum_x += world.x[at(unit)];
    sum_y += world.y[at(unit)];
  }
  const auto count = static_cast<float>(world.scenario->n_enemies);
  for (int unit = world.n_allies(); unit < world.n_units(); ++unit) {
    const auto u = at(unit);
    world.order[u] = kind == EnemyOrder::kAttackUnitGroup ? Order::kAttackGroup : Order::kAttackMove;
    world.order_x[u] = goal.x;
    world.order_y[u] = goal.y;
    world.formation_dx[u] = world.x[u] - sum_x / count;
    world.formation_dy[u] = world.y[u] - sum_y / count;
  }
}

// Enemies look for targets one after the other, in the order of their unit numbers, as the recordings show.
void stagger_scans(World& world) {
  const Draws draws{world.seed, Purpose::kEngineScenario, world.episode, 1};
  const auto interval = static_cast<std::uint32_t>(world.options.scan_interval);
  const std::uint32_t offset = draws.below(0, interval);
  for (int unit = world.n_allies(); unit < world.n_units(); ++unit) {
    world.next_scan[at(unit)] =
        static_cast<std::int32_t>((static_cast<std::uint32_t>(unit) + offset) % interval);
  }
}

}  // namespace

void reset(World& world, std::span<const Point> spawn_places, std::uint64_t seed, std::uint32_t episode,
           int first_loops) {
  world.seed = seed;
  world.episode = episode;
  world.loop = 0;
  create_units(world);
  place_units(world, spawn_places);
  give_enemy_order(world);
  stagger_scans(world);
  for (int i = 0; i < first_loops; ++i) step(world);
}

void resize(World& world, int n_units) {
  const auto n = static_cast<std::size_t>(n_units);
  world.type.assign(n, UnitType::kMarine);
  world.player.assign(n, 0);
  world.alive.assign(n, 1);
  for (auto* column : {&world.x, &world.y, &world.heading_x, &world.heading_y, &world.speed, &world.hp,
                       &world.shield, &world.energy, &world.order_x, &world.order_y, &world.formation_dx,
                       &world.formation_dy, &world.phase_timer, &world.cooldown}) {
    column->assign(n, 0.0f);
  }
  world.last_hurt.assign(n, kNever);
  for (auto* column : {&world.last_attacker, &world.order_target, &world.target, &world.killer}) {
    column->assign(n, kNobody);
  }
  world.order.assign(n, Order::kIdle);
  world.next_scan.assign(n, 0);
  world.attack_phase.assign(n, AttackPhase::kReady);
  world.motion.assign(n, Motion{});
  world.attacks.assign(n, 0);
  world.steering.assign(n, Steering{});
  world.west_to_east.resize(n);
  std::iota(world.west_to_east.begin(), world.west_to_east.end(), std::uint8_t{0});
  world.pending_hits.clear();
  world.beams.clear();
}

}  // namespace fop::skirmish
