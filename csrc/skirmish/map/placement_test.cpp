// Places and cells read off recordings of StarCraft II 4.10 (first episode after the client's start).
#include "skirmish/map/placement.hpp"

#include <array>
#include <cmath>
#include <vector>

#include "fop/check.hpp"
#include "skirmish/testing.hpp"

namespace {

using namespace fop::skirmish;
using Cell = std::array<int, 2>;

constexpr int kAlly = 0, kEnemy = 1;
constexpr float kWest = 9, kEast = 23, kMiddle = 16;  // spawn points of the strip maps

Scenario field(std::vector<SpawnCall> calls) {
  Scenario scenario = testing::open_field();
  for (const SpawnCall& call : calls)
    (call.player == kAlly ? scenario.n_allies : scenario.n_enemies) += call.count;
  scenario.spawn_calls = std::move(calls);
  return scenario;
}

void wall(Scenario& scenario, int x0, int x1, int y0, int y1) {  // cells, both ends included
  for (int y = y0; y <= y1; ++y) {
    for (int x = x0; x <= x1; ++x) {
      const auto cell = static_cast<std::size_t>(y * kMapSize + x);
      scenario.walkable[cell] = scenario.walkable_open[cell] = false;
    }
  }
}

std::vector<Point> places_of(const Scenario& scenario) {
  return find_spawn_places(scenario, Terrain(scenario));
}

void check_offsets(const std::vector<Point>& places, std::size_t first, Point spawn_point,
                   const std::vector<Point>& offsets) {
  CHECK(places.size() >= first + offsets.size());
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    CHECK(places[first + i].x == spawn_point.x + offsets[i].x);
    CHECK(places[first + i].y == spawn_point.y + offsets[i].y);
  }
}

void check_cells(const std::vector<Point>& places, std::size_t first, const std::vector<Cell>& cells) {
  CHECK(places.size() >= first + cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    CHECK(static_cast<int>(places[first + i].x) == cells[i][0]);
    CHECK(static_cast<int>(places[first + i].y) == cells[i][1]);
  }
}

const std::vector<Point> kNineMarines = {
    {0, 0},        {0, -.6884765625f}, {.6884765625f, 0}, {0, .6884765625f}, {-.6884765625f, 0},
    {.75f, -.75f}, {.75f, .75f},       {-.75f, .75f},     {-.75f, -.75f}};

void test_marines_stand_in_contact_on_the_axes() {
  const auto places = places_of(
      field({{kAlly, UnitType::kMarine, 8, kWest, kMiddle}, {kEnemy, UnitType::kMarine, 9, kEast, kMiddle}}));
  const std::vector<Point> eight(kNineMarines.begin(), kNineMarines.end() - 1);
  check_offsets(places, 0, {kWest, kMiddle}, eight);
  check_offsets(places, 8, {kEast, kMiddle}, kNineMarines);
}

void test_zealots_are_pushed_off_stalkers() {  // 2s3z
  const std::vector<Point> offsets = {{0, 0},
                                      {0, -1.1884765625f},
                                      {.94140625f, -.49462890625f},
                                      {.751708984375f, .751708984375f},
                                      {-.751953125f, .751708984375f}};
  const auto places = places_of(field({{kAlly, UnitType::kStalker, 2, kWest, kMiddle},
                                       {kAlly, UnitType::kZealot, 3, kWest, kMiddle},
                                       {kEnemy, UnitType::kStalker, 2, kEast, kMiddle},
                                       {kEnemy, UnitType::kZealot, 3, kEast, kMiddle}}));
  check_offsets(places, 0, {kWest, kMiddle}, offsets);
  check_offsets(places, 5, {kEast, kMiddle}, offsets);
}

void test_marauders_squeeze_between_marines() {  // MMM2
  const auto places = places_of(field({{kAlly, UnitType::kMarine, 7, kWest, kMiddle},
                                       {kAlly, UnitType::kMarauder, 2, kWest, kMiddle},
                                       {kAlly, UnitType::kMedivac, 1, kWest, kMiddle},
                                       {kEnemy, UnitType::kMarine, 8, kEast, kMiddle},
                                       {kEnemy, UnitType::kMarauder, 3, kEast, kMiddle},
                                       {kEnemy, UnitType::kMedivac, 1, kEast, kMiddle}}));
  check_offsets(places, 7, {kWest, kMiddle},
                {{-.8310546875f, .966064453125f}, {-.830810546875f, -.966552734375f}, {0, 0}});
  check_cells(places, 10,
              {{23, 16},
               {23, 15},
               {23, 16},
               {23, 16},
               {22, 16},
               {23, 15},
               {23, 16},
               {22, 16},
               {22, 15},
               {23, 14},
               {24, 16},
               {23, 16}});
}

