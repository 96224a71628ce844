// The phases of one loop, each in the file of its name; step.cpp says in which order they come.
#pragma once

#include "skirmish/world.hpp"

namespace fop::skirmish {

void advance_hits(World& world);           // attack.cpp: missiles, delayed hits, beams
void regenerate(World& world);             // regeneration.cpp
void end_wind_up(World& world, int unit);  // attack.cpp: timers of one unit; fires at the damage point

void follow_order(World& world, int unit);  // orders.cpp: decides target and motion
void attack(World& world, int unit);        // attack.cpp: starts an attack
void heal(World& world, int unit);          // healing.cpp
void move(World& world, int unit);          // movement.cpp: turns motion[unit] into a wished displacement

void resolve_collisions(World& world);  // collision.cpp: bodies and walls, after everybody's wish is known

}  // namespace fop::skirmish
