/// Assignment: exact, held against trying everything.
#include "tracking/assignment.h"

#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <random>
#include <vector>

using namespace posekit;

namespace {

using Gains = std::vector<std::vector<double>>;  // 0: no edge

double total(const Gains& gains, std::span<const std::size_t> column_of) {
  double sum = 0;
  for (std::size_t row = 0; row < gains.size(); ++row) {
    if (column_of[row] != Assignment::none) sum += gains[row][column_of[row]];
  }
  return sum;
}

/// The best there is, by trying everything.
double best(const Gains& gains, std::size_t row, std::vector<bool>& taken) {
  if (row == gains.size()) return 0;
  double most = best(gains, row + 1, taken);
  for (std::size_t column = 0; column < taken.size(); ++column) {
    if (taken[column] || gains[row][column] == 0) continue;
    taken[column] = true;
    most = std::max(most, gains[row][column] + best(gains, row + 1, taken));
    taken[column] = false;
  }
  return most;
}

std::span<const std::size_t> solve(Assignment& assignment, const Gains& gains, std::size_t columns) {
  assignment.begin(columns);
  for (const auto& row : gains) {
    assignment.add_row();
    for (std::size_t column = 0; column < columns; ++column) {
      if (row[column] > 0) assignment.add_edge(column, row[column]);
    }
  }
  return assignment.solve();
}

}  // namespace

TEST_CASE("Assignment finds the greatest total gain without matching anybody twice") {
  std::mt19937 random(7);
  Assignment assignment;
  for (int round = 0; round < 3000; ++round) {
    const std::size_t rows = random() % 7;
    const std::size_t columns = random() % 7;
    Gains gains(rows, std::vector<double>(columns, 0));
    for (auto& row : gains) {
      // Whole numbers make ties, the hard case.
      for (double& gain : row)
        gain = random() % 3 == 0 ? 0
               : round % 2 == 0  ? 1.0 + static_cast<double>(random() % 4)
                                 : static_cast<double>(random() % 1000 + 1) / 1000;
    }
    const auto column_of = solve(assignment, gains, columns);
    REQUIRE(column_of.size() == rows);
    std::vector<bool> taken(columns, false);
    for (std::size_t row = 0; row < rows; ++row) {
      if (column_of[row] == Assignment::none) continue;
      REQUIRE(gains[row][column_of[row]] > 0);
      REQUIRE_FALSE(taken[column_of[row]]);
      taken[column_of[row]] = true;
    }
    std::vector<bool> free(columns, false);
    REQUIRE(total(gains, column_of) == Catch::Approx(best(gains, 0, free)).margin(1e-12));
  }
}

TEST_CASE("Assignment prefers two fair pairs to one good one") {
  Assignment assignment;
  const auto column_of = solve(assignment, {{0.9, 0.8}, {0.7, 0}}, 2);
  CHECK(column_of[0] == 1);
  CHECK(column_of[1] == 0);
}
