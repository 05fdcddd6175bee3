/// Shortest augmenting paths. Each row may also stay alone, which costs 0: as if it had a column of its own.
#include "tracking/assignment.h"

#include <algorithm>
#include <limits>

namespace posekit::inline v0 {
namespace {

constexpr double never = std::numeric_limits<double>::infinity();

}  // namespace

void Assignment::begin(std::size_t columns) {
  edges_.clear();
  first_edge_.clear();
  row_of_.assign(columns, none);
  column_price_.assign(columns, 0);
  distance_.assign(columns, never);
  from_.assign(columns, none);
  done_.assign(columns, 0);
}

void Assignment::add_row() { first_edge_.push_back(edges_.size()); }

void Assignment::add_edge(std::size_t column, double gain) { edges_.push_back({column, -gain}); }

std::span<const Assignment::Edge> Assignment::edges(std::size_t row) const {
  const std::size_t end = row + 1 < first_edge_.size() ? first_edge_[row + 1] : edges_.size();
  return {edges_.data() + first_edge_[row], end - first_edge_[row]};
}

std::span<const std::size_t> Assignment::solve() {
  column_of_.assign(first_edge_.size(), none);
  row_price_.assign(first_edge_.size(), 0);
  reached_.reserve(row_of_.size());
  for (std::size_t row = 0; row < first_edge_.size(); ++row) augment(row);
  return column_of_;
}

void Assignment::augment(std::size_t first) {
  // Reduced costs, cost - row price - column price, are never negative, and 0 along what is matched.
  for (const Edge& edge : edges(first)) row_price_[first] = std::min(row_price_[first], edge.cost - column_price_[edge.column]);
  reached_.clear();
  std::size_t row = first;
  double far = 0;             // of `row`
  double best_end = never;    // the shortest way to a row that stays alone
  std::size_t alone = none;   // that row
  std::size_t ending = none;  // or the free column where the way ends
  double length = 0;
  for (;;) {
    if (far - row_price_[row] < best_end) {
      best_end = far - row_price_[row];
      alone = row;
    }
    for (const Edge& edge : edges(row)) {
      const double there = far + edge.cost - row_price_[row] - column_price_[edge.column];
      if (done_[edge.column] || !(there < distance_[edge.column])) continue;
      if (from_[edge.column] == none) reached_.push_back(edge.column);
      distance_[edge.column] = there;
      from_[edge.column] = row;
    }
    std::size_t next = none;
    for (const std::size_t column : reached_) {
      if (!done_[column] && (next == none || distance_[column] < distance_[next])) next = column;
    }
    length = next == none ? best_end : std::min(best_end, distance_[next]);
    if (next == none || best_end < distance_[next]) break;
    if (row_of_[next] == none) {
      ending = next;
      break;
    }
    done_[next] = 1;
    far = distance_[next];
    row = row_of_[next];
  }

  row_price_[first] += length;
  for (const std::size_t column : reached_) {
    if (!done_[column]) continue;
    row_price_[row_of_[column]] += length - distance_[column];
    column_price_[column] -= length - distance_[column];
  }
  // Along the way each row takes the next column; the last stays alone, or takes the free one.
  row = ending == none ? alone : from_[ending];
  std::size_t column = ending;
  for (;;) {
    const std::size_t before = column_of_[row];
    column_of_[row] = column;
    if (column != none) row_of_[column] = row;
    if (row == first) break;
    column = before;
    row = from_[column];
  }
  for (const std::size_t touched : reached_) {
    distance_[touched] = never;
    from_[touched] = none;
    done_[touched] = 0;
  }
}

}  // namespace posekit::inline v0
