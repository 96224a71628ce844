// Walls, the shortest ways round them, and the places where units appear. Made
// once per scenario, never changed, shared by worlds and threads.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "skirmish/scenario.hpp"

namespace fop::skirmish {

struct Point {
  float x = 0, y = 0;
};

class Terrain {
public:
  explicit Terrain(const Scenario &scenario);

  // Can the centre of a ground unit of any size be here, walls alone
  // considered?
  bool is_ground(Point point) const;

  // Where each unit of the scenario appears (placement.hpp).
  const std::vector<Point> &spawn_places() const { return spawn_places_; }

private:
  std::array<std::uint8_t, kMapSize * kMapSize> cells_{};
  std::vector<Point> spawn_places_;
};

} // namespace fop::skirmish
