// Splits rows between threads. Rows never depend on each other, so results don't depend on the split.
#pragma once

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace fop {

// Calls body(begin, end) on disjoint ranges that cover [0, rows). Starts a thread only where it gets at least
// `grain` units of work, `cost` units a row: starting one takes about 20 microseconds. Threads are started
// anew each time, so nothing outlives a call and forking stays safe. `body` must not throw.
template <class Body>
void parallel_for(std::int64_t rows, std::int64_t cost, int threads, const Body& body) {
  constexpr std::int64_t kGrain = 1 << 16;
  const std::int64_t useful = std::max<std::int64_t>(1, rows * std::max<std::int64_t>(cost, 1) / kGrain);
  const std::int64_t parts =
      std::min<std::int64_t>({std::max(threads, 1), useful, std::max<std::int64_t>(rows, 1)});
  if (parts == 1) {
    body(std::int64_t{0}, rows);
    return;
  }
  struct Workers {  // std::jthread is missing from libc++ of 2024, which macOS has
    std::vector<std::thread> threads;
    ~Workers() {
      for (std::thread& thread : threads) thread.join();
    }
  } workers;
  workers.threads.reserve(static_cast<std::size_t>(parts - 1));
  for (std::int64_t part = 1; part < parts; ++part) {
    workers.threads.emplace_back(
        [&body, begin = rows * part / parts, end = rows * (part + 1) / parts] { body(begin, end); });
  }
  body(std::int64_t{0}, rows / parts);
}

}  // namespace fop
