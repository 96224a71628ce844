// How long one unit needs to kill another that doesn't fight back, against a plain statement of the same
// rules with numbers written by hand and random numbers of its own.
#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "fop/check.hpp"
#include "skirmish/phases/combat.hpp"
#include "skirmish/testing.hpp"

using namespace fop::skirmish;

namespace {

struct Pair {
  UnitType attacker, target;
  float gap;                             // edge to edge
  double damage;                         // per hit, with the bonus against this target
  int hits;                              // per attack
  double hit_delay;                      // loops between the hits of an attack
  double period, damage_point;           // seconds
  double flight;                         // loops from the effect to the first hit
  double hp, shield, armor, life_regen;  // of the target; regeneration per second
  int attacks;                           // by hand, for targets that don't regenerate; else 0
};

using enum UnitType;
// clang-format off
const std::vector<Pair> kPairs = {
    {kMarine,    kMarine,    3, 6, 1, 0,    0.8608, 0.05,  0, 45, 0, 0, 0, 8},
    {kMarine,    kZealot,    3, 6, 1, 0,    0.8608, 0.05,  0, 100, 50, 1, 0, 29},
    {kMarine,    kMarauder,  3, 6, 1, 0,    0.8608, 0.05,  0, 125, 0, 1, 0, 25},
    {kMarine,    kMedivac,   3, 6, 1, 0,    0.8608, 0.05,  0, 150, 0, 1, 0, 30},
    {kZealot,    kMarine,    0.05f, 8, 2, 0.28, 1.2, 0,    0, 45, 0, 0, 0, 3},
    {kZealot,    kStalker,   0.05f, 8, 2, 0.28, 1.2, 0,    0, 80, 80, 1, 0, 11},
    {kZealot,    kZealot,    0.05f, 8, 2, 0.28, 1.2, 0,    0, 100, 50, 1, 0, 11},
    {kZealot,    kColossus,  0.05f, 8, 2, 0.28, 1.2, 0,    0, 200, 150, 1, 0, 24},
    {kZealot,    kHydralisk, 0.05f, 8, 2, 0.28, 1.2, 0,    0, 80, 0, 0, 0.2734, 0},
    {kZealot,    kZergling,  0.05f, 8, 2, 0.28, 1.2, 0,    0, 35, 0, 0, 0.2734, 0},
    {kZergling,  kZealot,    0.05f, 5, 1, 0,  0.696, 0.167, 0, 100, 50, 1, 0, 35},
    {kZergling,  kZergling,  0.05f, 5, 1, 0,  0.696, 0.167, 0, 35, 0, 0, 0.2734, 0},
    {kZergling,  kColossus,  0.05f, 5, 1, 0,  0.696, 0.167, 0, 200, 150, 1, 0, 80},
    // Missiles fly from centre to centre.
    {kMarauder,  kMarine,    3, 10, 1, 0, 1.5,   0,     3.9375 / 1.25,    45, 0, 0, 0, 5},
    {kMarauder,  kMarauder,  3, 20, 1, 0, 1.5,   0,     4.125 / 1.25,     125, 0, 1, 0, 7},
    {kStalker,   kStalker,   3, 18, 1, 0, 1.87,  0.167, 4.25 / 1.171875,  80, 80, 1, 0, 10},
    {kStalker,   kZealot,    3, 13, 1, 0, 1.87,  0.167, 4.125 / 1.171875, 100, 50, 1, 0, 13},
    {kStalker,   kColossus,  3, 18, 1, 0, 1.87,  0.167, 4.625 / 1.171875, 200, 150, 1, 0, 21},
    {kStalker,   kSpineCrawler, 3, 18, 1, 0, 1.87, 0.167, 4.5 / 1.171875, 300, 0, 2, 0.2734, 0},
    {kHydralisk, kZealot,    3, 12, 1, 0, 0.825, 0.208, 4.125 / 2.5,      100, 50, 1, 0, 14},
    {kHydralisk, kZealot, 0.4f, 12, 1, 0, 0.825, 0.208, 0,                100, 50, 1, 0, 14},
    {kSpineCrawler, kStalker, 3, 30, 1, 0, 1.85, 0.3332, 4.5 / 2,         80, 80, 1, 0, 6},
    // The beams' pulses 3 and 4 (1.09 and 1.45 loops after the shot) reach a target; damage 4 loops later.
    {kColossus,  kZealot,    3, 15, 2, 0, 1.5, 0.0832, 5, 100, 50, 1, 0, 6},
    {kColossus,  kStalker,   3, 10, 2, 0, 1.5, 0.0832, 5, 80, 80, 1, 0, 9},
    {kColossus,  kZergling,  3, 15, 2, 0, 1.5, 0.0832, 5, 35, 0, 0, 0.2734, 0},
};
// clang-format on

struct Summary {
  double mean = 0, deviation = 0;
};
Summary summarise(const std::vector<double>& samples) {
  Summary s;
  for (double v : samples) s.mean += v / static_cast<double>(samples.size());
  for (double v : samples) s.deviation += (v - s.mean) * (v - s.mean) / static_cast<double>(samples.size());
  s.deviation = std::sqrt(s.deviation);
  return s;
}

double plain_time_to_kill(const Pair& pair, std::mt19937& random) {
  std::uniform_real_distribution<double> addend(-1.0, 2.0);
  double start = 0, hp = pair.hp, shield = pair.shield, last = 0;
  for (;;) {
    const double effect = std::ceil(start + pair.damage_point * 16);
    for (int hit = 0; hit < pair.hits; ++hit) {
      const double now = effect + std::ceil(hit * pair.hit_delay * 16) + std::ceil(pair.flight);
      hp = std::min(pair.hp, hp + (now - last) * pair.life_regen / 16);
      last = now;
      const double absorbed = std::min(shield, pair.damage);
      shield -= absorbed;
      if (absorbed < pair.damage) hp -= std::max(pair.damage - absorbed - pair.armor, 0.5 - absorbed);
      if (hp <= 0) return now;
    }
    start += pair.period * 16 + addend(random);
  }
}

struct Fight {
  double loops = 0;
  int attacks = 0;
};

// The attacker is an idle enemy, which fights by itself; the allied target has no orders.
Fight fight(const Pair& pair, std::uint64_t seed) {
  Scenario scenario = testing::open_field();
  const Terrain terrain(scenario);
  const float distance = pair.gap + unit_stats(pair.attacker, UnitSet::kGame).radius +
                         unit_stats(pair.target, UnitSet::kMapCopies).radius;
  World world = testing::make_world(scenario, terrain,
                                    {{pair.target, 0, 16 + distance, 16}, {pair.attacker, 1, 16, 16, 0.0f}});
  world.seed = seed;
  while (world.alive[0] && world.loop < 5000) {
    world.hp[1] = world.stats_of(1).hp;  // a Colossus fires back
    step(world);
  }
  return {static_cast<double>(world.loop - 1), static_cast<int>(world.attacks[1])};
}

}  // namespace

int main() {
  constexpr int kSeeds = 64;
  for (const Pair& pair : kPairs) {
    std::mt19937 random(1);
    std::vector<double> plain, engine;
    for (int i = 0; i < 2000; ++i) plain.push_back(plain_time_to_kill(pair, random));
    for (int i = 0; i < kSeeds; ++i) {
      const Fight result = fight(pair, static_cast<std::uint64_t>(i));
      engine.push_back(result.loops);
      if (pair.attacks > 0) CHECK(result.attacks == pair.attacks);
    }
    const Summary expected = summarise(plain), measured = summarise(engine);
    const double tolerance = 4 * expected.deviation / std::sqrt(kSeeds) + 0.2;
    if (std::abs(expected.mean - measured.mean) > tolerance) {
      std::printf("%s on %s: expected %.2f, measured %.2f\n",
                  unit_stats(pair.attacker, UnitSet::kGame).name.data(),
                  unit_stats(pair.target, UnitSet::kGame).name.data(), expected.mean, measured.mean);
    }
    CHECK_NEAR(expected.mean, measured.mean, tolerance);
  }
  return fop::test::failures();
}
