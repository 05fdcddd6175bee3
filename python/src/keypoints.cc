/// Keypoint sets.
#include "posekit/keypoints.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <vector>

#include "register.h"

namespace py = pybind11;
using posekit::KeypointSet;

namespace posekit_python {
namespace {

std::vector<std::string> names_of(const KeypointSet& set) {
  std::vector<std::string> names;
  for (const auto& keypoint : set.keypoints) names.push_back(keypoint.name);
  return names;
}

std::vector<std::optional<std::size_t>> swaps_of(const KeypointSet& set) {
  std::vector<std::optional<std::size_t>> swaps;
  for (const auto& keypoint : set.keypoints) swaps.push_back(keypoint.swap);
  return swaps;
}

py::tuple state_of(const KeypointSet& set) {
  return py::make_tuple(set.name, set.provenance, names_of(set), swaps_of(set), set.links, set.sigmas, set.subsets);
}

KeypointSet set_of(const py::tuple& state) {
  KeypointSet set{.name = state[0].cast<std::string>(),
                  .provenance = state[1].cast<std::string>(),
                  .keypoints = {},
                  .links = state[4].cast<decltype(set.links)>(),
                  .sigmas = state[5].cast<std::vector<double>>(),
                  .subsets = state[6].cast<decltype(set.subsets)>()};
  const auto names = state[2].cast<std::vector<std::string>>();
  const auto swaps = state[3].cast<std::vector<std::optional<std::size_t>>>();
  for (std::size_t i = 0; i < names.size(); ++i) set.keypoints.push_back({names[i], swaps.at(i)});
  return set;
}

}  // namespace

void register_keypoints(py::module_& module) {
  py::class_<KeypointSet>(module, "KeypointSet", "What the K channels of a pose model mean: names, partners, skeleton links, subsets.")
      .def_readonly("name", &KeypointSet::name, "The set's name, for example \"coco17\".")
      .def_readonly("provenance", &KeypointSet::provenance, "Where names and numbers come from.")
      .def_property_readonly("names", &names_of, "K names; the position is the index.")
      .def_property_readonly("swap", &swaps_of, "K indices that the keypoints become in a mirrored image; None if the set does not say.")
      .def_readonly("links", &KeypointSet::links, "Skeleton: pairs of keypoint indices.")
      .def_readonly("sigmas", &KeypointSet::sigmas, "OKS fall-off for each keypoint (COCO), or empty.")
      .def_readonly("subsets", &KeypointSet::subsets, "Named lists of indices, for example \"coco17\".")
      .def_property_readonly("can_mirror", &KeypointSet::can_mirror, "Whether every keypoint says its partner: what the flip test needs.")
      .def("__len__", &KeypointSet::size)
      .def(
          "__eq__", [](const KeypointSet& a, const KeypointSet& b) { return a == b; }, py::is_operator())
      .def("__hash__", [](const KeypointSet& set) { return py::hash(py::make_tuple(set.name, py::tuple(py::cast(names_of(set))))); })
      .def("__repr__",
           [](const KeypointSet& set) {
             return "KeypointSet(" + py::repr(py::str(set.name)).cast<std::string>() + ", " + std::to_string(set.size()) + " keypoints)";
           })
      .def(py::pickle(&state_of, &set_of));

  module.def("parse_keypoint_set", &posekit::parse_keypoint_set, py::arg("json"),
             "Reads a set in the form of docs/models.md (\"Own keypoint sets\").\n\nRaises InvalidArgumentError.");
  module.def("builtin_keypoint_sets", &posekit::builtin_keypoint_sets, "Names of the sets that come with posekit, sorted.");
  module.def("builtin_keypoint_set", &posekit::builtin_keypoint_set, py::arg("name"), py::return_value_policy::copy,
             "A set that comes with posekit.\n\nRaises NotFoundError that lists the names there are.");
  module.def(
      "select_keypoints",
      [](const KeypointSet& set, const std::vector<std::string>& selection) { return posekit::select_keypoints(set, selection); },
      py::arg("set"), py::arg("selection"),
      "Which channels a selection names: names of subsets or of keypoints, which may mix.\n\nRaises NotFoundError, InvalidArgumentError.");
  module.def(
      "subset", [](const KeypointSet& set, const std::vector<std::size_t>& indices) { return posekit::subset(set, indices); },
      py::arg("set"), py::arg("indices"),
      "The set that is left when only these channels are kept, in this order.\n\nRaises InvalidArgumentError.");
}

}  // namespace posekit_python
