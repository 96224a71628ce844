// What the collision phase can hold.
#pragma once

namespace fop::skirmish {

// A walker minds at most so many bodies in one loop, the first that are found from west to east. In crowds
// more of them come within its reach; World::overlooked_bodies counts those.
inline constexpr int kMaxObstacles = 12;

}  // namespace fop::skirmish
