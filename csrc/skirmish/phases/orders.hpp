// Orders from outside; all take effect before the next loop. A dead unit takes none.
#pragma once

#include "skirmish/world.hpp"

namespace fop::skirmish {

void order_stop(World& world, int unit);
void order_move(World& world, int unit, float x, float y);
// Refused (the former order stays) when the target can't be hit.
void order_attack(World& world, int unit, int target);
// Refused when the target is no patient or the unit no healer.
void order_heal(World& world, int unit, int target);

}  // namespace fop::skirmish
