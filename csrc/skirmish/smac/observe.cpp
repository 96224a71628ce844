// What agents see, as dense rows. The arithmetic is SMAC's: differences and quotients in double precision,
// rounded once to float, so that arrays can be compared bit for bit.
#include <algorithm>
#include <array>
#include <cmath>

#include "skirmish/smac/battle.hpp"

namespace fop::skirmish {

namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

bool in_bounds(int cx, int cy) { return cx >= 0 && cx < kMapSize && cy >= 0 && cy < kMapSize; }
std::size_t cell(int cx, int cy) { return at(cy * kMapSize + cx); }

// Truncation towards zero, so that x in (-1, 0) is column 0: SMAC's own rule.
bool can_move_to(const Task& task, double x, double y) {
  const int cx = static_cast<int>(x), cy = static_cast<int>(y);
  return in_bounds(cx, cy) && task.scenario.walkable_open[cell(cx, cy)];
}

bool in_shoot_range(const World& world, int unit, int other) {
  const double dx = double{world.x[at(other)]} - double{world.x[at(unit)]};
  const double dy = double{world.y[at(other)]} - double{world.y[at(unit)]};
  return dx * dx + dy * dy <= kShootRange * kShootRange;
}

void write_available_row(const Task& task, const Battle& battle, int agent, std::uint8_t* row) {
  const World& world = battle.world;
  const int unit = battle.agent_unit[at(agent)];
  std::fill_n(row, task.n_actions, std::uint8_t{0});
  if (!world.alive[at(unit)]) {
    row[kNoOp] = 1;
    return;
  }
  const double x = world.x[at(unit)], y = world.y[at(unit)], reach = task.options.move_amount / 2;
  row[kStop] = 1;
  row[kNorth] = can_move_to(task, x, y + reach);
  row[kSouth] = can_move_to(task, x, y - reach);
  row[kEast] = can_move_to(task, x + reach, y);
  row[kWest] = can_move_to(task, x - reach, y);
  for (int k = 0; k < task.n_enemies; ++k) row[kFirstTarget + k] = can_target(task, battle, unit, k);
}

// The points round a unit whose ground and height it sees; the last is its own cell.
constexpr std::array<std::array<int, 2>, 9> kSurroundings{
    {{0, 2}, {0, -2}, {2, 0}, {-2, 0}, {1, 1}, {-1, -1}, {1, -1}, {-1, 1}, {0, 0}}};

// Values of the surrounding points, 1 outside of the map.
template <typename Value>
float* write_surroundings(const Task& task, float x, float y, int points, Value value, float* out) {
  const int amount = static_cast<int>(task.options.move_amount);
  for (int i = 0; i < points; ++i) {
    const int cx = static_cast<int>(x) + amount * kSurroundings[at(i)][0];
    const int cy = static_cast<int>(y) + amount * kSurroundings[at(i)][1];
    *out++ = in_bounds(cx, cy) ? value(cell(cx, cy)) : 1.0f;
  }
  return out;
}

// Health, and shield where the side has one, as fractions.
float* write_health(const World& world, int unit, bool shields, float* out) {
  const UnitStats& stats = world.stats_of(unit);
  *out++ = static_cast<float>(double{world.hp[at(unit)]} / double{stats.hp});
  if (shields) {
    *out++ =
        stats.shield > 0 ? static_cast<float>(double{world.shield[at(unit)]} / double{stats.shield}) : 0.0f;
  }
  return out;
}

// Distance and relative position, if `other` lives and is in sight. Squares are exact: positions are
// multiples of 1/4096.
bool write_relative(const World& world, int unit, int other, float* out) {
  if (!world.alive[at(other)]) return false;
  const double dx = double{world.x[at(other)]} - double{world.x[at(unit)]};
  const double dy = double{world.y[at(other)]} - double{world.y[at(unit)]};
  const double squared = dx * dx + dy * dy;
  if (squared >= kSightRange * kSightRange) return false;
  out[0] = static_cast<float>(std::sqrt(squared) / kSightRange);
  out[1] = static_cast<float>(dx / kSightRange);
  out[2] = static_cast<float>(dy / kSightRange);
  return true;
}

void write_obs_row(const Task& task, const Battle& battle, int agent, const std::uint8_t* available,
                   float* row) {
  const World& world = battle.world;
  const SmacOptions& options = task.options;
  const int unit = battle.agent_unit[at(agent)];
  std::fill_n(row, task.obs_dim, 0.0f);
  if (options.obs_timestep_number) {
    row[task.obs_dim - 1] = static_cast<float>(double(battle.steps) / task.scenario.episode_limit);
  }
  if (!world.alive[at(unit)]) return;

  float* out = row;
  for (int action = kNorth; action <= kWest; ++action) *out++ = available[action];
  const float x = world.x[at(unit)], y = world.y[at(unit)];
  if (options.obs_pathing_grid) {
    out = write_surroundings(
        task, x, y, 8, [&](std::size_t c) { return task.scenario.walkable_open[c] ? 1.0f : 0.0f; }, out);
  }
  if (options.obs_terrain_height) {
    out = write_surroundings(
        task, x, y, 9, [&](std::size_t c) { return static_cast<float>(task.traits.height[c] / 255.0); }, out);
  }

  const bool typed = task.traits.unit_type_bits > 0;
  for (int k = 0; k < task.n_enemies; ++k, out += task.obs_enemy_width) {
    const int other = battle.enemy_unit[at(k)];
    if (!write_relative(world, unit, other, out + 1)) continue;
    // Action 6 + k, whatever it means for this agent: a Medivac finds the availability of healing ally k
    // here.
    out[0] = available[kFirstTarget + k];
    float* rest = out + 4;
    if (options.obs_all_health) rest = write_health(world, other, task.traits.enemy_shields, rest);
    if (typed) rest[task.enemy_type_bit[at(static_cast<int>(world.type[at(other)]))]] = 1;
  }
  for (int j = 0; j < task.n_agents; ++j) {
    if (j == agent) continue;
    const int other = battle.agent_unit[at(j)];
    if (write_relative(world, unit, other, out + 1)) {
      out[0] = 1;
      float* rest = out + 4;
      if (options.obs_all_health) rest = write_health(world, other, task.traits.ally_shields, rest);
      if (typed) rest[task.ally_type_bit[at(static_cast<int>(world.type[at(other)]))]] = 1;
      const int last = battle.last_action[at(j)];
      if (options.obs_last_action && last >= 0) rest[task.traits.unit_type_bits + last] = 1;
    }
    out += task.obs_ally_width;
  }
  if (options.obs_own_health) out = write_health(world, unit, task.traits.ally_shields, out);
  if (typed) out[task.ally_type_bit[at(static_cast<int>(world.type[at(unit)]))]] = 1;
}

// By which SMAC divides a weapon's cooldown in the state, whatever the weapon's true period is.
double max_cooldown(UnitType type) {
  switch (type) {
    case UnitType::kMarauder:
      return 25;
    case UnitType::kStalker:
      return 35;
    case UnitType::kZealot:
      return 22;
    case UnitType::kColossus:
      return 24;
    case UnitType::kHydralisk:
      return 10;
    case UnitType::kZergling:
      return 11;
    case UnitType::kBaneling:
      return 1;
    case UnitType::kMedivac:
      return 200;  // its energy is shown
    default:
      return 15;
  }
}

float* write_position(const Task& task, const World& world, int unit, float* out) {
  constexpr double kCentre = kMapSize / 2.0;
  *out++ = static_cast<float>((double{world.x[at(unit)]} - kCentre) / task.position_divisor);
  *out++ = static_cast<float>((double{world.y[at(unit)]} - kCentre) / task.position_divisor);
  return out;
}

// The part that both sides' rows end with: shield, one-hot of the type.
void write_rest(const World& world, int unit, bool shields, int type_bits,
                const std::array<int, kUnitTypes>& type_bit, float* out) {
  if (shields) {
    const float full = world.stats_of(unit).shield;
    *out++ = full > 0 ? static_cast<float>(double{world.shield[at(unit)]} / double{full}) : 0.0f;
  }
  if (type_bits > 0) out[type_bit[at(static_cast<int>(world.type[at(unit)]))]] = 1;
}

}  // namespace

