/// Keypoint sets: names, left/right partners, skeleton links, subsets.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// Describes one keypoint of a set.
struct KeypointInfo {
  std::string name;
  /// The index that this keypoint becomes in a mirrored image; its own for one in the middle.
  ///
  /// It has no value if the set does not say.
  std::optional<std::size_t> swap;
  friend bool operator==(const KeypointInfo&, const KeypointInfo&) = default;
};

/// Says what the K channels of a pose model mean.
struct KeypointSet {
  std::string name;
  std::string provenance;               ///< Where names and numbers come from.
  std::vector<KeypointInfo> keypoints;  ///< K entries; the position is the index.
  /// The skeleton: pairs of keypoint indices.
  std::vector<std::pair<std::size_t, std::size_t>> links;
  std::vector<double> sigmas;  ///< The OKS fall-off of each keypoint (COCO), or empty.
  /// Named lists of indices, for example "coco17".
  std::map<std::string, std::vector<std::size_t>> subsets;

  /// Returns the number of keypoints, K.
  [[nodiscard]] std::size_t size() const noexcept { return keypoints.size(); }
  /// Returns whether every keypoint names its partner, which the flip test needs.
  [[nodiscard]] POSEKIT_API bool can_mirror() const noexcept;
  friend bool operator==(const KeypointSet&, const KeypointSet&) = default;
};

/// Reads a set in the form of docs/models.md ("Own keypoint sets").
///
/// @throws Error invalid_argument that names the key, what was found and what is allowed
[[nodiscard]] POSEKIT_API KeypointSet parse_keypoint_set(std::string_view json);

/// Returns the names of the sets that come with posekit, sorted.
[[nodiscard]] POSEKIT_API std::vector<std::string> builtin_keypoint_sets();

/// Returns a set that comes with posekit.
///
/// There are blazepose33, coco17, coco_wholebody133, goliath308, halpe26 and mpii16. The set lives
/// until the process ends.
///
/// @throws Error not_found that lists the names there are
[[nodiscard]] POSEKIT_API const KeypointSet& builtin_keypoint_set(std::string_view name);

/// Returns the channels that a selection names, in its order, each once.
///
/// A keypoint that several entries bring, as the wrist of body and left_hand, is at its first position.
///
/// @param selection names of subsets, of keypoints, or the set's own (all keypoints), which may mix;
///     a name that is both a subset's and a keypoint's means the subset
/// @throws Error not_found that names the entry and what there is
/// @throws Error invalid_argument if the selection is empty or has an entry twice
[[nodiscard]] POSEKIT_API std::vector<std::size_t> select_keypoints(const KeypointSet& set, std::span<const std::string> selection);

/// Returns the set that is left when only these channels are kept, in this order.
///
/// It has their names, their sigmas, and the links and partners among them. The indices of a named
/// subset give the new set that subset's name; of two such names, that of a built-in set (coco17).
///
/// @throws Error invalid_argument if an index is not in the set
[[nodiscard]] POSEKIT_API KeypointSet subset(const KeypointSet& set, std::span<const std::size_t> indices);

}  // namespace posekit::inline v0
