#include <pybind11/pybind11.h>

namespace fop::bindings {

void register_replay(pybind11::module_&) {}

}  // namespace fop::bindings
