// E battles of one task, stepped by one call, with dense rows written in place.
//
// Every battle depends on (seed, its episode's number, its actions) alone:
// neither on its slot, nor on the other battles, nor on the number of threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "skirmish/smac/battle.hpp"

namespace fop::skirmish {

// Runs fn(0) .. fn(n - 1), in any order, on the calling thread and `threads - 1` others. `fn` must not throw.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  void for_each(int n, const std::function<void(int)>& fn);

 private:
  void work();
  void take_part(std::unique_lock<std::mutex>& lock);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_, done_;
  const std::function<void(int)>* fn_ = nullptr;
  int next_ = 0, end_ = 0, chunk_ = 1, busy_ = 0;
  bool stop_ = false;
};

class VectorWorld {
 public:
  struct Illegal {
    int env, agent;
    std::int64_t action;
  };

  VectorWorld(std::shared_ptr<const Task> task, int n_envs, std::uint64_t seed, int threads);

  void reset(std::span<const std::int64_t> envs, std::span<const std::int64_t> episodes);
  // The first action of an active battle that is not available, if any.
  std::optional<Illegal> find_illegal(std::span<const std::int64_t> actions,
                                      std::span<const std::uint8_t> active) const;
  // Steps the active battles; `result` rows of the others become zero. Actions that aren't available are
  // replaced by stop or no-op and counted.
  void step(std::span<const std::int64_t> actions, std::span<const std::uint8_t> active);
  // Draws for each agent of the active battles uniformly among its available actions; a function of (seed,
  // episode, step, agent). Rows of the others become zero.
  void random_actions(std::span<const std::uint8_t> active, std::span<std::int64_t> actions) const;
  std::vector<std::uint8_t> save(int env) const;
  void load(int env, std::span<const std::uint8_t> bytes);

  const Task& task() const { return *task_; }
  int n_envs() const { return static_cast<int>(battles_.size()); }
  const Battle& battle(int env) const { return battles_[static_cast<std::size_t>(env)]; }

  // Rows, in place: [E, N, O], [E, S], [E, N, A], and [E] each for the results.
  std::vector<float> obs, state;
  std::vector<std::uint8_t> available;
  std::vector<std::int64_t> executed;  // [E, N] actions as played in the last step
  std::vector<double> reward;
  std::vector<std::uint8_t> terminated, truncated, battle_won;
  std::vector<std::int32_t> dead_allies, dead_enemies, replaced_actions;

 private:
  void observe(int env);
  void step_one(int env, std::span<const std::int64_t> actions);
  int row_size(int env_rows) const { return task_->n_agents * env_rows; }

  std::shared_ptr<const Task> task_;
  std::uint64_t seed_;
  std::vector<Battle> battles_;
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace fop::skirmish
