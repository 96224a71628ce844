// SMAC's built-in policy: everybody attacks the nearest enemy, Medivacs heal the nearest hurt friend.
#include <cmath>
#include <limits>

#include "skirmish/phases/orders.hpp"
#include "skirmish/smac/battle.hpp"

namespace fop::skirmish {

namespace {

double squared_distance(const World& world, int a, int b) {
  const double dx =
      double{world.x[static_cast<std::size_t>(b)]} - double{world.x[static_cast<std::size_t>(a)]};
  const double dy =
      double{world.y[static_cast<std::size_t>(b)]} - double{world.y[static_cast<std::size_t>(a)]};
  return dx * dx + dy * dy;
}

bool is_hurt(const World& world, int unit) {
  return world.hp[static_cast<std::size_t>(unit)] < world.stats_of(unit).hp;
}

// The nearest living candidate, the lowest id among equals; -1 if there is none.
template <typename Accepts>
int nearest(const World& world, int unit, const std::vector<std::int32_t>& candidates, Accepts accepts) {
  int best = -1;
  double best_distance = std::numeric_limits<double>::infinity();
  for (int id = 0; id < static_cast<int>(candidates.size()); ++id) {
    const int candidate = candidates[static_cast<std::size_t>(id)];
    if (!world.alive[static_cast<std::size_t>(candidate)] || !accepts(candidate)) continue;
    const double distance = squared_distance(world, unit, candidate);
    if (distance < best_distance) {
      best = id;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace

int heuristic_action(const Task& task, Battle& battle, int agent) {
  World& world = battle.world;
  const int unit = battle.agent_unit[static_cast<std::size_t>(agent)];
  if (!world.alive[static_cast<std::size_t>(unit)]) return kNoOp;
  const UnitType type = world.type[static_cast<std::size_t>(unit)];
  const bool heals = type == UnitType::kMedivac;
  const auto& candidates = heals ? battle.agent_unit : battle.enemy_unit;

  std::int32_t& target = battle.heuristic_target[static_cast<std::size_t>(agent)];
  if (target >= 0) {
    const int other = candidates[static_cast<std::size_t>(target)];
    if (!world.alive[static_cast<std::size_t>(other)] || (heals && !is_hurt(world, other))) target = -1;
  }
  if (target < 0) {
    target = nearest(world, unit, candidates, [&](int other) {
      const bool medivac = world.type[static_cast<std::size_t>(other)] == UnitType::kMedivac;
      if (heals) return !medivac && is_hurt(world, other);
      return !(type == UnitType::kMarauder && medivac);
    });
  }
  if (target < 0) return kNoOp;

  const int other = candidates[static_cast<std::size_t>(target)];
  const int action = kFirstTarget + target;
  if (task.options.heuristic_rest && !is_action_available(task, battle, agent, action)) {
    const float x = world.x[static_cast<std::size_t>(unit)], y = world.y[static_cast<std::size_t>(unit)];
    const float dx = world.x[static_cast<std::size_t>(other)] - x,
                dy = world.y[static_cast<std::size_t>(other)] - y;
    const float amount = static_cast<float>(task.options.move_amount);
    if (std::abs(dx) > std::abs(dy)) {
      order_move(world, unit, dx > 0 ? x + amount : x - amount, y);
      return dx > 0 ? kEast : kWest;
    }
    order_move(world, unit, x, dy > 0 ? y + amount : y - amount);
    return dy > 0 ? kNorth : kSouth;
  }
  if (heals) {
    order_heal(world, unit, other);
  } else {
    order_attack(world, unit, other);
  }
  return action;
}

}  // namespace fop::skirmish
