// SMAC's built-in policy: everybody attacks the nearest enemy, Medivacs heal the nearest hurt friend.
#include <algorithm>
#include <cmath>
#include <limits>

#include "skirmish/phases/orders.hpp"
#include "skirmish/smac/battle.hpp"

namespace fop::skirmish {

namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

double squared_distance(const World& world, int a, int b) {
  const double dx = double{world.x[at(b)]} - double{world.x[at(a)]};
  const double dy = double{world.y[at(b)]} - double{world.y[at(a)]};
  return dx * dx + dy * dy;
}

bool is_hurt(const World& world, int unit) { return world.hp[at(unit)] < world.stats_of(unit).hp; }

// The place of the nearest living candidate among the candidates, the first among equals; -1 if there is
// none.
template <typename Accepts>
int nearest(const World& world, int unit, const std::vector<std::int32_t>& candidates, Accepts accepts) {
  int best = -1;
  double best_distance = std::numeric_limits<double>::infinity();
  for (int k = 0; k < static_cast<int>(candidates.size()); ++k) {
    const int candidate = candidates[at(k)];
    if (!world.alive[at(candidate)] || !accepts(candidate)) continue;
    const double distance = squared_distance(world, unit, candidate);
    if (distance < best_distance) {
      best = k;
      best_distance = distance;
    }
  }
  return best;
}

int place_of(const std::vector<std::int32_t>& candidates, int unit) {
  return static_cast<int>(std::find(candidates.begin(), candidates.end(), unit) - candidates.begin());
}

}  // namespace

int heuristic_action(const Task& task, Battle& battle, int unit) {
  World& world = battle.world;
  if (!world.alive[at(unit)]) return kNoOp;
  const UnitType type = world.type[at(unit)];
  const bool heals = type == UnitType::kMedivac;
  const auto& candidates = heals == (world.player[at(unit)] == 0) ? battle.agent_unit : battle.enemy_unit;

  std::int32_t& target = battle.heuristic_target[at(unit)];
  if (target != kNobody && (!world.alive[at(target)] || (heals && !is_hurt(world, target)))) target = kNobody;
  if (target == kNobody) {
    const int chosen = nearest(world, unit, candidates, [&](int other) {
      const bool medivac = world.type[at(other)] == UnitType::kMedivac;
      if (heals) return !medivac && is_hurt(world, other);
      return !(type == UnitType::kMarauder && medivac);
    });
    if (chosen < 0) return kNoOp;
    target = candidates[at(chosen)];
  }

  const int k = place_of(candidates, target);
  if (task.options.heuristic_rest && !can_target(task, battle, unit, k)) {
    const float x = world.x[at(unit)], y = world.y[at(unit)];
    const float dx = world.x[at(target)] - x, dy = world.y[at(target)] - y;
    const float amount = static_cast<float>(task.options.move_amount);
    if (std::abs(dx) > std::abs(dy)) {
      order_move(world, unit, dx > 0 ? x + amount : x - amount, y);
      return dx > 0 ? kEast : kWest;
    }
    order_move(world, unit, x, dy > 0 ? y + amount : y - amount);
    return dy > 0 ? kNorth : kSouth;
  }
  if (heals) {
    order_heal(world, unit, target);
  } else {
    order_attack(world, unit, target);
  }
  return kFirstTarget + k;
}

}  // namespace fop::skirmish