void test_spawn_points_need_not_be_round() {  // corridor
  const auto places = places_of(field({{kAlly, UnitType::kZealot, 6, 19.0397f, 19.1198f},
                                       {kEnemy, UnitType::kZergling, 24, 27.91f, 28.24f}}));
  check_offsets(
      places, 0, {19.039794921875f, 19.119873046875f},
      {{0, 0}, {0, -.9384765625f}, {.9384765625f, 0}, {0, .9384765625f}, {-.9384765625f, 0}, {1, -1}});
  check_cells(places, 6, {{27, 28}, {27, 27}, {28, 28}, {27, 28}, {27, 28}, {28, 27}, {28, 28}, {27, 28},
                          {27, 27}, {27, 26}, {29, 28}, {27, 29}, {26, 28}, {28, 26}, {29, 28}, {27, 29},
                          {26, 27}, {29, 27}, {28, 29}, {26, 28}, {27, 26}, {29, 26}, {29, 29}, {26, 29}});
}

// 2c_vs_64zg: a cliff three cells north of the Zerglings' point.
void test_walls_are_passed_over() {
  Scenario scenario = field({{kAlly, UnitType::kColossus, 1, kMiddle, kMiddle},
                             {kAlly, UnitType::kColossus, 1, kMiddle, kMiddle},
                             {kEnemy, UnitType::kZergling, 64, kMiddle, 9}});
  wall(scenario, 4, 27, 12, 13);
  const auto places = places_of(scenario);
  check_offsets(places, 0, {kMiddle, kMiddle}, {{0, 0}, {0, -1.9384765625f}});
  check_cells(places, 2, {{16, 9},  {16, 8}, {16, 9},  {16, 9},  {15, 9}, {16, 8}, {16, 9},  {15, 9},
                          {15, 8},  {16, 7}, {17, 9},  {16, 10}, {14, 9}, {16, 7}, {17, 9},  {15, 10},
                          {14, 8},  {17, 8}, {16, 10}, {14, 9},  {15, 7}, {17, 7}, {17, 10}, {14, 10},
                          {14, 7},  {16, 6}, {18, 9},  {16, 11}, {13, 9}, {16, 6}, {18, 9},  {15, 11},
                          {13, 8},  {18, 8}, {16, 11}, {13, 9},  {15, 6}, {17, 6}, {18, 10}, {14, 11},
                          {13, 7},  {18, 7}, {17, 11}, {13, 10}, {14, 6}, {16, 6}, {19, 9},  {13, 9},
                          {16, 6},  {19, 9}, {13, 8},  {19, 8},  {13, 9}, {15, 6}, {18, 6},  {18, 11},
                          {13, 11}, {13, 6}, {17, 6},  {19, 10}, {13, 7}, {19, 7}, {13, 10}, {14, 6}});
  // Positions known from the Colossi's first orders, before anyone moved.
  check_offsets(places, 28, {kMiddle, 9}, {{2.25f, 0}});
  check_offsets(places, 24, {kMiddle, 9}, {{1.5f, 1.5f}});
}

void test_layers_ignore_each_other() {
  const auto places = places_of(field({{kAlly, UnitType::kColossus, 1, kWest, kMiddle},
                                       {kAlly, UnitType::kStalker, 1, kWest, kMiddle},
                                       {kAlly, UnitType::kMedivac, 1, kWest, kMiddle}}));
  check_offsets(places, 0, {kWest, kMiddle}, {{0, 0}, {0, 0}, {0, 0}});
}

void test_structures_stand_on_the_grid() {  // 2s_vs_1sc
  const auto places = places_of(field({{kEnemy, UnitType::kSpineCrawler, 1, 13.92f, 20.0397f}}));
  CHECK(places[0].x == 14 && places[0].y == 20);
}

void test_nobody_overlaps_by_more_than_contact() {
  const Scenario scenario = field({{kAlly, UnitType::kStalker, 3, 5, 5},
                                   {kAlly, UnitType::kZealot, 5, 5, 5},
                                   {kAlly, UnitType::kMarauder, 7, 5, 5},
                                   {kEnemy, UnitType::kMarine, 9, 5, 5},
                                   {kEnemy, UnitType::kHydralisk, 6, 5, 5}});
  const auto places = places_of(scenario);
  std::vector<float> radii;
  for (const SpawnCall& call : scenario.spawn_calls) {
    radii.insert(radii.end(), static_cast<std::size_t>(call.count),
                 unit_stats(call.type, call.player == kAlly ? UnitSet::kMapCopies : UnitSet::kGame).radius);
  }
  CHECK(radii.size() == places.size());
  for (std::size_t a = 0; a < places.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      const float apart = std::hypot(places[a].x - places[b].x, places[a].y - places[b].y);
      CHECK(apart >= radii[a] + radii[b] - 65.0f / 1024);
    }
  }
}

}  // namespace

int main() {
  test_marines_stand_in_contact_on_the_axes();
  test_zealots_are_pushed_off_stalkers();
  test_marauders_squeeze_between_marines();
  test_spawn_points_need_not_be_round();
  test_walls_are_passed_over();
  test_layers_ignore_each_other();
  test_structures_stand_on_the_grid();
  test_nobody_overlaps_by_more_than_contact();
  return fop::test::failures();
}
