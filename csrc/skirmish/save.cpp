// Saving copies every field of a battle; structured bindings make a field that was forgotten a compile error.
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
  static void visit(B& beam, Visitor& visitor) {
    auto& [source, target, x, y, dx, dy, age, already_hit] = beam;
    visitor(source), visitor(target), visitor(x), visitor(y), visitor(dx), visitor(dy), visitor(age);
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
  auto& [scenario, terrain, options, seed, episode, loop, type, player, alive, x, y, heading_x, heading_y,
         speed, hp, shield, energy, last_hurt, last_attacker, order, order_x, order_y, order_target,
         formation_dx, formation_dy, target, next_scan, attack_phase, phase_timer, cooldown, motion, steering,
         attacks, killer, west_to_east, pending_hits, beams] = world;
  static_cast<void>(scenario), static_cast<void>(terrain),
      static_cast<void>(options);  // the task's
  visit(seed), visit(episode), visit(loop);
  visit(type), visit(player), visit(alive), visit(x), visit(y), visit(heading_x), visit(heading_y),
      visit(speed);
  visit(hp), visit(shield), visit(energy), visit(last_hurt), visit(last_attacker);
  visit(order), visit(order_x), visit(order_y), visit(order_target), visit(formation_dx), visit(formation_dy);
  visit(target), visit(next_scan), visit(attack_phase), visit(phase_timer), visit(cooldown), visit(motion);
  visit(steering), visit(attacks), visit(killer), visit(west_to_east), visit(pending_hits), visit(beams);
}

template <typename B, typename Visitor>
void visit_battle(B& battle, Visitor& visit) {
  auto& [world, agent_unit, enemy_unit, last_action, heuristic_target, ally_health, enemy_health, ally_dead,
         enemy_dead, steps, over] = battle;
  visit_world(world, visit);
  visit(agent_unit), visit(enemy_unit), visit(last_action), visit(heuristic_target);
  visit(ally_health), visit(enemy_health), visit(ally_dead), visit(enemy_dead), visit(steps), visit(over);
}

// What must agree between the one who saved and the one who loads.
std::string signature(const Task& task) {
  std::string text = std::string(kEngineVersion) + "/" + task.scenario.name;
  for (const std::size_t size :
       {sizeof(World), sizeof(Motion), sizeof(Steering), sizeof(PendingHit), sizeof(Beam)}) {
    text += '/';
    text += std::to_string(size);
  }
  return text;
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
  const bool fits = loaded.world.type.size() == n_units && loaded.world.x.size() == n_units &&
                    loaded.agent_unit.size() == static_cast<std::size_t>(task.n_agents) &&
                    loaded.enemy_unit.size() == static_cast<std::size_t>(task.n_enemies);
  if (!reader.at_end() || !fits) throw std::invalid_argument("the saved battle is damaged");
  loaded.world.scenario = &task.scenario;
  loaded.world.terrain = &task.terrain;
  loaded.world.options = task.options.engine;
  battle = std::move(loaded);
}

}  // namespace fop::skirmish
