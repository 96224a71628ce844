#include "skirmish/world.hpp"

namespace fop::skirmish {

void move(World& world, int unit) {
  const auto u = static_cast<std::size_t>(unit);
  world.speed[u] = 0;
}

}  // namespace fop::skirmish
