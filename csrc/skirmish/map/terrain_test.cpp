// Walls, clearances and shortest paths, against a brute-force search on a fine grid.
#include "skirmish/map/terrain.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <queue>
#include <string_view>
#include <utility>
#include <vector>

#include "fop/check.hpp"
#include "skirmish/testing.hpp"

namespace {

using namespace fop::skirmish;

constexpr float kSmall = 0.3125f;  // clearance of a Marine, a Zealot, a Zergling

void close_cells(Scenario& scenario, int x0, int x1, int y0, int y1) {  // both ends included
  for (int y = y0; y <= y1; ++y) {
    for (int x = x0; x <= x1; ++x) {
      const auto cell = static_cast<std::size_t>(y * kMapSize + x);
      scenario.walkable[cell] = scenario.walkable_open[cell] = false;
    }
  }
}

// The two rooms of `corridor` and the diagonal choke between them, as far as it matters here: rows 5 to 18.
Scenario choke() {
  Scenario scenario;
  const std::string_view rows[] = {"00111111111120000000000000000000", "00111111111120000000000000000000",
                                   "00111111111120000000000000000000", "00111111111120000000000000000000",
                                   "00111111111120000000000000000000", "00111111111122000000000000000000",
                                   "00111111111122200000000000000000", "00222222222211220000000000000000",
                                   "00000000002211222222222222200000", "00000000000222111111111111220000",
                                   "00000000000022111111111111222000", "00000000000022111111111111112200",
                                   "00000000000222111111111111112200", "00000000000211111111111111111100"};
  for (int y = 5; y <= 18; ++y) {
    for (int x = 0; x < kMapSize; ++x) {
      const char kind = rows[y - 5][static_cast<std::size_t>(x)];
      const auto cell = static_cast<std::size_t>(y * kMapSize + x);
      scenario.walkable[cell] = kind == '1';
      scenario.walkable_open[cell] = kind != '0';
    }
  }
  return scenario;
}

// Dijkstra on a grid of 1/8 with steps to all places up to 4 grid steps away.
float brute_force(const Terrain& terrain, Point from, Point to, float clearance) {
  constexpr int kFine = 8, kSide = kMapSize * kFine;
  const auto place = [](int i) {
    return Point{static_cast<float>(i % kSide) / kFine, static_cast<float>(i / kSide) / kFine};
  };
  const auto index = [](Point p) {
    return static_cast<int>(std::lround(p.y * kFine)) * kSide + static_cast<int>(std::lround(p.x * kFine));
  };
  std::vector<float> distance(kSide * kSide, std::numeric_limits<float>::infinity());
  using Entry = std::pair<float, int>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> open;
  distance[static_cast<std::size_t>(index(from))] = 0;
  open.push({0, index(from)});
  while (!open.empty()) {
    const auto [d, i] = open.top();
    open.pop();
    if (i == index(to)) return d;
    if (d > distance[static_cast<std::size_t>(i)]) continue;
    for (int dy = -4; dy <= 4; ++dy) {
      for (int dx = -4; dx <= 4; ++dx) {
        const int x = i % kSide + dx, y = i / kSide + dy;
        if (x < 0 || y < 0 || x >= kSide || y >= kSide) continue;
        const int j = y * kSide + x;
        const float whole = d + std::sqrt(static_cast<float>(dx * dx + dy * dy)) / kFine;
        if (whole >= distance[static_cast<std::size_t>(j)]) continue;
        if (!terrain.is_clear(place(j), clearance) || !terrain.is_line_clear(place(i), place(j), clearance))
          continue;
        distance[static_cast<std::size_t>(j)] = whole;
        open.push({whole, j});
      }
    }
  }
  return std::numeric_limits<float>::infinity();
}

// Length of the path that follows the waypoints one after the other.
float walked(const Terrain& terrain, Point from, Point to, float clearance) {
  float sum = 0;
  for (int corner = 0; corner < 50; ++corner) {
    const Point next = terrain.next_waypoint(from, to, clearance);
    CHECK(terrain.is_line_clear(from, next, clearance));
    sum += std::hypot(next.x - from.x, next.y - from.y);
    if (next.x == to.x && next.y == to.y) return sum;
    from = next;
  }
  return std::numeric_limits<float>::infinity();
}

void check_path(const Terrain& terrain, Point from, Point to, float clearance) {
  const float exact = terrain.path_length(from, to, clearance);
  const float straight = std::hypot(to.x - from.x, to.y - from.y);
  const float fine = brute_force(terrain, from, to, clearance);
  CHECK(exact >= straight - 1e-4f);
  CHECK(exact <= fine + 0.02f);   // the grid can't do better but for the rounding of its corners
  CHECK(exact >= fine * 0.985f);  // nor much worse: its directions are at most 7 degrees apart
  CHECK_NEAR(walked(terrain, from, to, clearance), exact, 0.01f);
}

void bodies_rest_where_the_recordings_show() {
  Scenario scenario = testing::open_field();
  close_cells(scenario, 0, 31, 0, 6);
  const Terrain terrain(scenario);
  const auto clearance = [](UnitType type) { return clearance_of(unit_stats(type, UnitSet::kMapCopies)); };
  CHECK(terrain.pushed_out({16, 7.1f}, clearance(UnitType::kZealot)).y == 7.3125f);
  CHECK(terrain.pushed_out({16, 7.1f}, clearance(UnitType::kStalker)).y == 7.4375f);
  CHECK(terrain.pushed_out({29.9f, 16}, clearance(UnitType::kZergling)).x == 29.6875f);
  CHECK(clearance(UnitType::kColossus) == 0.5f);
  const Point corner = terrain.pushed_out({29.9f, 7.05f}, kSmall);
  CHECK_NEAR(corner.x, 29.6875f, 1e-4f);
  CHECK_NEAR(corner.y, 7.3125f, 1e-4f);
}

// The east end of the cliff of 2c_vs_64zg, where Zerglings pass its low corner along the diagonal.
void the_low_corner_of_a_cliffs_end_is_cut_off() {
  Scenario scenario = testing::open_field();
  close_cells(scenario, 4, 27, 12, 12);
  for (int x = 4; x <= 27; ++x) scenario.walkable[static_cast<std::size_t>(13 * kMapSize + x)] = false;
  const Terrain terrain(scenario);
  CHECK(terrain.is_ground({27.9f, 12.1f}) && !terrain.is_ground({27.1f, 12.9f}));
  CHECK(terrain.is_ground({4.1f, 12.1f}) && !terrain.is_ground({4.9f, 12.9f}));
  for (const Point seen : {Point{27.4878f, 12.0449f}, {27.8267f, 12.3796f}, {28.1667f, 12.7222f}}) {
    const Point stopped = terrain.pushed_out({seen.x - 0.1f, seen.y + 0.1f}, kSmall);
    CHECK_NEAR(stopped.x - stopped.y, seen.x - seen.y, 0.006f);
  }
  check_path(terrain, {20, 11}, {24, 14}, kSmall);
}

void a_wall_is_gone_round_by_the_shortest_path() {
  Scenario scenario = testing::open_field();
  close_cells(scenario, 14, 17, 2, 20);
  const Terrain terrain(scenario);
  check_path(terrain, {10, 16}, {22, 16}, kSmall);
  check_path(terrain, {10, 16}, {22, 16}, 0.4375f);
  check_path(terrain, {13, 10}, {16, 22}, kSmall);
  CHECK(terrain.path_length({10, 22}, {22, 22}, kSmall) == 12);
}

void the_choke_lets_bodies_of_both_sizes_through() {
  const Terrain terrain(choke());
  check_path(terrain, {18, 16}, {5, 8}, kSmall);
  check_path(terrain, {24, 15}, {5, 12}, 0.4375f);
  check_path(terrain, {12, 17.5f}, {12, 6}, kSmall);
  CHECK(!terrain.is_ground({13.6f, 10.3f}) &&
        terrain.is_ground({13.4f, 10.6f}));  // the cliff runs diagonally
}

void a_goal_in_a_wall_stands_for_the_nearest_ground() {
  Scenario scenario = testing::open_field();
  close_cells(scenario, 14, 17, 2, 20);
  const Terrain terrain(scenario);
  const Point goal = terrain.nearest_clear({15, 10}, kSmall);
  CHECK_NEAR(goal.x, 14 - kSmall, 1e-4f);
  CHECK(goal.y == 10);
  CHECK_NEAR(terrain.path_length({10, 10}, {15, 10}, kSmall), 4 - kSmall, 1e-3f);
}

void ground_that_cannot_be_reached_does_not_count() {
  Scenario scenario = testing::open_field();
  close_cells(scenario, 14, 17, 0, 31);
  scenario.spawn_calls.push_back({0, UnitType::kMarine, 1, 9, 16});
  scenario.n_allies = 1;
  const Terrain terrain(scenario);
  CHECK(terrain.is_ground({9, 16}) && !terrain.is_ground({22, 16}));
}

}  // namespace

int main() {
  bodies_rest_where_the_recordings_show();
  the_low_corner_of_a_cliffs_end_is_cut_off();
  a_wall_is_gone_round_by_the_shortest_path();
  the_choke_lets_bodies_of_both_sizes_through();
  a_goal_in_a_wall_stands_for_the_nearest_ground();
  ground_that_cannot_be_reached_does_not_count();
  return fop::test::failures();
}
