// SMAC's reward of a step, and how a battle has ended.
#include <cmath>

#include "skirmish/smac/battle.hpp"

namespace fop::skirmish {

namespace {

// What the side lost since the last observation (health and shield; less than 0 where it recovered more), and
// how many of its units died. Brings the account up to date.
struct Loss {
  double health = 0;
  int deaths = 0;
};

Loss take_loss(const World& world, const std::vector<std::int32_t>& unit_of, std::vector<double>& health,
               std::vector<std::uint8_t>& dead) {
  Loss loss;
  for (std::size_t i = 0; i < unit_of.size(); ++i) {
    if (dead[i]) continue;
    const std::size_t unit = static_cast<std::size_t>(unit_of[i]);
    const bool alive = world.alive[unit] != 0;
    const double now = alive ? double{world.hp[unit]} + double{world.shield[unit]} : 0;
    loss.health += health[i] - now;
    loss.deaths += !alive;
    health[i] = now;
    dead[i] = !alive;
  }
  return loss;
}

}  // namespace

double take_battle_reward(const Task& task, Battle& battle) {
  const SmacOptions& options = task.options;
  const Loss allies = take_loss(battle.world, battle.agent_unit, battle.ally_health, battle.ally_dead);
  const Loss enemies = take_loss(battle.world, battle.enemy_unit, battle.enemy_health, battle.enemy_dead);
  const double gain = enemies.health + enemies.deaths * options.reward_death_value;
  if (options.reward_only_positive) return std::abs(gain);  // so recovering enemies pay, too: as in SMAC
  return gain - options.reward_negative_scale * (allies.health + allies.deaths * options.reward_death_value);
}

Outcome outcome(const Task& task, const Battle& battle) {
  const World& world = battle.world;
  int allies = 0, fighting_allies = 0, enemies = 0, enemy_medivacs = 0;
  for (int unit = 0; unit < world.n_units(); ++unit) {
    const std::size_t u = static_cast<std::size_t>(unit);
    if (!world.alive[u]) continue;
    const bool medivac = world.type[u] == UnitType::kMedivac;
    if (unit < task.n_agents) {
      ++allies;
      fighting_allies += !medivac;
    } else {
      ++enemies;
      enemy_medivacs += medivac;
    }
  }
  if ((allies == 0 && enemies > 0) || (task.medivac_rules && fighting_allies == 0)) return Outcome::kLost;
  const bool one_medivac_left = enemies == 1 && enemy_medivacs == 1;
  if ((allies > 0 && enemies == 0) || (task.medivac_rules && one_medivac_left)) return Outcome::kWon;
  return allies == 0 ? Outcome::kDraw : Outcome::kOpen;
}

}  // namespace fop::skirmish
