// Placement: the game's search for room around a spawn point, in its own fixed-point numbers.
#include "skirmish/map/placement.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>

namespace fop::skirmish {

namespace {

// The game's own numbers: lengths are multiples of 1/4096 of a cell.
constexpr int kFraction = 12;
constexpr int kOne = 1 << kFraction;
constexpr int kContactOverlap = 252;  // bodies in contact overlap by 63/1024
constexpr int kRounding = 2;          // how far below contact rounding may leave two bodies

constexpr int kReach = 32;         // steps of the search in each direction: 12 cells for the smallest unit
constexpr std::size_t kRing1 = 8;  // the first places of the search: one step away, straight or diagonal

struct Spot {
  int x = 0, y = 0;  // in 1/4096
};

struct Body {
  Spot spot;
  int radius = 0;
  Layer layer = Layer::kGround;
};

struct Step {
  int dx = 0, dy = 0;
};

int to_fixed(float length) { return static_cast<int>(std::lround(static_cast<double>(length) * kOne)); }
Point to_point(Spot spot) { return {static_cast<float>(spot.x) / kOne, static_cast<float>(spot.y) / kOne}; }

double distance(Spot a, Spot b) {
  const double dx = a.x - b.x, dy = a.y - b.y;
  return std::sqrt(dx * dx + dy * dy);
}

int contact(const Body& a, const Body& b) { return a.radius + b.radius - kContactOverlap; }

// All steps but (0, 0), nearest first; of equally far ones those with the smaller angle from the quadrant's
// start (counter-clockwise, the first quadrant starts in the south), each with its three quarter turns.
std::vector<Step> make_search_order() {
  std::vector<Step> first_quadrant;
  for (int dx = 0; dx <= kReach; ++dx) {
    for (int dy = -kReach; dy < 0; ++dy) first_quadrant.push_back({dx, dy});
  }
  std::ranges::sort(first_quadrant, [](Step a, Step b) {
    const int a2 = a.dx * a.dx + a.dy * a.dy, b2 = b.dx * b.dx + b.dy * b.dy;
    return a2 != b2 ? a2 < b2 : a.dx * -b.dy < b.dx * -a.dy;
  });
  std::vector<Step> order;
  order.reserve(4 * first_quadrant.size());
  for (Step step : first_quadrant) {
    for (int turn = 0; turn < 4; ++turn) {
      order.push_back(step);
      step = {-step.dy, step.dx};
    }
  }
  return order;
}

class Ground {
 public:
  explicit Ground(const Terrain& terrain) : terrain_(terrain) {}

  void add(const Body& body) { bodies_.push_back(body); }

  // Where a body that is wanted at its spot finds room; its spot when there is none within reach.
  Spot find_room(Body body) const {
    if (is_free(body)) return body.spot;
    static const std::vector<Step> search_order = make_search_order();
    const Spot point = body.spot;
    const auto at = [&](Step step) {
      return Spot{point.x + step.dx * body.radius, point.y + step.dy * body.radius};
    };
    for (const Step step : std::span(search_order).first(kRing1)) {
      body.spot = at(step);
      if (centre_is_covered(body)) continue;
      push_out(body);
      if (is_free(body)) return body.spot;
    }
    for (const Step step : search_order) {
      body.spot = at(step);
      if (is_free(body)) return body.spot;
    }
    return point;
  }

 private:
  bool meets(const Body& body, const Body& other) const { return body.layer == other.layer; }

  bool is_free(const Body& body) const {
    if (body.layer == Layer::kGround && !terrain_.is_ground(to_point(body.spot))) return false;
    return std::ranges::none_of(bodies_, [&](const Body& other) {
      return meets(body, other) && distance(body.spot, other.spot) < contact(body, other) - kRounding;
    });
  }

  bool centre_is_covered(const Body& body) const {
    return std::ranges::any_of(bodies_, [&](const Body& other) {
      return meets(body, other) && distance(body.spot, other.spot) < other.radius;
    });
  }

  // Each unit in turn, the youngest first, pushes the body straight away from itself until they touch.
  // Direction and length are rounded as the game rounds them: to the nearest, and down.
  void push_out(Body& body) const {
    for (auto other = bodies_.rbegin(); other != bodies_.rend(); ++other) {
      const double apart = distance(body.spot, other->spot);
      const int wanted = contact(body, *other);
      if (!meets(body, *other) || apart >= wanted || apart == 0) continue;
      const auto along = [&](int from, int to) {
        return static_cast<int>((std::lround((to - from) * (kOne / apart)) * wanted) >> kFraction);
      };
      body.spot = {other->spot.x + along(other->spot.x, body.spot.x),
                   other->spot.y + along(other->spot.y, body.spot.y)};
    }
  }

  const Terrain& terrain_;
  std::vector<Body> bodies_;
};

// A structure two cells wide stands on the grid.
Spot nearest_corner(Spot spot) {
  const auto round = [](int length) { return ((length + kOne / 2) >> kFraction) * kOne; };
  return {round(spot.x), round(spot.y)};
}

}  // namespace

std::vector<Point> find_spawn_places(const Scenario& scenario, const Terrain& terrain) {
  std::vector<Point> places(static_cast<std::size_t>(scenario.n_allies + scenario.n_enemies));
  std::array<std::size_t, 2> next{0, static_cast<std::size_t>(scenario.n_allies)};
  Ground ground(terrain);
  for (const SpawnCall& call : scenario.spawn_calls) {
    const UnitStats& unit =
        unit_stats(call.type, unit_set_of(scenario.players[static_cast<std::size_t>(call.player)]));
    const bool on_grid = (unit.attributes & kStructure) != 0;
    for (int i = 0; i < call.count; ++i) {
      Body body{{to_fixed(call.x), to_fixed(call.y)}, to_fixed(unit.radius), unit.layer};
      body.spot = on_grid ? nearest_corner(body.spot) : ground.find_room(body);
      ground.add(body);
      places[next[static_cast<std::size_t>(call.player)]++] = to_point(body.spot);
    }
  }
  return places;
}

}  // namespace fop::skirmish
