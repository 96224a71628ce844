// One battle: its state as a structure of arrays.
//
// Units keep their index for the whole episode: allies first (0 .. n_allies-1, in creation order), then
// enemies, in creation order. The environment layer maps agents and targets onto them.
// A World holds values only (no pointers into itself), so that copying it is saving it.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <span>
#include <vector>

#include "fop/rng.hpp"
#include "skirmish/map/plane.hpp"
#include "skirmish/map/scenario.hpp"
#include "skirmish/units/unit_stats.hpp"

namespace fop::skirmish {

class Terrain;  // terrain.hpp: walls, shortest paths; made once per scenario and shared, never changed

inline constexpr int kNobody = -1;
inline constexpr int kMaxUnits = 128;               // SMAC's largest battle has 66
inline constexpr std::int32_t kNever = -1'000'000;  // a loop long before the start

enum class Order : std::uint8_t {
  kIdle,         // no order. Allies do nothing; enemies acquire what comes within their scan range
  kMove,         // to order_x, order_y; then idle
  kAttackUnit,   // order_target, chased without limit; ends with its death
  kAttackMove,   // towards order_x + formation_dx, ..., fighting on the way
  kAttackGroup,  // every unit of player 0: the nearest, and when it dies the next
  kHeal,         // order_target
};

inline constexpr std::array<const char*, 6> kOrderNames = {"idle",        "move",         "attack_unit",
                                                           "attack_move", "attack_group", "heal"};

enum class AttackPhase : std::uint8_t {
  kReady,      // not attacking
  kWindUp,     // waiting for the damage point; phase_timer counts down
  kBackswing,  // after the effect; phase_timer counts down; a new order cuts it short
};

// What a unit wants to do with its body this loop. Written by the decision phases (orders, targeting,
// attack, healing), carried out by movement.
struct Motion {
  enum class Kind : std::uint8_t {
    kHold,       // stand; others may push it aside when idle
    kFace,       // stand and turn towards x, y (an attack out of the weapon's arc)
    kToPoint,    // go to x, y and stop there
    kToUnit,     // go towards unit `unit` until within `stop_distance` (centre to centre)
    kFormation,  // attack-move: keep the group's shared direction and the own offset
  };
  Kind kind = Kind::kHold;
  float x = 0, y = 0;
  int unit = kNobody;
  float stop_distance = 0;
};

// What a body remembers from loop to loop about its path; movement's and collision's own.
struct Steering {
  float vx = 0, vy = 0;  // displacement wished for this loop, before others are met
  // Next corner on the path to the goal: the goal itself where the straight line is clear.
  float waypoint_x = 0, waypoint_y = 0;
  float goal_x = 0, goal_y = 0;      // for which the waypoint was found
  std::int32_t refresh_at = kNever;  // loop from which the waypoint is looked for anew
  float progress = 1;                // share of the last loop's wish that came true; 1 for who stood
  std::int8_t detour = 0;            // the side on which it goes round others: 1 left, -1 right, 0 not
  bool stuck = false;                // no way round was found
};

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
  bool spread_fire = true;      // do shooters of a group choose different targets of those in range?
  bool cooldown_noise = true;   // random addend -1..+2 loops of each period
  bool random_update_order = true;
  bool attack_move_answers_damage = true;  // does a hit make an attack-moving unit look, and answer, at once?
};

struct World {
  const Scenario* scenario = nullptr;  // outlives the world
  const Terrain* terrain = nullptr;    // outlives the world
  EngineOptions options;
  std::uint64_t seed = 0;
  std::uint32_t episode = 0;
  std::int32_t loop = 0;  // loops since the episode's start

  // One entry per unit.
  std::vector<UnitType> type;
  std::vector<std::uint8_t> player;  // 0 allied, 1 enemy
  std::vector<std::uint8_t> alive;
  std::vector<float> x, y;                  // multiples of 1/4096
  std::vector<float> heading_x, heading_y;  // where it faces: a unit vector
  std::vector<float> speed;  // present speed, cells per loop (matters where acceleration is finite)
  std::vector<float> hp, shield, energy;
  std::vector<std::int32_t> last_hurt;  // loop of the last damage; very negative at first
  std::vector<std::int32_t> last_attacker;

  std::vector<Order> order;
  std::vector<float> order_x, order_y;
  std::vector<std::int32_t> order_target;
  std::vector<float> formation_dx, formation_dy;  // own offset from the group's centroid when the order came

  std::vector<std::int32_t> target;     // whom it fights at the moment, chosen by targeting
  std::vector<std::int32_t> next_scan;  // loop of the next look for targets
  std::vector<AttackPhase> attack_phase;
  std::vector<float> phase_timer;
  std::vector<float> cooldown;  // loops until the next attack may start
  std::vector<Motion> motion;
  std::vector<Steering> steering;
  std::vector<std::uint32_t> attacks;  // attacks started so far: index of the cooldown's random stream
  std::vector<std::int32_t> killer;    // who killed it, kNobody while it lives

  std::vector<std::uint8_t> west_to_east;  // all units as collision.cpp sorted them last: saves time alone

  std::vector<PendingHit> pending_hits;
  std::vector<Beam> beams;

  int n_allies() const { return scenario->n_allies; }
  int n_units() const { return static_cast<int>(type.size()); }
  const UnitStats& stats_of(int unit) const {
    return unit_stats(type[static_cast<std::size_t>(unit)], player[static_cast<std::size_t>(unit)] == 0);
  }
};

// Gives every array `n_units` entries: living, idle, ready, at the origin with no health.
void resize(World& world, int n_units);

// Spawns all units at their places (one for each, in their order) and gives the enemy its order. The world's
// content is a function of (scenario, places, options, seed, episode). At the end `first_loops` loops have
// passed.
void reset(World& world, std::span<const Point> spawn_places, std::uint64_t seed, std::uint32_t episode,
           int first_loops);

// One loop of the game: see step.cpp for the order of the phases.
void step(World& world);

}  // namespace fop::skirmish
