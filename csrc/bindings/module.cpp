// The Python module fop_core._native: one register function per room.
#include <pybind11/pybind11.h>

namespace fop::bindings {
void register_kernels(pybind11::module_& module);
void register_replay(pybind11::module_& module);
void register_rng(pybind11::module_& module);
void register_skirmish(pybind11::module_& module);
}  // namespace fop::bindings

PYBIND11_MODULE(_native, module) {
  module.doc() =
      "The compiled module. Only fop_core imports it: use its ops, kernels, replay, rng and skirmish.";
  fop::bindings::register_kernels(module);
  fop::bindings::register_replay(module);
  fop::bindings::register_rng(module);
  fop::bindings::register_skirmish(module);
}
