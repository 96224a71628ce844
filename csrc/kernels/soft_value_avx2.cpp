// Compiled with its own instruction set (CMakeLists.txt); empty on other machines.
#ifdef FOP_X86
#include "kernels/lanes_avx2.hpp"
#include "kernels/soft_value_lanes.hpp"
#include "kernels/soft_value_paths.hpp"

namespace fop::avx2 {
FOP_DEFINE_SOFT_VALUE(float, Floats256)
FOP_DEFINE_SOFT_VALUE(double, Doubles256)
}  // namespace fop::avx2
#endif
