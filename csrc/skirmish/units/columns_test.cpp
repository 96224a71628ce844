// The list of columns: names, sizes, values at first.
#include "skirmish/units/columns.hpp"

#include <set>
#include <string>

#include "fop/check.hpp"
#include "skirmish/world.hpp"

namespace {

using namespace fop::skirmish;

template <typename T>
bool same(const T& a, const T& b) {
  return a == b;
}
bool same(const Motion& a, const Motion& b) { return a.kind == b.kind && a.unit == b.unit; }
bool same(const Steering& a, const Steering& b) {
  return a.refresh_at == b.refresh_at && a.progress == b.progress;
}

void every_column_is_visited_once_and_resized() {
  World world;
  resize(world, 3);
  world.hp[1] = 7;
  resize(world, 5);
  std::set<std::string> names;
  for_each_column(world, [&](const char* name, auto& column, auto initial, auto) {
    CHECK(names.insert(name).second);
    CHECK(column.size() == 5);
    if (std::string(name) == "west_to_east") return;  // a permutation
    for (const auto& value : column) CHECK(same(value, initial));
  });
  CHECK(world.west_to_east[4] == 4);
  CHECK(world.alive[0] == 1 && world.killer[0] == kNobody && world.last_hurt[0] == kNever);
}

void what_units_shows_stays_in_its_order() {
  UnitColumns none;
  std::string shown;
  for_each_column(none, [&](const char* name, auto&, auto, auto is_shown) {
    if constexpr (is_shown) shown += std::string(name) + " ";
  });
  CHECK(shown ==
        "player type alive x y speed hp shield energy cooldown order order_target order_x order_y target "
        "attack_phase killer last_hurt attacks ");
}

}  // namespace

int main() {
  every_column_is_visited_once_and_resized();
  what_units_shows_stays_in_its_order();
  return fop::test::failures();
}
