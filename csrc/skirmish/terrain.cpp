#include "skirmish/terrain.hpp"

#include "skirmish/placement.hpp"

namespace fop::skirmish {

Terrain::Terrain(const Scenario &scenario) {
  for (std::size_t cell = 0; cell < cells_.size(); ++cell)
    cells_[cell] = scenario.walkable_open[cell];
  spawn_places_ =
      find_spawn_places(scenario, *this); // last: it asks for the ground
}

bool Terrain::is_ground(Point point) const {
  if (point.x < 0 || point.y < 0 || point.x >= kMapSize || point.y >= kMapSize)
    return false;
  return cells_[static_cast<std::size_t>(static_cast<int>(point.y) * kMapSize +
                                         static_cast<int>(point.x))] != 0;
}

} // namespace fop::skirmish
