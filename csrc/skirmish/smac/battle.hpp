// One SMAC episode on a World: agents and their actions outside, units and orders inside.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "skirmish/smac/task.hpp"
#include "skirmish/world.hpp"

namespace fop::skirmish {

enum class Outcome : std::int8_t { kLost = -1, kDraw = 0, kWon = 1, kOpen = 2 };

struct StepResult {
  double reward = 0;
  bool terminated = false, truncated = false, battle_won = false;
  std::int32_t dead_allies = 0, dead_enemies = 0;
};

struct Battle {
  World world;
  std::vector<std::int32_t> agent_unit, enemy_unit;  // unit of agent i, of enemy k
  std::vector<std::int32_t> last_action;             // as given; -1 before the first step
  std::vector<std::int32_t> heuristic_target;        // by unit: whom the built-in policy chose, or nobody
  // Health and shield together at the last observation, by agent and by enemy; 0 once dead.
  std::vector<double> ally_health, enemy_health;
  std::vector<std::uint8_t> ally_dead, enemy_dead;  // their death has been counted
  std::int32_t steps = 0;
  std::uint8_t over = 1;  // ended, or never started
};

// ---- battle.cpp ----
void reset(const Task& task, Battle& battle, std::uint64_t seed, std::uint32_t episode);
// `actions` `[N]` must be available. Where agents don't command player 0 they are only remembered as last
// actions. `executed` `[N]` receives what was played: under a script no-ops, whatever the units do.
StepResult step(const Task& task, Battle& battle, std::span<const std::int64_t> actions,
                std::span<std::int64_t> executed);
bool is_medivac(const Battle& battle, int agent);

// ---- heuristic.cpp: SMAC's built-in policy for a unit of either side; returns the action, having given the
// order ----
int heuristic_action(const Task& task, Battle& battle, int unit);

// ---- observe.cpp: dense rows ----
// `available` `[N, A]`.
void write_available(const Task& task, const Battle& battle, std::uint8_t* available);
// `obs` `[N, O]`; reads `available`.
void write_obs(const Task& task, const Battle& battle, const std::uint8_t* available, float* obs);
// `state` `[S]`; reads `obs`.
void write_state(const Task& task, const Battle& battle, const float* obs, float* state);
// Is action kFirstTarget + k open to this living unit (of either side)?
bool can_target(const Task& task, const Battle& battle, int unit, int k);

// ---- reward.cpp ----
Outcome outcome(const Task& task, const Battle& battle);
// Of the step just played; advances the accounts.
double take_battle_reward(const Task& task, Battle& battle);

}  // namespace fop::skirmish
