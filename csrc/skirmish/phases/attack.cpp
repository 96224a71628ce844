// An attack: facing the target within range -> wind-up (damage point) -> effect -> backswing. The period
// counts from start to start.
#include <algorithm>
#include <cmath>

#include "fop/angles.hpp"
#include "skirmish/phases/combat.hpp"
#include "skirmish/phases/phases.hpp"

namespace fop::skirmish {

namespace {

// Weapons' RandomDelayMin and RandomDelayMax: -0.0625 s and 0.125 s.
constexpr float kLeastDelay = -1.0f, kDelaySpan = 3.0f;

// Beams of the Colossus: each sweep runs along a line across the shot, in 11 pulses from end to end.
constexpr float kBeamHalfLength = 1.25f;
constexpr int kBeamPulses = 11;
constexpr float kPulseInterval = 0.0227f * 16.0f;
constexpr float kPulseRadius = 0.15f;        // reaches units by their edge
constexpr float kBeamDelay = 0.25f * 16.0f;  // from the pulse to its damage

bool faces(const World& world, int unit, int target) {
  const Weapon& weapon = world.stats_of(unit).weapon;
  if (weapon.cos_arc <= -1) return true;
  const auto u = at(unit);
  const float dx = world.x[at(target)] - world.x[u], dy = world.y[at(target)] - world.y[u];
  const float along = world.heading_x[u] * dx + world.heading_y[u] * dy;
  return along >= weapon.cos_arc * std::sqrt(dx * dx + dy * dy);
}

float period_addend(const World& world, int unit) {
  if (!world.options.cooldown_noise) return 0;
  const Draws draws{world.seed, Purpose::kEngineCooldown, world.episode, static_cast<std::uint32_t>(unit)};
  return kLeastDelay + kDelaySpan * draws.uniform(world.attacks[at(unit)]);
}

PendingHit& delay_hit(World& world, int unit, int target, float loops) {
  PendingHit hit;
  hit.kind = PendingHit::Kind::kDelayed;
  hit.source = unit;
  hit.target = target;
  hit.timer = loops;
  return world.pending_hits.emplace_back(hit);
}

void strike(World& world, int unit, int target) {
  const Weapon& weapon = world.stats_of(unit).weapon;
  for (int hit = 1; hit < weapon.hits; ++hit) {
    delay_hit(world, unit, target, static_cast<float>(hit) * weapon.hit_interval).needs_source = true;
  }
  deal_damage(world, unit, target, weapon.damage);
}

void launch_missile(World& world, int unit, int target) {
  PendingHit missile;
  missile.kind = PendingHit::Kind::kMissile;
  missile.source = unit;
  missile.target = target;
  missile.x = world.x[at(unit)];
  missile.y = world.y[at(unit)];
  world.pending_hits.push_back(missile);
}

void pulse(World& world, Beam& beam) {
  const float along = kBeamHalfLength * (2.0f * static_cast<float>(beam.pulses) / (kBeamPulses - 1) - 1.0f);
  const float x = beam.x + along * beam.dx, y = beam.y + along * beam.dy;
  for (int unit = 0; unit < world.n_units(); ++unit) {
    const auto u = at(unit);
    if (!is_target(world, beam.source, unit) || beam.already_hit[u]) continue;
    const float dx = world.x[u] - x, dy = world.y[u] - y;
    const float reach = kPulseRadius + world.stats_of(unit).radius;
    if (dx * dx + dy * dy > reach * reach) continue;
    beam.already_hit.set(u);
    delay_hit(world, beam.source, unit, kBeamDelay);
  }
  ++beam.pulses;
}

// The pulses of one loop.
void advance_beam(World& world, Beam& beam) {
  for (; beam.timer < 1 && beam.pulses < kBeamPulses; beam.timer += kPulseInterval) pulse(world, beam);
  beam.timer -= 1;
}

// Two sweeps start together from opposite ends of a line through the place where the target is now.
void sweep_beams(World& world, int unit, int target) {
  const float dx = world.x[at(target)] - world.x[at(unit)], dy = world.y[at(target)] - world.y[at(unit)];
  const float distance = std::sqrt(dx * dx + dy * dy);
  const float along_x = distance > 0 ? -dy / distance : 0.0f, along_y = distance > 0 ? dx / distance : 1.0f;
  for (const float side : {1.0f, -1.0f}) {
    Beam beam;
    beam.source = unit;
    beam.x = world.x[at(target)];
    beam.y = world.y[at(target)];
    beam.dx = side * along_x;
    beam.dy = side * along_y;
    beam.timer = kPulseInterval;
    advance_beam(world, world.beams.emplace_back(beam));
  }
}

void fire(World& world, int unit, int target) {
  const auto u = at(unit);
  const Weapon& weapon = world.stats_of(unit).weapon;
  const float elapsed = weapon.damage_point - world.phase_timer[u];
  world.cooldown[u] = weapon.period + period_addend(world, unit) - elapsed;
  ++world.attacks[u];
  world.attack_phase[u] = weapon.backswing > 0 ? AttackPhase::kBackswing : AttackPhase::kReady;
  world.phase_timer[u] = weapon.backswing;
  switch (weapon.delivery) {
    case Delivery::kNone:
      break;
    case Delivery::kInstant:
      strike(world, unit, target);
      break;
    case Delivery::kMissile:
      if (is_within_range(world, unit, target, weapon.melee_range)) {
        strike(world, unit, target);
      } else {
        launch_missile(world, unit, target);
      }
      break;
    case Delivery::kBeamSweep:
      sweep_beams(world, unit, target);
      break;
    case Delivery::kBurst:
      die(world, unit, unit);
      break;
  }
}

void fire_if_in_reach(World& world, int unit) {
  const auto u = at(unit);
  const int target = world.target[u];
  const Weapon& weapon = world.stats_of(unit).weapon;
  if (is_target(world, unit, target) &&
      is_within_range(world, unit, target, weapon.range + weapon.range_slop)) {
    fire(world, unit, target);
  } else {
    world.attack_phase[u] = AttackPhase::kReady;
  }
}

// A missile homes in on its target; one whose target is dead is lost.
void advance_missile(World& world, PendingHit& missile) {
  const auto t = at(missile.target);
  if (!world.alive[t]) {
    missile.target = kNobody;
    return;
  }
  const Weapon& weapon = world.stats_of(missile.source).weapon;
  const float dx = world.x[t] - missile.x, dy = world.y[t] - missile.y;
  const float distance = std::sqrt(dx * dx + dy * dy);
  if (distance > weapon.missile_speed) {
    missile.x += dx / distance * weapon.missile_speed;
    missile.y += dy / distance * weapon.missile_speed;
    return;
  }
  const int target = missile.target;
  missile.target = kNobody;
  deal_damage(world, missile.source, target, weapon.damage);
}

void advance_delayed(World& world, PendingHit& hit) {
  hit.timer -= 1;
  if (hit.timer > 0) return;
  const int target = hit.target;
  hit.target = kNobody;
  deal_damage(world, hit.source, target, world.stats_of(hit.source).weapon.damage);
}

}  // namespace

// All wind-ups that end in this loop end before anybody decides anew: recorded enemies answer a shot in the
// loop after the order to shoot.
void end_wind_up(World& world, int unit) {
  const auto u = at(unit);
  // The share of a loop by which it was ready early is kept for an attack that starts in this very loop.
  world.cooldown[u] = world.cooldown[u] > 0 ? world.cooldown[u] - 1 : 0.0f;
  if (world.attack_phase[u] == AttackPhase::kReady) return;
  world.phase_timer[u] -= 1;
  if (world.phase_timer[u] > 0) return;
  if (world.attack_phase[u] == AttackPhase::kBackswing) {
    world.attack_phase[u] = AttackPhase::kReady;
  } else {
    fire_if_in_reach(world, unit);
  }
}

void abandon_attack(World& world, int unit) {
  world.attack_phase[at(unit)] = AttackPhase::kReady;
  world.phase_timer[at(unit)] = 0;
  for (PendingHit& hit : world.pending_hits) {
    if (hit.needs_source && hit.source == unit) hit.target = kNobody;  // removed by advance_hits
  }
}

void attack(World& world, int unit) {
  const auto u = at(unit);
  const int target = world.target[u];
  const Weapon& weapon = world.stats_of(unit).weapon;
  if (target == kNobody || weapon.delivery == Delivery::kNone) return;
  if (world.attack_phase[u] == AttackPhase::kWindUp || world.cooldown[u] > 0 ||
      !is_within_range(world, unit, target, weapon.range) || !faces(world, unit, target)) {
    return;
  }
  world.attack_phase[u] = AttackPhase::kWindUp;
  world.phase_timer[u] = weapon.damage_point + world.cooldown[u];
  if (world.phase_timer[u] <= 0) fire_if_in_reach(world, unit);
}

void advance_hits(World& world) {
  for (PendingHit& hit : world.pending_hits) {
    if (hit.target == kNobody) continue;
    if (hit.kind == PendingHit::Kind::kMissile) {
      advance_missile(world, hit);
    } else {
      advance_delayed(world, hit);
    }
  }
  std::erase_if(world.pending_hits, [](const PendingHit& hit) { return hit.target == kNobody; });
  for (Beam& beam : world.beams) advance_beam(world, beam);
  std::erase_if(world.beams, [](const Beam& beam) { return beam.pulses == kBeamPulses; });
}

}  // namespace fop::skirmish
