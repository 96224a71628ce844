#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "fop/angles.hpp"
#include "skirmish/phases/orders.hpp"
#include "skirmish/vector_world.hpp"

namespace py = pybind11;

namespace fop::bindings {
namespace {

using namespace fop::skirmish;

using Int64s = py::array_t<std::int64_t, py::array::c_style>;
using Flags = py::array_t<bool, py::array::c_style>;
using Bytes = py::array_t<std::uint8_t, py::array::c_style>;
using SpawnTuple = std::tuple<int, std::string, int, float, float>;  // player 0 or 1, type, count, x, y

constexpr std::size_t kCells = std::size_t{kMapSize} * kMapSize;

// Enumerations go by names in Python.
template <typename Value>
using Names = std::vector<std::pair<std::string, Value>>;

const Names<EnemyOrder> kEnemyOrders = {
    {"none", EnemyOrder::kNone},
    {"attack_point", EnemyOrder::kAttackPoint},
    {"attack_random_point_on_segment", EnemyOrder::kAttackRandomPointOnSegment},
    {"attack_unit_group", EnemyOrder::kAttackUnitGroup}};
const Names<Client> kClients = {{"4.10", Client::k410}, {"4.6.2", Client::k462}};
const Names<EnemyIds> kEnemyIds = {{"creation", EnemyIds::kCreation}, {"recycled", EnemyIds::kRecycled}};

template <typename Value>
Value value_named(const Names<Value>& names, const std::string& name, const char* argument) {
  std::string allowed;
  for (const auto& [known, value] : names) {
    if (known == name) return value;
    allowed += (allowed.empty() ? "'" : ", '") + known + "'";
  }
  throw py::value_error(std::string(argument) + " is '" + name + "'; allowed: " + allowed);
}

template <typename Value>
const std::string& name_of(const Names<Value>& names, Value value) {
  return std::find_if(names.begin(), names.end(),
                      [value](const auto& entry) { return entry.second == value; })
      ->first;
}

void expect_shape(const py::array& array, const std::vector<py::ssize_t>& shape, const char* name) {
  const bool fits = array.ndim() == static_cast<py::ssize_t>(shape.size()) &&
                    std::equal(shape.begin(), shape.end(), array.shape());
  if (fits) return;
  std::string text = std::string(name) + " must have the shape (";
  for (const py::ssize_t size : shape) text += std::to_string(size) + ", ";
  throw py::value_error(text + ")");
}

Scenario make_scenario(std::string name, const std::vector<SpawnTuple>& spawn_calls,
                       const std::string& enemy_order, std::array<float, 4> order_points,
                       const Flags& walkable, const Flags& walkable_open, int episode_limit) {
  Scenario scenario;
  scenario.name = std::move(name);
  for (const auto& [player, type, count, x, y] : spawn_calls) {
    if (player != 0 && player != 1) throw py::value_error("player must be 0 or 1");
    scenario.spawn_calls.push_back({player, unit_type_named(type), count, x, y});
    (player == 0 ? scenario.n_allies : scenario.n_enemies) += count;
  }
  scenario.enemy_order = value_named(kEnemyOrders, enemy_order, "enemy_order");
  scenario.order_x0 = order_points[0], scenario.order_y0 = order_points[1];
  scenario.order_x1 = order_points[2], scenario.order_y1 = order_points[3];
  expect_shape(walkable, {kMapSize, kMapSize}, "walkable");
  expect_shape(walkable_open, {kMapSize, kMapSize}, "walkable_open");
  std::copy_n(walkable.data(), kCells, scenario.walkable.begin());
  std::copy_n(walkable_open.data(), kCells, scenario.walkable_open.begin());
  scenario.episode_limit = episode_limit;
  return scenario;
}

MapTraits make_traits(bool ally_shields, bool enemy_shields, int unit_type_bits, std::string map_type,
                      const Bytes& height) {
  MapTraits traits{ally_shields, enemy_shields, unit_type_bits, std::move(map_type), {}};
  expect_shape(height, {kMapSize, kMapSize}, "height");
  std::copy_n(height.data(), kCells, traits.height.begin());
  return traits;
}

struct UnitRow {  // units(): numpy structured array
  std::int32_t id;
  std::int32_t player;
  std::int32_t type;
  std::int32_t alive;
  float x, y, facing, speed, hp, hp_max, shield, shield_max, energy, cooldown;
  std::int32_t order;
  std::int32_t order_target;
  float order_x, order_y;
  std::int32_t target;
  std::int32_t attack_phase;
  std::int32_t killer;
};

// Allies in agent order and enemies in the order of their ids, if those are known; else in creation order.
py::array_t<UnitRow> unit_rows(const World& world, const std::vector<std::int32_t>& order) {
  py::array_t<UnitRow> rows(static_cast<py::ssize_t>(order.size()));
  UnitRow* row = rows.mutable_data();
  for (const std::int32_t unit : order) {
    const std::size_t u = static_cast<std::size_t>(unit);
    const UnitStats& stats = world.stats_of(unit);
    *row++ = {unit,
              world.player[u],
              static_cast<std::int32_t>(world.type[u]),
              world.alive[u],
              world.x[u],
              world.y[u],
              angle_of(world.heading_x[u], world.heading_y[u]),
              world.speed[u],
              world.hp[u],
              stats.hp,
              world.shield[u],
              stats.shield,
              world.energy[u],
              std::max(0.0f, world.cooldown[u]),  // below 0: ready for a share of a loop
              static_cast<std::int32_t>(world.order[u]),
              world.order_target[u],
              world.order_x[u],
              world.order_y[u],
              world.target[u],
              static_cast<std::int32_t>(world.attack_phase[u]),
              world.killer[u]};
  }
  return rows;
}

// A view of rows that live in `owner`.
template <typename T, typename Stored>
py::array_t<T> view(const py::object& owner, std::vector<Stored>& values, std::vector<py::ssize_t> shape) {
  static_assert(sizeof(T) == sizeof(Stored));
  return py::array_t<T>(std::move(shape), reinterpret_cast<T*>(values.data()), owner);
}

std::span<const std::uint8_t> flags(const VectorWorld& world, const Flags& active) {
  expect_shape(active, {world.n_envs()}, "active");
  return {reinterpret_cast<const std::uint8_t*>(active.data()), static_cast<std::size_t>(active.size())};
}

std::span<const std::int64_t> action_rows(const VectorWorld& world, const Int64s& actions) {
  expect_shape(actions, {world.n_envs(), world.task().n_agents}, "actions");
  return {actions.data(), static_cast<std::size_t>(actions.size())};
}

void expect_slot(const VectorWorld& world, std::int64_t env) {
  if (env >= 0 && env < world.n_envs()) return;
  throw py::index_error("there is no slot " + std::to_string(env) + "; slots are 0 to " +
                        std::to_string(world.n_envs() - 1));
}

// One world driven loop by loop, with orders to single units: for tests of the rules and for recordings.
class LoneWorld {
 public:
  LoneWorld(std::shared_ptr<const Task> task, std::uint64_t seed, std::uint32_t episode, int first_loops)
      : task_(std::move(task)) {
    world_.scenario = &task_->scenario;
    world_.terrain = &task_->terrain;
    world_.options = task_->options.engine;
    fop::skirmish::reset(world_, task_->spawn_places, seed, episode, first_loops);
  }

