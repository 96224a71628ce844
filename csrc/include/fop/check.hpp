// The assertions of the native tests: CHECK reports and counts; a test's main returns fop::test::failures().
#pragma once

#include <cmath>
#include <cstdio>

namespace fop::test {

inline int& failures() {
  static int count = 0;
  return count;
}

inline void report(const char* file, int line, const char* expression) {
  std::printf("%s:%d: CHECK failed: %s\n", file, line, expression);
  ++failures();
}

}  // namespace fop::test

#define CHECK(expression)                                                    \
  do {                                                                       \
    if (!(expression)) ::fop::test::report(__FILE__, __LINE__, #expression); \
  } while (false)
#define CHECK_NEAR(a, b, tolerance) CHECK(std::abs((a) - (b)) <= (tolerance))
