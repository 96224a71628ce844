// Saving copies every column and every other field of a battle; structured bindings make a field that was
// forgotten a compile error.
#include "skirmish/save.hpp"

#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace fop::skirmish {

namespace {

class Writer {
 public:
  explicit Writer(std::vector<std::uint8_t>& bytes) : bytes_(bytes) {}

  template <typename T>
  void operator()(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto* data = reinterpret_cast<const std::uint8_t*>(&value);
    bytes_.insert(bytes_.end(), data, data + sizeof(T));
  }
  template <typename T>
  void operator()(const std::vector<T>& values) {
    (*this)(static_cast<std::uint64_t>(values.size()));
    for (const T& value : values) (*this)(value);
  }
  void operator()(const Beam& beam) { visit(beam, *this); }
  template <typename B, typename Visitor>
  static void visit(B& beam, Visitor& visitor) {  // field by field: a beam has bytes that nobody sets
    auto& [source, x, y, dx, dy, pulses, timer, already_hit] = beam;
    visitor(source), visitor(x), visitor(y), visitor(dx), visitor(dy), visitor(pulses), visitor(timer);
    visitor(already_hit);
  }

 private:
  std::vector<std::uint8_t>& bytes_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  template <typename T>
  void operator()(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (bytes_.size() < sizeof(T)) throw std::invalid_argument("the saved battle is cut short");
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_ = bytes_.subspan(sizeof(T));
  }
  template <typename T>
  void operator()(std::vector<T>& values) {
    std::uint64_t size = 0;
    (*this)(size);
    if (size > bytes_.size()) throw std::invalid_argument("the saved battle is damaged");
    values.resize(size);
    for (T& value : values) (*this)(value);
  }
  void operator()(Beam& beam) { Writer::visit(beam, *this); }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::span<const std::uint8_t> bytes_;
};

template <typename W, typename Visitor>
void visit_world(W& world, Visitor& visit) {
  for_each_column(world, [&visit](const char*, auto& column, auto, auto) { visit(column); });
  std::conditional_t<std::is_const_v<W>, const WorldState, WorldState>& state = world;
  auto& [seed, episode, loop, overlooked_bodies, pending_hits, beams] = state;
  visit(seed), visit(episode), visit(loop), visit(overlooked_bodies), visit(pending_hits), visit(beams);
}

template <typename B, typename Visitor>
void visit_battle(B& battle, Visitor& visit) {
  auto& [world, agent_unit, enemy_unit, last_action, heuristic_target, ally_health, enemy_health, ally_dead,
         enemy_dead, steps, over] = battle;
  visit_world(world, visit);
  visit(agent_unit), visit(enemy_unit), visit(last_action), visit(heuristic_target);
  visit(ally_health), visit(enemy_health), visit(ally_dead), visit(enemy_dead), visit(steps), visit(over);
}

// What must agree between the one who saved and the one who loads: engine, map, and the columns by name, type
// size and order.
std::string signature(const Task& task) {
  std::uint64_t columns = 14695981039346656037u;  // FNV-1a
  const auto mix = [&columns](std::uint64_t byte) { columns = (columns ^ byte) * 1099511628211u; };
  UnitColumns none;
  for_each_column(none, [&](const char* name, auto&, auto initial, auto) {
    for (const char* c = name; *c != 0; ++c) mix(static_cast<unsigned char>(*c));
    mix(sizeof(initial));
  });
  mix(sizeof(PendingHit)), mix(sizeof(Beam));
  return std::string(kEngineVersion) + "/" + task.scenario.name + "/" + std::to_string(columns);
}

}  // namespace

std::vector<std::uint8_t> save(const Task& task, const Battle& battle) {
  std::vector<std::uint8_t> bytes;
  Writer writer(bytes);
  const std::string text = signature(task);
  writer(std::vector<char>(text.begin(), text.end()));
  visit_battle(battle, writer);
  return bytes;
}

void load(const Task& task, Battle& battle, std::span<const std::uint8_t> bytes) {
  Reader reader(bytes);
  std::vector<char> text;
  reader(text);
  const std::string found(text.begin(), text.end()), expected = signature(task);
  if (found != expected) {
    throw std::invalid_argument("the saved battle is of '" + found.substr(0, 80) + "', this is '" + expected +
                                "'");
  }
  Battle loaded;
  visit_battle(loaded, reader);
  const std::size_t n_units = static_cast<std::size_t>(task.n_agents + task.n_enemies);
  bool fits = loaded.agent_unit.size() == static_cast<std::size_t>(task.n_agents) &&
              loaded.enemy_unit.size() == static_cast<std::size_t>(task.n_enemies);
  for_each_column(loaded.world,
                  [&](const char*, auto& column, auto, auto) { fits = fits && column.size() == n_units; });
  for (std::size_t u = 0; fits && u < n_units; ++u) {
    fits = loaded.world.player[u] < 2 && static_cast<int>(loaded.world.type[u]) < kUnitTypes;
  }
  if (!reader.at_end() || !fits) throw std::invalid_argument("the saved battle is damaged");
  attach(loaded.world, task.scenario, task.terrain, task.options.engine);
  battle = std::move(loaded);
}

}  // namespace fop::skirmish
