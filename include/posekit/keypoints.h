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

/// One keypoint of a set.
struct KeypointInfo {
  std::string name;
  /// The index that this keypoint becomes in a mirrored image (its own for one in the middle); none if the set does not say.
  std::optional<std::size_t> swap;
  friend bool operator==(const KeypointInfo&, const KeypointInfo&) = default;
};

/// What the K channels of a pose model mean.
struct KeypointSet {
  std::string name;
  std::string provenance;                                   ///< Where names and numbers come from.
  std::vector<KeypointInfo> keypoints;                      ///< K entries; the position is the index.
  std::vector<std::pair<std::size_t, std::size_t>> links;   ///< Skeleton: pairs of keypoint indices.
  std::vector<double> sigmas;                               ///< OKS fall-off for each keypoint (COCO), or empty.
  std::map<std::string, std::vector<std::size_t>> subsets;  ///< Named lists of indices, for example "coco17".

  [[nodiscard]] std::size_t size() const noexcept { return keypoints.size(); }
  /// Whether every keypoint says its partner: what the flip test needs.
  [[nodiscard]] POSEKIT_API bool can_mirror() const noexcept;
  friend bool operator==(const KeypointSet&, const KeypointSet&) = default;
};

/// Reads a set in the form of docs/models.md ("Own keypoint sets").
/// @throws Error invalid_argument that names the key, what was found and what is allowed
[[nodiscard]] POSEKIT_API KeypointSet parse_keypoint_set(std::string_view json);

/// Names of the sets that come with posekit, sorted.
[[nodiscard]] POSEKIT_API std::vector<std::string> builtin_keypoint_sets();

/// A set that comes with posekit: blazepose33, coco17, coco_wholebody133, goliath308, halpe26, mpii16.
/// @throws Error not_found that lists the names there are
[[nodiscard]] POSEKIT_API const KeypointSet& builtin_keypoint_set(std::string_view name);

/// Which channels a selection names: one name of a subset of the set (or of the set itself: all), or names of keypoints.
/// @throws Error not_found that names the entry and what there is; invalid_argument if empty or a keypoint is named twice
[[nodiscard]] POSEKIT_API std::vector<std::size_t> select_keypoints(const KeypointSet& set, std::span<const std::string> selection);

/// The set that is left when only these channels are kept, in this order: names, links within, partners within, sigmas.
/// A named subset gives the new set its name.
/// @throws Error invalid_argument if an index is not in the set
[[nodiscard]] POSEKIT_API KeypointSet subset(const KeypointSet& set, std::span<const std::size_t> indices);

}  // namespace posekit::inline v0
