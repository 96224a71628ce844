// What the engine keeps of each unit. Every column is named once, in the list below: the members of a World,
// resize, save and load, and the fields that the binding's units() shows follow from it. Who adds a column
// adds a line.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "skirmish/units/unit_stats.hpp"

namespace fop::skirmish {

inline constexpr int kNobody = -1;
inline constexpr std::int32_t kNever = -1'000'000;  // a loop long before the start

enum class Order : std::uint8_t {
  kIdle,         // no order: units of a script choose targets within their scan range, others do nothing
  kMove,         // to order_x, order_y; then idle
  kAttackUnit,   // order_target, chased without limit; ends with its death
  kAttackMove,   // towards order_x + formation_dx, ..., fighting on the way
  kAttackGroup,  // every unit of the other player: the nearest, and when it dies the next
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
};

// (type, name, value at first). SHOWN columns are fields of units(), in this order; HIDDEN ones are not.
// clang-format off
#define FOP_UNIT_COLUMNS(SHOWN, HIDDEN)                                                                \
  SHOWN(std::uint8_t, player, 0)              /* 0 the agents' side, 1 the enemy */                    \
  SHOWN(UnitType, type, UnitType::kMarine)                                                             \
  SHOWN(std::uint8_t, alive, 1)                                                                        \
  SHOWN(float, x, 0)                          /* multiples of 1/4096 */                                \
  SHOWN(float, y, 0)                                                                                   \
  HIDDEN(float, heading_x, 0)                 /* where it faces: a unit vector */                      \
  HIDDEN(float, heading_y, 0)                                                                          \
  SHOWN(float, speed, 0)                      /* at present (matters where acceleration is finite) */  \
  SHOWN(float, hp, 0)                                                                                  \
  SHOWN(float, shield, 0)                                                                              \
  SHOWN(float, energy, 0)                                                                              \
  SHOWN(float, cooldown, 0)                   /* loops until the next attack may start */              \
  SHOWN(Order, order, Order::kIdle)                                                                    \
  SHOWN(std::int32_t, order_target, kNobody)                                                           \
  SHOWN(float, order_x, 0)                                                                             \
  SHOWN(float, order_y, 0)                                                                             \
  HIDDEN(float, formation_dx, 0)              /* own offset from the group's centroid when */          \
  HIDDEN(float, formation_dy, 0)              /* the order came */                                     \
  SHOWN(std::int32_t, target, kNobody)        /* whom it fights now, chosen by targeting */            \
  SHOWN(AttackPhase, attack_phase, AttackPhase::kReady)                                                \
  HIDDEN(float, phase_timer, 0)                                                                        \
  SHOWN(std::int32_t, killer, kNobody)                                                                 \
  HIDDEN(std::int32_t, next_scan, 0)          /* loop of the next look for targets */                  \
  SHOWN(std::int32_t, last_hurt, kNever)      /* loop of the last damage */                            \
  HIDDEN(std::int32_t, last_attacker, kNobody)                                                         \
  HIDDEN(std::int32_t, next_alarm, kNever)    /* loop from which a hit alarms it again */              \
  SHOWN(std::uint32_t, attacks, 0)            /* started so far: index of the cooldown's stream */     \
  HIDDEN(Motion, motion, Motion{})                                                                     \
  HIDDEN(Steering, steering, Steering{})                                                               \
  HIDDEN(std::uint8_t, west_to_east, 0)       /* not a unit's own: all units as sorted last by */      \
                                              /* collision.cpp, which saves time and nothing else */
// clang-format on

struct UnitColumns {
#define FOP_MEMBER(Type, name, initial) std::vector<Type> name;
  FOP_UNIT_COLUMNS(FOP_MEMBER, FOP_MEMBER)
#undef FOP_MEMBER
};

// Calls visit(name, column, value at first, std::true_type where it is shown) for each column, in order.
template <typename Columns, typename Visitor>
void for_each_column(Columns& columns, Visitor&& visit) {
#define FOP_SHOWN(Type, name, initial) visit(#name, columns.name, Type(initial), std::true_type{});
#define FOP_HIDDEN(Type, name, initial) visit(#name, columns.name, Type(initial), std::false_type{});
  FOP_UNIT_COLUMNS(FOP_SHOWN, FOP_HIDDEN)
#undef FOP_SHOWN
#undef FOP_HIDDEN
}

}  // namespace fop::skirmish
