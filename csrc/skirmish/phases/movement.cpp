// What each unit wants to do with its body in this loop: a wished displacement and a facing. The bodies meet
// each other and the walls in collision.cpp, once everybody's wish is known.
//
// Rules and evidence: docs/environments/skirmish_motion.md.
#include <algorithm>
#include <cmath>

#include "skirmish/map/terrain.hpp"
#include "skirmish/phases/combat.hpp"
#include "skirmish/phases/phases.hpp"
#include "skirmish/world.hpp"

namespace fop::skirmish {

namespace {

constexpr int kRefreshInterval = 8;  // loops after which a path is looked for anew
// ... or when the goal has moved this far, or by this share of its distance.
constexpr float kGoalDrift = 0.25f;
constexpr float kGoalDriftShare = 0.125f;
constexpr float kLateralBraking = 1.6f;  // fitted: sideways speed lost per loop, in accelerations

struct Goal {
  Point place;
  float stop_distance = 0;
  bool exists = false;
};

Goal goal_of(const World& world, const Motion& motion) {
  switch (motion.kind) {
    case Motion::Kind::kToPoint:
    case Motion::Kind::kFormation:
      return {{motion.x, motion.y}, 0, true};
    case Motion::Kind::kToUnit:
      return {{world.x[at(motion.unit)], world.y[at(motion.unit)]}, motion.stop_distance, true};
    case Motion::Kind::kHold:
    case Motion::Kind::kFace:
      break;
  }
  return {};
}

void turn_towards(World& world, int unit, float dx, float dy) {
  const auto u = at(unit);
  const float distance = std::sqrt(dx * dx + dy * dy);
  if (distance <= 0) return;
  const UnitStats& body = world.stats_of(unit);
  float& x = world.heading_x[u];
  float& y = world.heading_y[u];
  if (x * dx + y * dy >= body.cos_turn * distance) {
    x = dx / distance;
    y = dy / distance;
    return;
  }
  const float sine_of_turn = x * dy - y * dx >= 0 ? body.sin_turn : -body.sin_turn;
  const float turned_x = body.cos_turn * x - sine_of_turn * y;
  y = sine_of_turn * x + body.cos_turn * y;
  x = turned_x;
}

bool walks_on_ground(const UnitStats& body) { return body.layer != Layer::kAir && !body.crosses_cliffs; }

// The point to walk straight to: the goal, or the next corner on the way to it.
Point waypoint(World& world, int unit, Point goal, float speed) {
  Steering& steering = world.steering[at(unit)];
  const UnitStats& body = world.stats_of(unit);
  if (!walks_on_ground(body)) return goal;
  const Point here{world.x[at(unit)], world.y[at(unit)]};
  const float drift_x = goal.x - steering.goal_x, drift_y = goal.y - steering.goal_y;
  const float goal_dx = goal.x - here.x, goal_dy = goal.y - here.y;
  const float distance2 = goal_dx * goal_dx + goal_dy * goal_dy;
  const float bearable2 = std::max(kGoalDrift * kGoalDrift, kGoalDriftShare * kGoalDriftShare * distance2);
  const bool moved = drift_x * drift_x + drift_y * drift_y > bearable2;
  const bool direct = steering.waypoint_x == steering.goal_x && steering.waypoint_y == steering.goal_y;
  const float dx = steering.waypoint_x - here.x, dy = steering.waypoint_y - here.y;
  const bool at_corner = !direct && dx * dx + dy * dy <= speed * speed;
  if (moved || at_corner || world.loop >= steering.refresh_at) {
    const Point from = at_corner ? Point{steering.waypoint_x, steering.waypoint_y} : here;
    const float clearance = clearance_of(body);
    const Point next = world.terrain->next_waypoint(from, goal, clearance);
    steering.goal_x = goal.x;
    steering.goal_y = goal.y;
    steering.waypoint_x = next.x;
    steering.waypoint_y = next.y;
    steering.refresh_at = world.loop + kRefreshInterval + (unit & 7);
    return next;
  }
  return direct ? goal : Point{steering.waypoint_x, steering.waypoint_y};
}

// Units with finite acceleration keep their speed through a turn and lose what of it is sideways little by
// little; they brake so as to stop at the goal.
void fly(World& world, int unit, Point course, float distance, float rest) {
  const auto u = at(unit);
  Steering& steering = world.steering[u];
  const UnitStats& body = world.stats_of(unit);
  const float ux = course.x / distance, uy = course.y / distance;
  const float sideways = ux * steering.vy - uy * steering.vx;
  float speed = world.speed[u];
  speed = speed * speed > 2 * body.acceleration * rest ? std::max(0.0f, speed - body.acceleration)
                                                       : std::min(body.speed, speed + body.acceleration);
  const float kept =
      std::min(speed, std::max(0.0f, std::abs(sideways) - kLateralBraking * body.acceleration));
  const float drift = sideways < 0 ? -kept : kept;
  const float ahead = std::min(rest, std::sqrt(std::max(0.0f, speed * speed - drift * drift)));
  steering.vx = ux * ahead - uy * drift;
  steering.vy = uy * ahead + ux * drift;
  world.speed[u] = ahead < rest ? std::min(speed, std::sqrt(ahead * ahead + drift * drift)) : 0;
}

void come_to_rest(World& world, int unit) {
  const auto u = at(unit);
  Steering& steering = world.steering[u];
  steering.refresh_at = kNever;
  const float slower = std::max(0.0f, world.speed[u] - world.stats_of(unit).acceleration);
  if (world.stats_of(unit).acceleration <= 0 || slower <= 0) {
    steering.vx = steering.vy = world.speed[u] = 0;
    return;
  }
  steering.vx *= slower / world.speed[u];
  steering.vy *= slower / world.speed[u];
  world.speed[u] = slower;
}

}  // namespace

void move(World& world, int unit) {
  const auto u = at(unit);
  const Motion& motion = world.motion[u];
  const UnitStats& body = world.stats_of(unit);
  const Goal goal = goal_of(world, motion);
  const float here_x = world.x[u], here_y = world.y[u];
  if (!goal.exists || body.speed <= 0) {
    come_to_rest(world, unit);
    if (motion.kind == Motion::Kind::kFace) turn_towards(world, unit, motion.x - here_x, motion.y - here_y);
    return;
  }
  const float goal_dx = goal.place.x - here_x, goal_dy = goal.place.y - here_y;
  const float rest = std::sqrt(goal_dx * goal_dx + goal_dy * goal_dy) - goal.stop_distance;
  if (rest <= 0) {
    come_to_rest(world, unit);
    turn_towards(world, unit, goal_dx, goal_dy);
    return;
  }
  const Point next = waypoint(world, unit, goal.place, body.speed);
  const Point course{next.x - here_x, next.y - here_y};
  const float distance = std::sqrt(course.x * course.x + course.y * course.y);
  if (distance <= 0) {
    come_to_rest(world, unit);
    return;
  }
  Steering& steering = world.steering[u];
  if (body.acceleration > 0) {
    fly(world, unit, course, distance, rest);
  } else {
    // Who walks towards a unit takes whole loops' steps, and so stops anywhere in range.
    const float limit = motion.kind == Motion::Kind::kToUnit ? distance : std::min(rest, distance);
    const float share = std::min(body.speed, limit) / distance;
    steering.vx = share * course.x;
    steering.vy = share * course.y;
    world.speed[u] = share * distance;
  }
  turn_towards(world, unit, course.x, course.y);
}

}  // namespace fop::skirmish
