// Many battles of one task: a pool of threads, and dense rows of what each step gives.
#include "skirmish/vector_world.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "skirmish/save.hpp"

namespace fop::skirmish {

ThreadPool::ThreadPool(int threads) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  start_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::take_part(std::unique_lock<std::mutex>& lock) {
  while (next_ < end_) {
    const int begin = next_, end = std::min(end_, begin + chunk_);
    next_ = end;
    ++busy_;
    const auto* const fn = fn_;
    lock.unlock();
    for (int i = begin; i < end; ++i) (*fn)(i);
    lock.lock();
    --busy_;
  }
  if (busy_ == 0) done_.notify_all();
}

void ThreadPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    start_.wait(lock, [this] { return stop_ || next_ < end_; });
    if (stop_) return;
    take_part(lock);
  }
}

void ThreadPool::for_each(int n, const std::function<void(int)>& fn) {
  if (workers_.empty() || n <= 1) {
    for (int i = 0; i < n; ++i) fn(i);
    return;
  }
  std::unique_lock lock(mutex_);
  fn_ = &fn;
  next_ = 0;
  end_ = n;
  chunk_ = std::max(1, n / (4 * (static_cast<int>(workers_.size()) + 1)));  // battles differ in length
  start_.notify_all();
  take_part(lock);
  done_.wait(lock, [this] { return busy_ == 0; });
}

VectorWorld::VectorWorld(std::shared_ptr<const Task> task, int n_envs, std::uint64_t seed, int threads)
    : task_(std::move(task)), seed_(seed) {
  if (n_envs < 1)
    throw std::invalid_argument("n_envs is " + std::to_string(n_envs) + "; at least 1 is needed");
  if (threads < 1)
    throw std::invalid_argument("threads is " + std::to_string(threads) + "; at least 1 is needed");
  const std::size_t envs = static_cast<std::size_t>(n_envs),
                    agents = envs * static_cast<std::size_t>(task_->n_agents);
  battles_.resize(envs);
  obs.resize(agents * static_cast<std::size_t>(task_->obs_dim));
  state.resize(envs * static_cast<std::size_t>(task_->state_dim));
  available.resize(agents * static_cast<std::size_t>(task_->n_actions));
  executed.resize(agents);
  reward.resize(envs);
  terminated.resize(envs), truncated.resize(envs), battle_won.resize(envs);
  dead_allies.resize(envs), dead_enemies.resize(envs), replaced_actions.resize(envs);
  pool_ = std::make_unique<ThreadPool>(std::min(threads, n_envs));
}

void VectorWorld::observe(int env) {
  const Battle& battle = battles_[static_cast<std::size_t>(env)];
  std::uint8_t* const masks = available.data() + std::ptrdiff_t{env} * row_size(task_->n_actions);
  float* const rows = obs.data() + std::ptrdiff_t{env} * row_size(task_->obs_dim);
  write_available(*task_, battle, masks);
  write_obs(*task_, battle, masks, rows);
  write_state(*task_, battle, rows, state.data() + std::ptrdiff_t{env} * task_->state_dim);
}

void VectorWorld::reset(std::span<const std::int64_t> envs, std::span<const std::int64_t> episodes) {
  pool_->for_each(static_cast<int>(envs.size()), [&](int k) {
    const std::size_t i = static_cast<std::size_t>(k);
    const int env = static_cast<int>(envs[i]);
    skirmish::reset(*task_, battles_[static_cast<std::size_t>(env)], seed_,
                    static_cast<std::uint32_t>(episodes[i]));
    observe(env);
  });
}

std::optional<VectorWorld::Illegal> VectorWorld::find_illegal(std::span<const std::int64_t> actions,
                                                              std::span<const std::uint8_t> active) const {
  const int n_agents = task_->n_agents, n_actions = task_->n_actions;
  for (int env = 0; env < n_envs(); ++env) {
    if (!active[static_cast<std::size_t>(env)]) continue;
    for (int agent = 0; agent < n_agents; ++agent) {
      const std::size_t row = static_cast<std::size_t>(env * n_agents + agent);
      const std::int64_t action = actions[row];
      const bool in_range = action >= 0 && action < n_actions;
      if (!in_range ||
          !available[row * static_cast<std::size_t>(n_actions) + static_cast<std::size_t>(action)]) {
        return Illegal{env, agent, action};
      }
    }
  }
  return std::nullopt;
}

