// Bodies meet: units go round those who stand, push idle friends aside, part from those who walk, and stay on
// the ground. Works on everybody's wished displacement at once, so that no one's turn comes first.
//
// Rules and evidence: docs/environments/skirmish_motion.md.
#include "skirmish/phases/collision.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "skirmish/map/terrain.hpp"
#include "skirmish/phases/combat.hpp"
#include "skirmish/phases/phases.hpp"
#include "skirmish/world.hpp"

namespace fop::skirmish {

namespace {

constexpr float kSlack = 63.0f / 1024;  // by how much two bodies may overlap
constexpr float kForesight = 1;   // loops: a walker turns aside when its next step would touch who stands
constexpr float kReach = 0.75f;   // at most this far beyond contact is looked ahead
constexpr float kCloseIn = 0.1f;  // closing in slower than this share of the speed is no obstacle
constexpr float kGrain = 4096;    // positions are multiples of 1/4096
constexpr int kMaxPairs = kMaxUnits * (kMaxUnits - 1) / 2;  // everybody near everybody
constexpr float kHeadway = 0.3f;  // a walker who makes less of its way is gone round like who stands [F]

enum class Stance : std::uint8_t {
  kIdle,    // gives way to friends
  kStands,  // fights where it is: immovable
  kWalks,
};

struct Body {
  float x, y, vx, vy;
  float radius, core;  // to friends and to opponents
  float speed;
  float progress;  // share of the last loop's wish that came true
  int unit;
  Stance stance;
  bool above;  // Colossi and flyers share a layer above the ground's
  std::uint8_t player;
  bool blocked;
};

struct Pair {
  std::uint8_t a, b;
};

struct Bodies {
  std::array<Body, kMaxUnits> all;
  int count, on_ground, walkers;
  std::array<Pair, kMaxPairs> pairs;  // who is near whom
  int pair_count;
  int overlooked;                                                            // obstacles beyond kMaxObstacles
  std::array<std::array<std::uint8_t, kMaxObstacles>, kMaxUnits> obstacles;  // of each body
  std::array<std::uint8_t, kMaxUnits> obstacle_count;
};

constexpr float kGraze = 1e-3f;  // what rounding may cut off an obstacle

float contact(const Body& a, const Body& b) {
  const bool friends = a.player == b.player;
  return (friends ? a.radius + b.radius : a.core + b.core) - kSlack;
}

Stance stance_of(const World& world, int unit) {
  const Steering& steering = world.steering[at(unit)];
  if (steering.vx != 0 || steering.vy != 0) return Stance::kWalks;
  if (world.stats_of(unit).speed <= 0) return Stance::kStands;
  return world.motion[at(unit)].kind == Motion::Kind::kHold ? Stance::kIdle : Stance::kStands;
}

// Those on the ground first, each layer from west to east, equals by unit.
bool is_before(const Body& a, const Body& b) {
  if (a.above != b.above) return b.above;
  return a.x != b.x ? a.x < b.x : a.unit < b.unit;
}

// All living bodies in order. Sorting begins with the order of the loop before, so that few change places.
void gather(World& world, Bodies& bodies) {
  bodies.count = bodies.on_ground = bodies.walkers = 0;
  bool sorted = true;
  for (const std::uint8_t unit : world.west_to_east) {
    if (!world.alive[unit]) continue;
    const UnitStats& stats = world.stats_of(unit);
    const Steering& steering = world.steering[unit];
    const bool above = stats.layer != Layer::kGround;
    const Stance stance = stance_of(world, unit);
    bodies.all[at(bodies.count)] = {world.x[unit],
                                    world.y[unit],
                                    steering.vx,
                                    steering.vy,
                                    stats.radius,
                                    stats.separation_radius,
                                    world.speed[unit],
                                    steering.progress,
                                    unit,
                                    stance,
                                    above,
                                    world.player[unit],
                                    false};
    sorted = sorted &&
             (bodies.count == 0 || is_before(bodies.all[at(bodies.count - 1)], bodies.all[at(bodies.count)]));
    ++bodies.count;
    bodies.on_ground += !above;
    bodies.walkers += stance == Stance::kWalks;
  }
  if (sorted) return;
  for (int i = 1; i < bodies.count; ++i) {
    if (is_before(bodies.all[at(i - 1)], bodies.all[at(i)])) continue;
    const Body body = bodies.all[at(i)];
    int place = i;
    for (; place > 0 && is_before(body, bodies.all[at(place - 1)]); --place) {
      bodies.all[at(place)] = bodies.all[at(place - 1)];
    }
    bodies.all[at(place)] = body;
  }
  auto next = world.west_to_east.begin();
  for (int i = 0; i < bodies.count; ++i) *next++ = static_cast<std::uint8_t>(bodies.all[at(i)].unit);
  for (int unit = 0; unit < world.n_units(); ++unit) {
    if (!world.alive[at(unit)]) *next++ = static_cast<std::uint8_t>(unit);
  }
}

// Is `other` something to go round for the walking `body`? Idle friends are pushed; walkers part as they
// touch, except slower ones and those who make no headway on the same way, who are overtaken.
bool is_obstacle(const Body& body, const Body& other) {
  switch (other.stance) {
    case Stance::kStands:
      return true;
    case Stance::kIdle:
      return other.player != body.player;
    case Stance::kWalks:
      if (body.progress < kHeadway && other.progress < kHeadway) return true;
      return (other.speed < 0.9f * body.speed || other.progress < kHeadway) &&
             body.vx * other.vx + body.vy * other.vy > 0;
  }
  return false;
}

// Loops until a body that moves by (vx, vy) per loop touches the other, which goes on as it really did in the
// last loop; beyond kForesight: never.
float time_to_contact(const Body& body, const Body& other, float vx, float vy) {
  const float dx = other.x - body.x, dy = other.y - body.y;
  const float rx = vx - other.progress * other.vx, ry = vy - other.progress * other.vy;
  const float closing = dx * rx + dy * ry;
  if (closing <= 0) return kForesight;
  const float square = dx * dx + dy * dy;
  if (closing * closing < kCloseIn * kCloseIn * square * body.speed * body.speed) return kForesight;
  const float speed2 = rx * rx + ry * ry, side = dx * ry - dy * rx;
  const float reach = contact(body, other);
  const float inside = reach * reach * speed2 - side * side;
  if (inside <= 0) return kForesight;
  return std::max(0.0f, (closing - std::sqrt(inside)) / speed2);
}

// Notes `other` if the walking body has to mind it.
inline void note_obstacle(Bodies& bodies, int body, int other) {
  Body& walker = bodies.all[at(body)];
  if (!is_obstacle(walker, bodies.all[at(other)])) return;
  std::uint8_t& count = bodies.obstacle_count[at(body)];
  if (count == kMaxObstacles) {
    ++bodies.overlooked;
    return;
  }
  bodies.obstacles[at(body)][count++] = static_cast<std::uint8_t>(other);
  walker.blocked =
      walker.blocked || time_to_contact(walker, bodies.all[at(other)], walker.vx, walker.vy) < kForesight;
}

// Pairs among `all[first]` to `all[last - 1]`, the bodies of one layer, of whom one walks at least.
void find_pairs(Bodies& bodies, int first, int last) {
  std::array<float, kMaxUnits> x, y, radius;  // side by side, for the innermost loop
  std::array<std::uint32_t, kMaxUnits> walks, near;
  float largest = 0;
  for (int i = first; i < last; ++i) {
    const Body& body = bodies.all[at(i)];
    x[at(i)] = body.x;
    y[at(i)] = body.y;
    radius[at(i)] = body.radius;
    walks[at(i)] = body.stance == Stance::kWalks;
    largest = std::max(largest, body.radius);
  }
  const float window = 2 * largest + kReach;
  for (int i = first, end = first; i < last; ++i) {
    const float here_x = x[at(i)], here_y = y[at(i)], reach = radius[at(i)] + kReach;
    const std::uint32_t walks_itself = walks[at(i)];
    while (end < last && x[at(end)] - here_x <= window) ++end;
    for (int j = i + 1; j < end; ++j) {
      const float dx = x[at(j)] - here_x, dy = y[at(j)] - here_y, limit = reach + radius[at(j)];
      near[at(j)] = (dx * dx + dy * dy <= limit * limit) & (walks_itself | walks[at(j)]);
    }
    for (int j = i + 1; j < end; ++j) {
      if (!near[at(j)]) continue;
      bodies.pairs[at(bodies.pair_count++)] = {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(j)};
      if (walks_itself) note_obstacle(bodies, i, j);
      if (walks[at(j)]) note_obstacle(bodies, j, i);
    }
  }
}

void find_pairs(Bodies& bodies) {
  bodies.pair_count = bodies.overlooked = 0;
  std::fill_n(bodies.obstacle_count.begin(), bodies.count, std::uint8_t{0});
  if (bodies.walkers == 0) return;
  find_pairs(bodies, 0, bodies.on_ground);
  find_pairs(bodies, bodies.on_ground, bodies.count);
}

// How long the body can go on like this; stops counting at `enough`.
float free_time(const Bodies& bodies, int i, float vx, float vy, float enough) {
  float least = kForesight;
  for (int k = 0; k < bodies.obstacle_count[at(i)] && least > enough; ++k) {
    const Body& other = bodies.all[bodies.obstacles[at(i)][at(k)]];
    least = std::min(least, time_to_contact(bodies.all[at(i)], other, vx, vy));
  }
  return least;
}

// The directions that an obstacle closes to a body: within an angle about the way to the obstacle's centre.
struct Cone {
  float x, y;          // unit vector towards the obstacle
  float cosine, sine;  // of half the angle
};

int cones_of(const Bodies& bodies, int i, int prey, std::array<Cone, kMaxObstacles>& cones) {
  const Body& body = bodies.all[at(i)];
  int count = 0;
  for (int k = 0; k < bodies.obstacle_count[at(i)]; ++k) {
    const Body& other = bodies.all[bodies.obstacles[at(i)][at(k)]];
    if (other.unit == prey) continue;
    const float dx = other.x - body.x, dy = other.y - body.y;
    const float distance = std::max(std::sqrt(dx * dx + dy * dy), 1e-6f);
    const float sine = std::min(1.0f, contact(body, other) / distance);
    cones[at(count++)] = {dx / distance, dy / distance, std::sqrt(1 - sine * sine), sine};
  }
  return count;
}

// Turns aside by as little as it takes to pass everybody in the way, along the edge of what they close
// together, on the side once chosen if that can be; where no way is open, goes straight on as far as it can.
void go_round(World& world, Bodies& bodies, int i) {
  Body& body = bodies.all[at(i)];
  Steering& steering = world.steering[at(body.unit)];
  std::array<Cone, kMaxObstacles> cones;
  const Motion& motion = world.motion[at(body.unit)];
  const int prey = motion.kind == Motion::Kind::kToUnit ? motion.unit : kNobody;
  const int count = cones_of(bodies, i, prey, cones);
  const float speed = std::sqrt(body.vx * body.vx + body.vy * body.vy);
  const float ux = body.vx / speed, uy = body.vy / speed;
  float best_x = ux, best_y = uy, best_ahead = -2;
  int best_side = 0;
  for (int k = 0; k < count; ++k) {
    const Cone& cone = cones[at(k)];
    for (const int side : {-1, 1}) {
      const float sine = static_cast<float>(side) * cone.sine;
      const float x = cone.cosine * cone.x - sine * cone.y, y = sine * cone.x + cone.cosine * cone.y;
      const float ahead = x * ux + y * uy;
      const int turn = ux * y - uy * x >= 0 ? 1 : -1;
      const bool on_side = steering.detour == 0 || turn == steering.detour;
      const bool best_on_side = steering.detour == 0 || best_side == steering.detour;
      if ((best_side != 0 && (best_on_side > on_side || (best_on_side == on_side && ahead <= best_ahead))))
        continue;
      bool open = true;
      for (int j = 0; j < count && open; ++j) {
        open = x * cones[at(j)].x + y * cones[at(j)].y <= cones[at(j)].cosine + kGraze;
      }
      if (!open) continue;
      best_x = x;
      best_y = y;
      best_ahead = ahead;
      best_side = turn;
    }
  }
  const float share = std::min(1.0f, free_time(bodies, i, speed * best_x, speed * best_y, 0));
  steering.detour = static_cast<std::int8_t>(best_side);
  body.vx = share * speed * best_x;
  body.vy = share * speed * best_y;
}

// How much of a pair's overlap each of the two gives way by.
std::array<float, 2> shares(const Body& a, const Body& b) {
  if (a.stance == Stance::kWalks && b.stance == Stance::kWalks) return {0.5f, 0.5f};
  const bool friends = a.player == b.player;
  if (a.stance == Stance::kWalks) {
    if (friends && b.stance == Stance::kIdle) return {0, 1};
    return {1, 0};
  }
  if (b.stance != Stance::kWalks)
    return a.stance == Stance::kIdle ? std::array<float, 2>{1, 0} : std::array<float, 2>{0, 1};
  if (friends && a.stance == Stance::kIdle) return {1, 0};
  return {0, 1};
}

bool march_together(const Body& a, const Body& b) {
  return a.stance == Stance::kWalks && b.stance == Stance::kWalks && a.player == b.player &&
         a.vx * b.vx + a.vy * b.vy > 0;
}

// A walker who is pushed may lose way, but gains none, unless it is pushed on by those who march with it.
void give_way(Body& body, float dx, float dy, bool together) {
  if (body.stance == Stance::kWalks && !together) {
    const float ahead = dx * body.vx + dy * body.vy;
    if (ahead > 0) {
      const float share = ahead / (body.vx * body.vx + body.vy * body.vy);
      dx -= share * body.vx;
      dy -= share * body.vy;
    }
  }
  body.x += dx;
  body.y += dy;
}

void part(Bodies& bodies) {
  for (int p = 0; p < bodies.pair_count; ++p) {
    Body& a = bodies.all[bodies.pairs[at(p)].a];
    Body& b = bodies.all[bodies.pairs[at(p)].b];
    const float dx = b.x - a.x, dy = b.y - a.y;
    const float reach = contact(a, b), square = dx * dx + dy * dy;
    if (square >= reach * reach) continue;
    const float distance = std::sqrt(square);
    const float ux = distance > 0 ? dx / distance : 1.0f, uy = distance > 0 ? dy / distance : 0.0f;
    const float overlap = reach - distance;
    const auto [of_a, of_b] = shares(a, b);
    const bool together = march_together(a, b);
    give_way(a, -of_a * overlap * ux, -of_a * overlap * uy, together);
    give_way(b, of_b * overlap * ux, of_b * overlap * uy, together);
  }
}

Point kept_on_ground(const World& world, const Body& body) {
  const UnitStats& stats = world.stats_of(body.unit);
  const float clearance = clearance_of(stats);
  if (stats.layer == Layer::kAir || stats.crosses_cliffs) {
    return {std::clamp(body.x, kPlayableLow + clearance, kPlayableHigh - clearance),
            std::clamp(body.y, kPlayableLow + clearance, kPlayableHigh - clearance)};
  }
  return world.terrain->pushed_out({body.x, body.y}, clearance);
}

float grained(float value) {
  const float grains = value * kGrain + 0.5f;
  const auto whole = static_cast<std::int32_t>(grains);  // towards 0: for what is negative one too many
  return static_cast<float>(whole - (static_cast<float>(whole) > grains)) / kGrain;
}

// Length of the displacement that came true over that of the wished one, at most 1.
float share_of(float dx, float dy, float wished_x, float wished_y) {
  return std::min(1.0f, std::sqrt((dx * dx + dy * dy) / (wished_x * wished_x + wished_y * wished_y)));
}

}  // namespace

void resolve_collisions(World& world) {
  Bodies bodies;  // left uninitialised
  gather(world, bodies);
  find_pairs(bodies);
  world.overlooked_bodies += bodies.overlooked;
  for (int i = 0; i < bodies.count; ++i) {
    const Body& body = bodies.all[at(i)];
    Steering& steering = world.steering[at(body.unit)];
    if (body.blocked) {
      go_round(world, bodies, i);
    } else {
      steering.detour = 0;
    }
  }
  if (bodies.walkers == 0) return;
  for (int i = 0; i < bodies.count; ++i) {
    Body& body = bodies.all[at(i)];
    body.x += body.vx;
    body.y += body.vy;
  }
  part(bodies);
  for (int i = 0; i < bodies.count; ++i) {
    const Body& body = bodies.all[at(i)];
    const auto u = at(body.unit);
    Steering& steering = world.steering[u];
    steering.progress = 1;
    const bool walks = body.stance == Stance::kWalks;
    if (!walks && body.x == world.x[u] && body.y == world.y[u]) continue;
    const Point place = kept_on_ground(world, body);
    const float x = grained(place.x), y = grained(place.y);
    if (walks) steering.progress = share_of(x - world.x[u], y - world.y[u], steering.vx, steering.vy);
    world.x[u] = x;
    world.y[u] = y;
  }
}

}  // namespace fop::skirmish
