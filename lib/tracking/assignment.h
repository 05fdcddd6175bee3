/// Pairs rows with columns for the greatest total gain: an exact assignment.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace posekit::inline v0 {

/// Maximum-weight matching in a sparse bipartite graph by shortest augmenting paths (Jonker and Volgenant, "A Shortest Augmenting Path
/// Algorithm for Dense and Sparse Linear Assignment Problems", Computing 38, 1987). Pairs without an edge are never matched, and nobody has
/// to be. Keeps its memory for the next problem.
class Assignment {
 public:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// A new problem with so many columns and no row yet.
  void begin(std::size_t columns);
  /// The next row; its edges follow.
  void add_row();
  /// @param gain > 0, finite
  void add_edge(std::size_t column, double gain);
  /// For each row its column, or none. The same problem gives the same answer.
  [[nodiscard]] std::span<const std::size_t> solve();

 private:
  struct Edge {
    std::size_t column;
    double cost;  // -gain
  };
  [[nodiscard]] std::span<const Edge> edges(std::size_t row) const;
  void augment(std::size_t row);

  std::vector<Edge> edges_;
  std::vector<std::size_t> first_edge_;  // of each row
  std::vector<std::size_t> column_of_;   // each row's column
  std::vector<std::size_t> row_of_;      // each column's row
  std::vector<double> row_price_;
  std::vector<double> column_price_;
  // One search: the shortest way to each column that was reached, and the row before it.
  std::vector<double> distance_;
  std::vector<std::size_t> from_;
  std::vector<char> done_;
  std::vector<std::size_t> reached_;
};

}  // namespace posekit::inline v0
