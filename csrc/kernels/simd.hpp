// Which instruction set the kernels use: the best that the machine has, unless a test or a user asks
// otherwise.
#pragma once

namespace fop {

enum class Simd { kPlain, kAvx2, kAvx512 };

// The best instruction set that both this build and this machine have.
Simd best_simd();

// What the kernels use now; best_simd() unless set_simd() was called.
Simd simd();

// Throws std::invalid_argument where the machine lacks it. Holds for the whole process.
void set_simd(Simd level);

}  // namespace fop