bool can_target(const Task& task, const Battle& battle, int unit, int k) {
  const World& world = battle.world;
  const bool allied = world.player[at(unit)] == 0;
  const bool heals = task.medivac_rules && world.type[at(unit)] == UnitType::kMedivac;
  const auto& targets = heals == allied ? battle.agent_unit : battle.enemy_unit;
  if (k >= static_cast<int>(targets.size()) || (allied && k >= task.n_enemies)) return false;
  const int target = targets[at(k)];
  if (!world.alive[at(target)] || (heals && world.type[at(target)] == UnitType::kMedivac)) return false;
  return in_shoot_range(world, unit, target);
}

void write_available(const Task& task, const Battle& battle, std::uint8_t* available) {
  for (int agent = 0; agent < task.n_agents; ++agent) {
    write_available_row(task, battle, agent, available + agent * task.n_actions);
  }
}

void write_obs(const Task& task, const Battle& battle, const std::uint8_t* available, float* obs) {
  for (int agent = 0; agent < task.n_agents; ++agent) {
    write_obs_row(task, battle, agent, available + agent * task.n_actions, obs + agent * task.obs_dim);
  }
}

void write_state(const Task& task, const Battle& battle, const float* obs, float* state) {
  if (task.options.obs_instead_of_state) {
    std::copy_n(obs, task.state_dim, state);
    return;
  }
  const World& world = battle.world;
  const MapTraits& traits = task.traits;
  std::fill_n(state, task.state_dim, 0.0f);
  float* out = state;
  for (int agent = 0; agent < task.n_agents; ++agent, out += task.state_ally_width) {
    const int unit = battle.agent_unit[at(agent)];
    if (!world.alive[at(unit)]) continue;
    const UnitType type = world.type[at(unit)];
    const bool shows_energy = task.medivac_rules && type == UnitType::kMedivac;
    const double timer =
        shows_energy ? double{world.energy[at(unit)]} : std::max(0.0, double{world.cooldown[at(unit)]});
    out[0] = static_cast<float>(double{world.hp[at(unit)]} / double{world.stats_of(unit).hp});
    out[1] = static_cast<float>(timer / max_cooldown(type));
    float* rest = write_position(task, world, unit, out + 2);
    write_rest(world, unit, traits.ally_shields, traits.unit_type_bits, task.ally_type_bit, rest);
  }
  for (int k = 0; k < task.n_enemies; ++k, out += task.state_enemy_width) {
    const int unit = battle.enemy_unit[at(k)];
    if (!world.alive[at(unit)]) continue;
    out[0] = static_cast<float>(double{world.hp[at(unit)]} / double{world.stats_of(unit).hp});
    float* rest = write_position(task, world, unit, out + 1);
    write_rest(world, unit, traits.enemy_shields, traits.unit_type_bits, task.enemy_type_bit, rest);
  }
  if (task.options.state_last_action) {
    for (int agent = 0; agent < task.n_agents; ++agent, out += task.n_actions) {
      const int last = battle.last_action[at(agent)];
      if (last >= 0) out[last] = 1;
    }
  }
  if (task.options.state_timestep_number) {
    *out = static_cast<float>(double(battle.steps) / task.scenario.episode_limit);
  }
}

}  // namespace fop::skirmish
