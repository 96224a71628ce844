#include "skirmish/world.hpp"

namespace fop::skirmish {

void resize(World& world, int n_units) {
  const auto n = static_cast<std::size_t>(n_units);
  world.type.assign(n, UnitType::kMarine);
  world.player.assign(n, 0);
  world.alive.assign(n, 1);
  for (auto* column : {&world.x, &world.y, &world.facing, &world.speed, &world.hp, &world.shield, &world.energy,
                       &world.order_x, &world.order_y, &world.formation_dx, &world.formation_dy,
                       &world.phase_timer, &world.cooldown}) {
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
  world.pending_hits.clear();
  world.beams.clear();
}

}  // namespace fop::skirmish
