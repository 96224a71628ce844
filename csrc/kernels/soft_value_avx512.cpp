// Compiled with its own instruction set (CMakeLists.txt); empty on other machines.
#ifdef FOP_X86
#include "kernels/lanes_avx512.hpp"
#include "kernels/soft_value_lanes.hpp"
#include "kernels/soft_value_paths.hpp"

namespace fop::avx512 {
FOP_DEFINE_SOFT_VALUE(float, Floats512)
FOP_DEFINE_SOFT_VALUE(double, Doubles512)
}  // namespace fop::avx512
#endif