  World& world() { return world_; }
  int unit(int index) const {
    if (index >= 0 && index < world_.n_units()) return index;
    throw py::index_error("there is no unit " + std::to_string(index));
  }
  py::array_t<UnitRow> units() const {
    std::vector<std::int32_t> order(static_cast<std::size_t>(world_.n_units()));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
    return unit_rows(world_, order);
  }
  void set(int index, const std::string& field, float value) {
    const std::size_t u = static_cast<std::size_t>(unit(index));
    for (const auto& [name, column] : {std::pair{"x", &world_.x},
                                       {"y", &world_.y},
                                       {"hp", &world_.hp},
                                       {"shield", &world_.shield},
                                       {"energy", &world_.energy},
                                       {"cooldown", &world_.cooldown}}) {
      if (field != name) continue;
      (*column)[u] = value;
      return;
    }
    if (field == "next_scan") {
      world_.next_scan[u] = static_cast<std::int32_t>(value);
      return;
    }
    if (field == "facing") {
      world_.heading_x[u] = cosine(value);
      world_.heading_y[u] = sine(value);
      return;
    }
    if (field != "alive") throw py::value_error("a unit has no field '" + field + "' that can be set");
    world_.alive[u] = value != 0;
  }

 private:
  std::shared_ptr<const Task> task_;
  World world_;
};

void register_task(py::module_& module) {
  py::class_<EngineOptions>(module, "EngineOptions")
      .def(py::init<>())
      .def_property(
          "client", [](const EngineOptions& self) { return name_of(kClients, self.client); },
          [](EngineOptions& self, const std::string& name) {
            self.client = value_named(kClients, name, "client");
          })
      .def_readwrite("scan_interval", &EngineOptions::scan_interval)
      .def_readwrite("attackers_first", &EngineOptions::attackers_first)
      .def_readwrite("spread_fire", &EngineOptions::spread_fire)
      .def_readwrite("cooldown_noise", &EngineOptions::cooldown_noise)
      .def_readwrite("random_update_order", &EngineOptions::random_update_order)
      .def_readwrite("attack_move_answers_damage", &EngineOptions::attack_move_answers_damage);

  py::class_<SmacOptions>(module, "SmacOptions")
      .def(py::init<>())
      .def_readwrite("step_mul", &SmacOptions::step_mul)
      .def_readwrite("move_amount", &SmacOptions::move_amount)
      .def_readwrite("obs_all_health", &SmacOptions::obs_all_health)
      .def_readwrite("obs_own_health", &SmacOptions::obs_own_health)
      .def_readwrite("obs_last_action", &SmacOptions::obs_last_action)
      .def_readwrite("obs_pathing_grid", &SmacOptions::obs_pathing_grid)
      .def_readwrite("obs_terrain_height", &SmacOptions::obs_terrain_height)
      .def_readwrite("obs_timestep_number", &SmacOptions::obs_timestep_number)
      .def_readwrite("obs_instead_of_state", &SmacOptions::obs_instead_of_state)
      .def_readwrite("state_last_action", &SmacOptions::state_last_action)
      .def_readwrite("state_timestep_number", &SmacOptions::state_timestep_number)
      .def_readwrite("reward_sparse", &SmacOptions::reward_sparse)
      .def_readwrite("reward_only_positive", &SmacOptions::reward_only_positive)
      .def_readwrite("reward_death_value", &SmacOptions::reward_death_value)
      .def_readwrite("reward_win", &SmacOptions::reward_win)
      .def_readwrite("reward_defeat", &SmacOptions::reward_defeat)
      .def_readwrite("reward_negative_scale", &SmacOptions::reward_negative_scale)
      .def_readwrite("reward_scale", &SmacOptions::reward_scale)
      .def_readwrite("reward_scale_rate", &SmacOptions::reward_scale_rate)
      .def_readwrite("heuristic_ai", &SmacOptions::heuristic_ai)
      .def_readwrite("heuristic_rest", &SmacOptions::heuristic_rest)
      .def_readwrite("first_loops", &SmacOptions::first_loops)
      .def_property(
          "enemy_ids", [](const SmacOptions& self) { return name_of(kEnemyIds, self.enemy_ids); },
          [](SmacOptions& self, const std::string& name) {
            self.enemy_ids = value_named(kEnemyIds, name, "enemy_ids");
          })
      .def_readwrite("engine", &SmacOptions::engine);

  py::class_<Scenario>(module, "Scenario")
      .def(py::init(&make_scenario), py::kw_only(), py::arg("name"), py::arg("spawn_calls"),
           py::arg("enemy_order"), py::arg("order_points"), py::arg("walkable"), py::arg("walkable_open"),
           py::arg("episode_limit"))
      .def_readonly("n_allies", &Scenario::n_allies)
      .def_readonly("n_enemies", &Scenario::n_enemies);

  py::class_<MapTraits>(module, "MapTraits")
      .def(py::init(&make_traits), py::kw_only(), py::arg("ally_shields"), py::arg("enemy_shields"),
           py::arg("unit_type_bits"), py::arg("map_type"), py::arg("height"));

  py::class_<Task, std::shared_ptr<Task>>(module, "Task")
      .def(py::init<Scenario, MapTraits, SmacOptions>(), py::arg("scenario"), py::arg("traits"),
           py::arg("options"))
      .def_readonly("n_agents", &Task::n_agents)
      .def_readonly("n_enemies", &Task::n_enemies)
      .def_readonly("n_actions", &Task::n_actions)
      .def_readonly("obs_dim", &Task::obs_dim)
      .def_readonly("state_dim", &Task::state_dim)
      .def_readonly("obs_enemy_width", &Task::obs_enemy_width)
      .def_readonly("obs_ally_width", &Task::obs_ally_width)
      .def_readonly("own_width", &Task::own_width)
      .def_readonly("move_width", &Task::move_width)
      .def_readonly("state_ally_width", &Task::state_ally_width)
      .def_readonly("state_enemy_width", &Task::state_enemy_width)
      .def_readonly("max_reward", &Task::max_reward);
}

void register_worlds(py::module_& module) {
  PYBIND11_NUMPY_DTYPE(UnitRow, id, player, type, alive, x, y, facing, speed, hp, hp_max, shield, shield_max,
                       energy, cooldown, order, order_target, order_x, order_y, target, attack_phase, killer);

  py::class_<LoneWorld>(module, "World")
      .def(py::init(
               [](std::shared_ptr<Task> task, std::uint64_t seed, std::uint32_t episode, int first_loops) {
                 return std::make_unique<LoneWorld>(std::move(task), seed, episode, first_loops);
               }),
           py::arg("task"), py::arg("seed") = 0, py::arg("episode") = 0, py::arg("first_loops") = 0)
      .def(
          "step",
          [](LoneWorld& self, int loops) {
            for (int i = 0; i < loops; ++i) fop::skirmish::step(self.world());
          },
          py::arg("loops") = 1)
      .def(
          "stop", [](LoneWorld& self, int unit) { order_stop(self.world(), self.unit(unit)); },
          py::arg("unit"))
      .def(
          "move",
          [](LoneWorld& self, int unit, float x, float y) {
            order_move(self.world(), self.unit(unit), x, y);
          },
          py::arg("unit"), py::arg("x"), py::arg("y"))
      .def(
          "attack",
          [](LoneWorld& self, int unit, int target) {
            order_attack(self.world(), self.unit(unit), self.unit(target));
          },
          py::arg("unit"), py::arg("target"))
      .def(
          "heal",
          [](LoneWorld& self, int unit, int target) {
            order_heal(self.world(), self.unit(unit), self.unit(target));
          },
          py::arg("unit"), py::arg("target"))
      .def("set", &LoneWorld::set, py::arg("unit"), py::arg("field"), py::arg("value"))
      .def("units", &LoneWorld::units)
      .def_property_readonly("loop", [](LoneWorld& self) { return self.world().loop; });

  py::class_<VectorWorld>(module, "VectorWorld")
      .def(py::init([](std::shared_ptr<Task> task, int n_envs, std::uint64_t seed, int threads) {
             return std::make_unique<VectorWorld>(std::move(task), n_envs, seed, threads);
           }),
           py::arg("task"), py::arg("n_envs"), py::arg("seed"), py::arg("threads") = 1)
      .def("views",
           [](const py::object& self) {
             auto& world = self.cast<VectorWorld&>();
             const Task& task = world.task();
             const py::ssize_t envs = world.n_envs();
             py::dict views;
             views["obs"] = view<float>(self, world.obs, {envs, task.n_agents, task.obs_dim});
             views["state"] = view<float>(self, world.state, {envs, task.state_dim});
             views["available"] = view<bool>(self, world.available, {envs, task.n_agents, task.n_actions});
             views["executed"] = view<std::int64_t>(self, world.executed, {envs, task.n_agents});
             views["reward"] = view<double>(self, world.reward, {envs});
             views["terminated"] = view<bool>(self, world.terminated, {envs});
             views["truncated"] = view<bool>(self, world.truncated, {envs});
             views["battle_won"] = view<bool>(self, world.battle_won, {envs});
             views["dead_allies"] = view<std::int32_t>(self, world.dead_allies, {envs});
             views["dead_enemies"] = view<std::int32_t>(self, world.dead_enemies, {envs});
             views["replaced_actions"] = view<std::int32_t>(self, world.replaced_actions, {envs});
             return views;
           })
      .def(
          "reset",
          [](VectorWorld& self, const Int64s& envs, const Int64s& episodes) {
            expect_shape(envs, {envs.size()}, "envs");
            expect_shape(episodes, {envs.size()}, "episodes");
            for (py::ssize_t k = 0; k < envs.size(); ++k) expect_slot(self, envs.data()[k]);
            const std::span slots(envs.data(), static_cast<std::size_t>(envs.size()));
            const std::span numbers(episodes.data(), slots.size());
            const py::gil_scoped_release release;
            self.reset(slots, numbers);
          },
          py::arg("envs").noconvert(), py::arg("episodes").noconvert())
      .def(
          "find_illegal",
          [](const VectorWorld& self, const Int64s& actions,
             const Flags& active) -> std::optional<std::tuple<int, int, std::int64_t>> {
            const auto illegal = self.find_illegal(action_rows(self, actions), flags(self, active));
            if (!illegal) return std::nullopt;
            return std::tuple{illegal->env, illegal->agent, illegal->action};
          },
          py::arg("actions").noconvert(), py::arg("active").noconvert())
      .def(
          "find_ended",
          [](const VectorWorld& self, const Flags& active) -> std::optional<int> {
            const auto chosen = flags(self, active);
            for (int env = 0; env < self.n_envs(); ++env) {
              if (chosen[static_cast<std::size_t>(env)] && self.battle(env).over) return env;
            }
            return std::nullopt;
          },
          py::arg("active").noconvert())
      .def(
          "step",
          [](VectorWorld& self, const Int64s& actions, const Flags& active) {
            const auto rows = action_rows(self, actions);
            const auto chosen = flags(self, active);
            const py::gil_scoped_release release;
            self.step(rows, chosen);
          },
          py::arg("actions").noconvert(), py::arg("active").noconvert())
      .def(
          "random_actions",
          [](const VectorWorld& self, const Flags& active, Int64s& actions) {
            action_rows(self, actions);
            const auto chosen = flags(self, active);
            const std::span rows(actions.mutable_data(), static_cast<std::size_t>(actions.size()));
            const py::gil_scoped_release release;
            self.random_actions(chosen, rows);
          },
          py::arg("active").noconvert(), py::arg("actions").noconvert())
      .def(
          "save",
          [](const VectorWorld& self, int env) {
            expect_slot(self, env);
            const auto bytes = self.save(env);
            return py::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
          },
          py::arg("env"))
      .def(
          "load",
          [](VectorWorld& self, int env, const py::bytes& bytes) {
            expect_slot(self, env);
            const auto text = static_cast<std::string_view>(bytes);
            self.load(env, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
          },
          py::arg("env"), py::arg("bytes"))
      .def(
          "units",
          [](const VectorWorld& self, int env) {
            expect_slot(self, env);
            const Battle& battle = self.battle(env);
            std::vector<std::int32_t> order = battle.agent_unit;
            order.insert(order.end(), battle.enemy_unit.begin(), battle.enemy_unit.end());
            return unit_rows(battle.world, order);
          },
          py::arg("env"))
      .def(
          "steps",
          [](const VectorWorld& self, int env) {
            expect_slot(self, env);
            return self.battle(env).steps;
          },
          py::arg("env"));
}

}  // namespace

void register_skirmish(py::module_& module) {
  module.attr("ENGINE_VERSION") = kEngineVersion;
  py::list names, radii;
  for (int type = 0; type < kUnitTypes; ++type) {
    names.append(unit_stats(static_cast<UnitType>(type), false).name);
    radii.append(unit_stats(static_cast<UnitType>(type), false).separation_radius);
  }
  module.attr("ORDERS") = std::vector<std::string>(kOrderNames.begin(), kOrderNames.end());
  module.attr("UNIT_TYPES") = names;
  module.attr("BODY_RADII") = radii;
  register_task(module);
  register_worlds(module);
}

}  // namespace fop::bindings
