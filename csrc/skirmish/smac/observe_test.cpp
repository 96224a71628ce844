// Availability of moves at the map's edges, where SMAC's truncation of coordinates shows.
#include <array>
#include <vector>

#include "fop/check.hpp"
#include "skirmish/smac/battle.hpp"

namespace {

using namespace fop::skirmish;

Scenario duel_on_open_ground() {
  Scenario scenario;
  scenario.name = "duel";
  scenario.spawn_calls = {{0, UnitType::kMarine, 1, 9, 16}, {1, UnitType::kZealot, 1, 23, 16}};
  scenario.n_allies = scenario.n_enemies = 1;
  scenario.episode_limit = 10;
  scenario.walkable.fill(true);
  scenario.walkable_open.fill(true);
  return scenario;
}

// North, south, east, west.
std::array<int, 4> moves_at(const Task& task, Battle& battle, float x, float y) {
  battle.world.x[0] = x;
  battle.world.y[0] = y;
  std::vector<std::uint8_t> row(static_cast<std::size_t>(task.n_actions));
  write_available(task, battle, row.data());
  return {row[kNorth], row[kSouth], row[kEast], row[kWest]};
}

void test_truncation_at_the_edges() {
  const Task task(duel_on_open_ground(), MapTraits{}, SmacOptions{});
  Battle battle;
  reset(task, battle, 0, 0);
  CHECK((moves_at(task, battle, 16, 16) == std::array{1, 1, 1, 1}));
  CHECK((moves_at(task, battle, 0.5f, 16) == std::array{1, 1, 1, 1}));  // int(-0.5) is column 0
  CHECK((moves_at(task, battle, 16, 0.5f) == std::array{1, 1, 1, 1}));
  CHECK((moves_at(task, battle, 31.5f, 31.5f) == std::array{0, 1, 0, 1}));  // int(32.5) is outside
  CHECK((moves_at(task, battle, 30.96875f, 16) == std::array{1, 1, 1, 1}));
  CHECK((moves_at(task, battle, 31, 0.5f) == std::array{1, 1, 0, 1}));
}

void test_ranges_are_inclusive_for_shots_and_exclusive_for_sight() {
  const Task task(duel_on_open_ground(), MapTraits{}, SmacOptions{});
  Battle battle;
  reset(task, battle, 0, 0);
  battle.world.x[1] = 20;
  battle.world.y[0] = battle.world.y[1] = 16;
  std::vector<std::uint8_t> row(static_cast<std::size_t>(task.n_actions));
  std::vector<float> obs(static_cast<std::size_t>(task.obs_dim));
  const auto look = [&](float distance) {
    battle.world.x[0] = 20 - distance;
    write_available(task, battle, row.data());
    write_obs(task, battle, row.data(), obs.data());
  };
  const float grain = 1.0f / 4096;
  look(6);
  CHECK(row[kFirstTarget] == 1);
  look(6 + grain);
  CHECK(row[kFirstTarget] == 0);
  look(9 - grain);
  CHECK_NEAR(obs[6], 1, 1e-3f);  // dx / 9
  look(9);
  CHECK(obs[5] == 0 && obs[6] == 0);
}

}  // namespace

int main() {
  test_truncation_at_the_edges();
  test_ranges_are_inclusive_for_shots_and_exclusive_for_sight();
  return fop::test::failures();
}
