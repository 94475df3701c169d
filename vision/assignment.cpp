// Minimum-cost assignment by shortest augmenting paths with potentials.
#include "vision/assignment.hpp"

#include <algorithm>
#include <limits>

namespace fovea {
namespace {

/// Columns of all rows, for rows ≤ columns. Row and column 0 are the method's virtual ones.
std::vector<int> assign_wide(const std::vector<double>& costs, std::size_t rows, std::size_t columns) {
  std::vector<double> row_potential(rows + 1, 0);
  std::vector<double> column_potential(columns + 1, 0);
  std::vector<std::size_t> row_of(columns + 1, 0);
  std::vector<std::size_t> previous(columns + 1, 0);
  for (std::size_t row = 1; row <= rows; ++row) {
    std::vector<double> distance(columns + 1, std::numeric_limits<double>::infinity());
    std::vector<char> used(columns + 1, 0);
    std::size_t column = 0;
    row_of[0] = row;
    do {
      used[column] = 1;
      const std::size_t current = row_of[column];
      double least = std::numeric_limits<double>::infinity();
      std::size_t next = 0;
      for (std::size_t j = 1; j <= columns; ++j) {
        if (used[j] != 0) {
          continue;
        }
        const double reduced = costs[(current - 1) * columns + (j - 1)] - row_potential[current] - column_potential[j];
        if (reduced < distance[j]) {
          distance[j] = reduced;
          previous[j] = column;
        }
        if (distance[j] < least) {
          least = distance[j];
          next = j;
        }
      }
      for (std::size_t j = 0; j <= columns; ++j) {
        if (used[j] != 0) {
          row_potential[row_of[j]] += least;
          column_potential[j] -= least;
        } else {
          distance[j] -= least;
        }
      }
      column = next;
    } while (row_of[column] != 0);
    while (column != 0) {
      row_of[column] = row_of[previous[column]];
      column = previous[column];
    }
  }
  std::vector<int> result(rows, -1);
  for (std::size_t j = 1; j <= columns; ++j) {
    if (row_of[j] != 0) {
      result[row_of[j] - 1] = static_cast<int>(j - 1);
    }
  }
  return result;
}

}  // namespace

std::vector<int> assign(const std::vector<double>& costs, std::size_t rows, std::size_t columns) {
  std::vector<int> result(rows, -1);
  if (rows == 0 || columns == 0) {
    return result;
  }
  if (rows <= columns) {
    result = assign_wide(costs, rows, columns);
  } else {
    std::vector<double> transposed(costs.size());
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        transposed[j * rows + i] = costs[i * columns + j];
      }
    }
    const std::vector<int> row_of = assign_wide(transposed, columns, rows);
    for (std::size_t j = 0; j < columns; ++j) {
      result[static_cast<std::size_t>(row_of[j])] = static_cast<int>(j);
    }
  }
  for (std::size_t i = 0; i < rows; ++i) {
    if (result[i] >= 0 && costs[i * columns + static_cast<std::size_t>(result[i])] >= kForbidden) {
      result[i] = -1;
    }
  }
  return result;
}

}  // namespace fovea
