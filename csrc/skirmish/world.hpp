// One battle: its state as a structure of arrays, how it begins, and a loop of it.
//
// Units keep their index for the whole episode: player 0's first (0 .. n_allies-1, in creation order), then
// player 1's, in creation order. The environment layer maps agents and targets onto them.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <span>
#include <vector>

#include "fop/rng.hpp"
#include "skirmish/map/plane.hpp"
#include "skirmish/map/scenario.hpp"
#include "skirmish/units/columns.hpp"
#include "skirmish/units/unit_stats.hpp"

namespace fop::skirmish {

class Terrain;  // map/terrain.hpp: made once per scenario and shared, never changed

inline constexpr int kMaxUnits = 128;  // SMAC's largest battle has 66

// A missile in flight, or a delayed hit (second strike of a Zealot, hit of a beam).
struct PendingHit {
  enum class Kind : std::uint8_t { kMissile, kDelayed };
  Kind kind = Kind::kMissile;
  int source = kNobody, target = kNobody;
  float x = 0, y = 0;         // where the missile is
  float timer = 0;            // loops until a delayed hit lands
  bool needs_source = false;  // lost when the source dies or starts another order (channelled)
};

// One sweep of a Colossus' beams along its line of impact.
struct Beam {
  int source = kNobody;
  float x = 0, y = 0;    // middle of the line
  float dx = 0, dy = 0;  // unit vector along the line: the direction of this sweep
  int pulses = 0;        // pulses so far
  float timer = 0;       // loops until the next pulse
  std::bitset<kMaxUnits> already_hit;
};

// The release of StarCraft II whose arrays are meant: 4.10 or 4.6.2.
enum class Client : std::uint8_t { k410, k462 };

// What the open questions of the rules are set to; defaults and evidence: docs/environments/skirmish.md.
struct EngineOptions {
  Client client = Client::k410;
  int scan_interval = 8;        // loops between a unit's looks for targets
  bool attackers_first = true;  // does who attacks a unit come before all others as its target?
  bool cooldown_noise = true;   // random addend -1..+2 loops of each period
  bool random_update_order = true;
  bool attack_move_answers_damage = true;  // does a hit make an attack-moving unit look, and answer, at once?
};

// What a battle is besides its units; saved with them.
struct WorldState {
  std::uint64_t seed = 0;
  std::uint32_t episode = 0;
  std::int32_t loop = 0;               // loops since the episode's start
  std::int32_t overlooked_bodies = 0;  // by walkers in a crowd, since then: phases/collision.hpp
  std::vector<PendingHit> pending_hits;
  std::vector<Beam> beams;
};

// Both of its bases are values, so that copying them is saving the battle; its own members are the task's.
struct World : UnitColumns, WorldState {
  const Scenario* scenario = nullptr;  // outlives the world
  const Terrain* terrain = nullptr;    // outlives the world
  EngineOptions options;
  std::array<const StatsTable*, 2> stats{};  // of each player's units

  int n_allies() const { return scenario->n_allies; }
  int n_units() const { return static_cast<int>(type.size()); }
  const UnitStats& stats_of(int unit) const {
    const auto u = static_cast<std::size_t>(unit);
    return (*stats[player[u]])[static_cast<std::size_t>(type[u])];
  }
  const Player& player_of(int unit) const {
    return scenario->players[player[static_cast<std::size_t>(unit)]];
  }
};

// Sets what a world takes from its task; both objects must outlive it.
void attach(World& world, const Scenario& scenario, const Terrain& terrain, const EngineOptions& options);

// Gives every column `n_units` entries: living, idle, ready, at the origin with no health.
void resize(World& world, int n_units);

// Spawns all units at their places (one for each, in their order) and gives scripted players their order. The
// world's content is a function of (scenario, places, options, seed, episode). At the end `first_loops` loops
// have passed.
void reset(World& world, std::span<const Point> spawn_places, std::uint64_t seed, std::uint32_t episode,
           int first_loops);

// One loop of the game: see step.cpp for the order of the phases.
void step(World& world);

// A player's units: indices begin to end - 1.
struct Range {
  int begin = 0, end = 0;
};
inline Range units_of(const World& world, int player) {
  return player == 0 ? Range{0, world.n_allies()} : Range{world.n_allies(), world.n_units()};
}

}  // namespace fop::skirmish
