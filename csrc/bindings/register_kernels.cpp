#include <pybind11/pybind11.h>

namespace fop::bindings {

void register_kernels(pybind11::module_&) {}

}  // namespace fop::bindings
