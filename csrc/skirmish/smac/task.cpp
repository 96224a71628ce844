// Task: sizes of observations and state, the largest reward, places in the one-hot of types.
#include "skirmish/smac/task.hpp"

#include <utility>

#include "skirmish/map/placement.hpp"

namespace fop::skirmish {

namespace {

// Types in the order of `catalogue_rank`, counted over the types that the map has.
std::array<int, kUnitTypes> type_bits(const Scenario& scenario) {
  std::array<bool, kUnitTypes> present{};
  for (const SpawnCall& call : scenario.spawn_calls) present[static_cast<std::size_t>(call.type)] = true;
  std::array<int, kUnitTypes> bits{};
  for (std::size_t type = 0; type < kUnitTypes; ++type) {
    for (std::size_t other = 0; other < kUnitTypes; ++other) {
      bits[type] += present[other] && catalogue_rank(static_cast<UnitType>(other)) <
                                          catalogue_rank(static_cast<UnitType>(type));
    }
  }
  return bits;
}

double enemy_health(const Scenario& scenario) {
  double sum = 0;
  for (const SpawnCall& call : scenario.spawn_calls) {
    if (call.player == 0) continue;
    const UnitStats& unit = unit_stats(call.type, unit_set_of(scenario.players[1]));
    sum += call.count * (double{unit.hp} + double{unit.shield});
  }
  return sum;
}

Scenario commanded(Scenario scenario, const SmacOptions& options) {
  if (options.heuristic_ai) scenario.players[0].commander = Commander::kHeuristic;
  return scenario;
}

}  // namespace

int catalogue_rank(UnitType type) {
  switch (type) {
    case UnitType::kBaneling:
      return 0;
    case UnitType::kColossus:
      return 1;
    case UnitType::kHydralisk:
      return 2;
    case UnitType::kMarauder:
      return 3;
    case UnitType::kMarine:
      return 4;
    case UnitType::kMedivac:
      return 5;
    case UnitType::kSpineCrawler:
      return 6;
    case UnitType::kStalker:
      return 7;
    case UnitType::kZealot:
      return 8;
    case UnitType::kZergling:
      return 9;
  }
  return kUnitTypes;
}

Task::Task(Scenario scenario_, MapTraits traits_, SmacOptions options_)
    : scenario(commanded(std::move(scenario_), options_)),
      terrain(scenario),
      spawn_places(find_spawn_places(scenario, terrain)),
      traits(std::move(traits_)),
      options(options_) {
  if (options.obs_all_health) options.obs_own_health = true;
  n_agents = scenario.n_allies;
  n_enemies = scenario.n_enemies;
  n_actions = kFirstTarget + n_enemies;
  medivac_rules = traits.map_type == "MMM";
  position_divisor = options.engine.client == Client::k462 ? 32 : 28;
  max_reward = n_enemies * options.reward_death_value + options.reward_win + enemy_health(scenario);
  reward_divisor = options.reward_scale ? max_reward / options.reward_scale_rate : 1;

  const int bits = traits.unit_type_bits;
  const int ally_health = 1 + traits.ally_shields, enemy_health_width = 1 + traits.enemy_shields;
  move_width = 4 + (options.obs_pathing_grid ? 8 : 0) + (options.obs_terrain_height ? 9 : 0);
  obs_enemy_width = 4 + bits + (options.obs_all_health ? enemy_health_width : 0);
  obs_ally_width =
      4 + bits + (options.obs_all_health ? ally_health : 0) + (options.obs_last_action ? n_actions : 0);
  own_width = bits + (options.obs_own_health ? ally_health : 0);
  obs_dim = move_width + n_enemies * obs_enemy_width + (n_agents - 1) * obs_ally_width + own_width +
            options.obs_timestep_number;
  state_ally_width = 4 + traits.ally_shields + bits;
  state_enemy_width = 3 + traits.enemy_shields + bits;
  state_dim = n_agents * state_ally_width + n_enemies * state_enemy_width +
              (options.state_last_action ? n_agents * n_actions : 0) + options.state_timestep_number;
  if (options.obs_instead_of_state) state_dim = n_agents * obs_dim;

  ally_type_bit = type_bits(scenario);
  enemy_type_bit = ally_type_bit;
  if (traits.map_type == "stalkers_and_zealots") {  // enemies are told apart by the game's type numbers
    std::swap(enemy_type_bit[static_cast<std::size_t>(UnitType::kStalker)],
              enemy_type_bit[static_cast<std::size_t>(UnitType::kZealot)]);
  }
}

}  // namespace fop::skirmish
