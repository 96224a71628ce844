// Who commands a player is a property of the player, of either one.
#include <cstdint>
#include <vector>

#include "fop/check.hpp"
#include "skirmish/phases/combat.hpp"
#include "skirmish/phases/orders.hpp"
#include "skirmish/smac/battle.hpp"

namespace {

using namespace fop::skirmish;

Scenario duel(Player first, Player second, UnitType type = UnitType::kMarine) {
  Scenario scenario;
  scenario.name = "duel";
  scenario.players = {first, second};
  scenario.spawn_calls = {{0, type, 2, 9, 16}, {1, type, 2, 23, 16}};
  scenario.n_allies = scenario.n_enemies = 2;
  scenario.episode_limit = 100;
  scenario.walkable.fill(true);
  scenario.walkable_open.fill(true);
  return scenario;
}

constexpr Player kAgents{.commander = Commander::kAgents};
constexpr Player kHeuristic{.commander = Commander::kHeuristic};
constexpr Player kWatch{.commander = Commander::kScript};  // a script without an order
constexpr Player march_to(float x) {
  return {
      .commander = Commander::kScript, .order = ScriptedOrder::kAttackPoint, .order_x0 = x, .order_y0 = 16};
}

struct Game {
  Game(Player first, Player second, UnitType type = UnitType::kMarine)
      : task(duel(first, second, type), MapTraits{}, SmacOptions{}) {
    reset(task, battle, 7, 0);
  }
  // The agents stop; returns when the battle is decided or after `steps` steps.
  StepResult play(int steps) {
    StepResult result;
    const std::vector<std::int64_t> actions(2, kStop);
    executed.assign(2, -1);
    for (int i = 0; i < steps && !result.terminated; ++i) result = step(task, battle, actions, executed);
    return result;
  }
  World& world() { return battle.world; }

  Task task;
  Battle battle;
  std::vector<std::int64_t> executed;
};

float hurt(const World& world, int player) {
  float sum = 0;
  const Range units = units_of(world, player);
  for (int unit = units.begin; unit < units.end; ++unit) sum += 45 - world.hp[at(unit)];
  return sum;
}

void two_scripts_fight_each_other() {
  Game game(march_to(23), march_to(9));
  CHECK(game.world().order[0] == Order::kAttackMove && game.world().order[2] == Order::kAttackMove);
  CHECK(game.world().order_x[0] == 23 && game.world().order_x[2] == 9);
  const StepResult end = game.play(100);
  CHECK(end.terminated);
  CHECK(game.executed[0] == kNoOp);
  CHECK(hurt(game.world(), 0) > 0 && hurt(game.world(), 1) > 0);
}

// The maps' copies of the Hydralisk, which agents command, have 80 life, the game's own 90.
void scripts_of_both_players_get_the_games_own_units() {
  Game scripts(kWatch, kWatch, UnitType::kHydralisk), agents(kAgents, kWatch, UnitType::kHydralisk);
  CHECK(scripts.world().hp[0] == 90 && scripts.world().hp[2] == 90);
  CHECK(agents.world().hp[0] == 80 && agents.world().hp[2] == 90);
}

void a_script_may_attack_player_1_as_a_group() {
  Player group = kWatch;
  group.order = ScriptedOrder::kAttackUnitGroup;
  Game game(group, kAgents);
  CHECK(game.world().order[0] == Order::kAttackGroup && game.world().order[2] == Order::kIdle);
  const StepResult end = game.play(100);
  CHECK(end.battle_won && hurt(game.world(), 0) == 0);  // nobody told player 1 to shoot
}

void player_1_obeys_orders_from_outside_alone() {
  Game game(kAgents, kAgents);
  World& world = game.world();
  world.x[2] = world.x[0] + 4;  // in range of each other
  game.play(10);
  CHECK(hurt(world, 0) == 0 && hurt(world, 1) == 0);
  deal_damage(world, 0, 2, 5);
  game.play(3);
  CHECK(hurt(world, 0) == 0 && world.target[2] == kNobody);  // it doesn't answer
  order_attack(world, 2, 0);
  order_move(world, 3, 23, 20);
  game.play(4);
  CHECK(hurt(world, 0) > 0);
  CHECK(world.y[3] > 18);
}

void an_idle_unit_of_a_scripted_player_0_defends_itself() {
  Game game(kWatch, kAgents);
  game.world().x[2] = game.world().x[0] + 4;
  game.play(5);
  CHECK(hurt(game.world(), 1) > 0);
}

void the_built_in_policy_plays_either_side() {
  for (const int side : {0, 1}) {
    Game game(side == 0 ? kHeuristic : kAgents, side == 1 ? kHeuristic : kAgents);
    const StepResult end = game.play(100);
    CHECK(end.terminated && end.battle_won == (side == 0));
    CHECK(hurt(game.world(), side) == 0);
    CHECK((game.executed[0] >= kFirstTarget) == (side == 0));
  }
}

}  // namespace

int main() {
  two_scripts_fight_each_other();
  scripts_of_both_players_get_the_games_own_units();
  a_script_may_attack_player_1_as_a_group();
  player_1_obeys_orders_from_outside_alone();
  an_idle_unit_of_a_scripted_player_0_defends_itself();
  the_built_in_policy_plays_either_side();
  return fop::test::failures();
}
