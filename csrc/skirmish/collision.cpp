#include "skirmish/world.hpp"

namespace fop::skirmish {

void resolve_collisions(World&) {}

}  // namespace fop::skirmish
