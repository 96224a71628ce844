// The battle engine for Python: tasks, worlds, and what they show as arrays. fop_core/skirmish.py is its
// door.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
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

const Names<Commander> kCommanders = {
    {"agents", Commander::kAgents}, {"script", Commander::kScript}, {"heuristic", Commander::kHeuristic}};
const Names<ScriptedOrder> kScriptedOrders = {
    {"none", ScriptedOrder::kNone},
    {"attack_point", ScriptedOrder::kAttackPoint},
    {"attack_random_point_on_segment", ScriptedOrder::kAttackRandomPointOnSegment},
    {"attack_unit_group", ScriptedOrder::kAttackUnitGroup}};
const Names<Client> kClients = {{"4.10", Client::k410}, {"4.6.2", Client::k462}};

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

Player make_player(const std::string& commander, const std::string& order,
                   const std::vector<std::array<float, 2>>& order_points) {
  Player player{.commander = value_named(kCommanders, commander, "commander"),
                .order = value_named(kScriptedOrders, order, "order")};
  const bool to_point = player.order == ScriptedOrder::kAttackPoint;
  const bool to_segment = player.order == ScriptedOrder::kAttackRandomPointOnSegment;
  const std::size_t needed = to_point ? 1 : to_segment ? 2 : 0;
  if (order_points.size() != needed) {
    throw py::value_error("order_points holds " + std::to_string(order_points.size()) + " points; order '" +
                          order + "' needs " + std::to_string(needed));
  }
  if (needed > 0) player.order_x0 = order_points[0][0], player.order_y0 = order_points[0][1];
  if (needed > 1) player.order_x1 = order_points[1][0], player.order_y1 = order_points[1][1];
  return player;
}

Scenario make_scenario(std::string name, const std::array<Player, 2>& players,
                       const std::vector<SpawnTuple>& spawn_calls, const Flags& walkable,
                       const Flags& walkable_open, int episode_limit) {
  Scenario scenario;
  scenario.name = std::move(name);
  scenario.players = players;
  for (const auto& [player, type, count, x, y] : spawn_calls) {
    if (player != 0 && player != 1) {
      throw py::value_error("player of a spawn call is " + std::to_string(player) + "; allowed: 0, 1");
    }
    scenario.spawn_calls.push_back({player, unit_type_named(type), count, x, y});
    (player == 0 ? scenario.n_allies : scenario.n_enemies) += count;
  }
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

// Calls visit(name, value of unit u) for each field of units(), all of them 4 bytes wide: the shown columns,
// and beside them what is worked out from others.
template <typename Visitor>
void for_each_field(const World& world, Visitor&& visit) {
  const auto stats = [&world](std::size_t u) -> const UnitStats& {
    return world.stats_of(static_cast<int>(u));
  };
  visit("id", [](std::size_t u) { return static_cast<std::int32_t>(u); });
  for_each_column(world, [&](const char* name, const auto& column, auto initial, auto shown) {
    if constexpr (shown) {
      using Shown = std::conditional_t<std::is_floating_point_v<decltype(initial)>, float, std::int32_t>;
      const std::string_view field = name;
      if (field == "cooldown") {  // below 0: ready for a share of a loop
        visit(name, [&](std::size_t u) { return std::max(0.0f, world.cooldown[u]); });
      } else {
        visit(name, [&](std::size_t u) { return static_cast<Shown>(column[u]); });
      }
      if (field == "y") {
        visit("facing", [&](std::size_t u) { return angle_of(world.heading_x[u], world.heading_y[u]); });
      }
      if (field == "hp") visit("hp_max", [&](std::size_t u) { return stats(u).hp; });
      if (field == "shield") visit("shield_max", [&](std::size_t u) { return stats(u).shield; });
    }
  });
}

// One row for each of these units.
py::array unit_rows(const World& world, const std::vector<std::int32_t>& units) {
  py::list fields;
  for_each_field(world, [&](const char* name, const auto& value) {
    fields.append(py::make_tuple(name, py::dtype::of<decltype(value(0))>()));
  });
  const std::size_t width = 4 * fields.size();
  py::array rows(py::dtype::from_args(fields),
                 std::vector<py::ssize_t>{static_cast<py::ssize_t>(units.size())});
  auto* const bytes = static_cast<std::uint8_t*>(rows.mutable_data());
  std::size_t offset = 0;
  for_each_field(world, [&](const char*, const auto& value) {
    for (std::size_t row = 0; row < units.size(); ++row) {
      const auto number = value(static_cast<std::size_t>(units[row]));
      static_assert(sizeof(number) == 4);
      std::memcpy(bytes + row * width + offset, &number, sizeof(number));
    }
    offset += 4;
  });
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
    attach(world_, task_->scenario, task_->terrain, task_->options.engine);
    fop::skirmish::reset(world_, task_->spawn_places, seed, episode, first_loops);
  }

  World& world() { return world_; }
  int unit(int index) const {
    if (index >= 0 && index < world_.n_units()) return index;
    throw py::index_error("there is no unit " + std::to_string(index));
  }
  py::array units() const {
    std::vector<std::int32_t> order(static_cast<std::size_t>(world_.n_units()));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
    return unit_rows(world_, order);
  }
  void set(int index, const std::string& field, float value) {
    const std::size_t u = static_cast<std::size_t>(unit(index));
    bool found = false;
    for_each_column(world_, [&](const char* name, auto& column, auto initial, auto) {
      if constexpr (std::is_same_v<decltype(initial), float>) {
        if (field != name) return;
        column[u] = value;
        found = true;
      }
    });
    if (found) return;
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
      .def_readwrite("engine", &SmacOptions::engine);

  py::class_<Player>(module, "Player",
                     "Who commands a side: `agents` (orders from outside), a `script` (the map's order; idle "
                     "units choose targets for themselves) or SMAC's `heuristic` policy.")
      .def(py::init(&make_player), py::arg("commander"), py::arg("order") = "none",
           py::arg("order_points") = py::tuple())
      .def_property_readonly("commander",
                             [](const Player& self) { return name_of(kCommanders, self.commander); })
      .def_property_readonly("order",
                             [](const Player& self) { return name_of(kScriptedOrders, self.order); });

  py::class_<Scenario>(
      module, "Scenario",
      "A map: `players` (the agents' side, the enemy), `spawn_calls` as (player 0 or 1, type, "
      "count, x, y), `walkable` and `walkable_open` `[32, 32]`, index `[y, x]`.")
      .def(py::init(&make_scenario), py::kw_only(), py::arg("name"), py::arg("players"),
           py::arg("spawn_calls"), py::arg("walkable"), py::arg("walkable_open"), py::arg("episode_limit"))
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
          "overlooked_bodies",
          [](const VectorWorld& self, int env) {
            expect_slot(self, env);
            return self.battle(env).world.overlooked_bodies;
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
    names.append(unit_stats(static_cast<UnitType>(type), UnitSet::kGame).name);
    radii.append(unit_stats(static_cast<UnitType>(type), UnitSet::kGame).separation_radius);
  }
  module.attr("ORDERS") = std::vector<std::string>(kOrderNames.begin(), kOrderNames.end());
  module.attr("UNIT_TYPES") = names;
  module.attr("BODY_RADII") = radii;
  register_task(module);
  register_worlds(module);
}

}  // namespace fop::bindings