void VectorWorld::step_one(int env, std::span<const std::int64_t> actions) {
  const std::size_t e = static_cast<std::size_t>(env);
  const int n_agents = task_->n_agents, n_actions = task_->n_actions;
  Battle& battle = battles_[e];
  thread_local std::vector<std::int64_t> legal;
  legal.assign(actions.begin(), actions.end());
  int replaced = 0;
  for (int agent = 0; agent < n_agents; ++agent) {
    const std::uint8_t* const row = available.data() + std::ptrdiff_t{env * n_agents + agent} * n_actions;
    std::int64_t& action = legal[static_cast<std::size_t>(agent)];
    if (action >= 0 && action < n_actions && row[action]) continue;
    action = row[kNoOp] ? kNoOp : kStop;
    ++replaced;
  }
  const auto played =
      std::span(executed).subspan(e * static_cast<std::size_t>(n_agents), static_cast<std::size_t>(n_agents));
  const StepResult result = skirmish::step(*task_, battle, legal, played);
  reward[e] = result.reward;
  terminated[e] = result.terminated;
  truncated[e] = result.truncated;
  battle_won[e] = result.battle_won;
  dead_allies[e] = result.dead_allies;
  dead_enemies[e] = result.dead_enemies;
  replaced_actions[e] = task_->scenario.players[0].commander == Commander::kAgents ? replaced : 0;
  observe(env);
}

void VectorWorld::step(std::span<const std::int64_t> actions, std::span<const std::uint8_t> active) {
  const std::size_t n_agents = static_cast<std::size_t>(task_->n_agents);
  pool_->for_each(n_envs(), [&](int env) {
    const std::size_t e = static_cast<std::size_t>(env);
    if (active[e]) {
      step_one(env, actions.subspan(e * n_agents, n_agents));
      return;
    }
    reward[e] = 0;
    terminated[e] = truncated[e] = battle_won[e] = 0;
    dead_allies[e] = dead_enemies[e] = replaced_actions[e] = 0;
  });
}

void VectorWorld::random_actions(std::span<const std::uint8_t> active,
                                 std::span<std::int64_t> actions) const {
  const std::size_t n_agents = static_cast<std::size_t>(task_->n_agents);
  const std::size_t n_actions = static_cast<std::size_t>(task_->n_actions);
  for (std::size_t e = 0; e < battles_.size(); ++e) {
    const auto chosen = actions.subspan(e * n_agents, n_agents);
    std::fill(chosen.begin(), chosen.end(), 0);
    if (!active[e]) continue;
    const Battle& battle = battles_[e];
    const Draws draws{seed_, Purpose::kRandomPolicy, battle.world.episode,
                      static_cast<std::uint32_t>(battle.steps)};
    PhiloxBlock block{};
    for (std::size_t agent = 0; agent < n_agents; ++agent) {
      const std::uint8_t* const row = available.data() + (e * n_agents + agent) * n_actions;
      std::uint64_t count = 0;
      for (std::size_t a = 0; a < n_actions; ++a) count += row[a];
      if (agent % 4 == 0) block = draws.block(static_cast<std::uint32_t>(agent / 4));
      std::uint64_t left = (block[agent % 4] * count) >> 32;
      std::size_t action = 0;
      while (!row[action] || left-- > 0) ++action;
      chosen[agent] = static_cast<std::int64_t>(action);
    }
  }
}

std::vector<std::uint8_t> VectorWorld::save(int env) const {
  return skirmish::save(*task_, battles_[static_cast<std::size_t>(env)]);
}

void VectorWorld::load(int env, std::span<const std::uint8_t> bytes) {
  skirmish::load(*task_, battles_[static_cast<std::size_t>(env)], bytes);
  observe(env);
}

}  // namespace fop::skirmish
