#include "neighbors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace splat {
namespace {

constexpr int kNeighbors = 3;
constexpr int64_t kLeaf = 12;  // points that are compared one by one

// A place, and of the points nearest to it, but for one that may be left out, the squared distances found so far, ascending.
struct Nearest {
    const double *place;
    int64_t but;
    double squared[kNeighbors];
    Nearest(const double *place_, int64_t but_) : place(place_), but(but_) {
        std::fill_n(squared, kNeighbors, std::numeric_limits<double>::infinity());
    }
    double farthest() const { return squared[kNeighbors - 1]; }
    void add(double distance, int64_t) {
        if (!(distance < farthest())) return;
        int k = kNeighbors - 1;
        for (; k > 0 && squared[k - 1] > distance; --k) squared[k] = squared[k - 1];
        squared[k] = distance;
    }
};

// The same of any number of points, of which none is left out, and which they are.
struct NearestPoints {
    const double *place;
    int count;
    int64_t *which;
    double *squared;
    static constexpr int64_t but = -1;
    NearestPoints(const double *place_, int count_, int64_t *which_, double *squared_)
        : place(place_), count(count_), which(which_), squared(squared_) {
        std::fill_n(which, count, int64_t(0));
        std::fill_n(squared, count, std::numeric_limits<double>::infinity());
    }
    double farthest() const { return squared[count - 1]; }
    void add(double distance, int64_t point) {
        if (!(distance < farthest())) return;
        int k = count - 1;
        for (; k > 0 && squared[k - 1] > distance; --k) {
            squared[k] = squared[k - 1];
            which[k] = which[k - 1];
        }
        squared[k] = distance;
        which[k] = point;
    }
};

// A k-d tree (Bentley 1975) in place: the points of a range, in the order of `index_`, are halved at their median along
// the axis in which they spread most, and the halves again, down to leaves.
class Tree {
public:
    Tree(const double *points, int64_t count) : points_(points), index_(count) {
        std::iota(index_.begin(), index_.end(), int64_t(0));
        build(0, 0, count);
    }

    template <class Found>
    void find(Found &found) const {
        search(0, 0, int64_t(index_.size()), found);
    }

private:
    struct Split {
        int axis = 0;
        double at = 0;
    };

    double coordinate(int64_t k, int axis) const { return points_[3 * index_[k] + axis]; }

    void build(size_t node, int64_t begin, int64_t end) {
        if (end - begin <= kLeaf) return;
        Split split;
        double widest = -1;
        for (int axis = 0; axis < 3; ++axis) {
            double low = coordinate(begin, axis), high = low;
            for (int64_t k = begin; k < end; ++k) {
                low = std::min(low, coordinate(k, axis));
                high = std::max(high, coordinate(k, axis));
            }
            if (high - low > widest) {
                widest = high - low;
                split.axis = axis;
            }
        }
        const int64_t middle = begin + (end - begin) / 2;
        std::nth_element(
            index_.begin() + begin, index_.begin() + middle, index_.begin() + end,
            [&](int64_t a, int64_t b) { return points_[3 * a + split.axis] < points_[3 * b + split.axis]; });
        split.at = coordinate(middle, split.axis);
        if (splits_.size() <= node) splits_.resize(2 * node + 1);
        splits_[node] = split;
        build(2 * node + 1, begin, middle);
        build(2 * node + 2, middle, end);
    }

    template <class Found>
    void search(size_t node, int64_t begin, int64_t end, Found &found) const {
        if (end - begin <= kLeaf) {
            for (int64_t k = begin; k < end; ++k) {
                if (index_[k] == found.but) continue;
                const double *other = points_ + 3 * index_[k];
                const double x = other[0] - found.place[0], y = other[1] - found.place[1],
                             z = other[2] - found.place[2];
                found.add(x * x + y * y + z * z, index_[k]);
            }
            return;
        }
        const Split &split = splits_[node];
        const int64_t middle = begin + (end - begin) / 2;
        const double beyond = found.place[split.axis] - split.at;  // points at the split itself lie on either side
        const auto low = [&] { search(2 * node + 1, begin, middle, found); };
        const auto high = [&] { search(2 * node + 2, middle, end, found); };
        beyond < 0 ? low() : high();
        if (beyond * beyond < found.farthest()) beyond < 0 ? high() : low();
    }

    const double *points_;
    std::vector<int64_t> index_;
    std::vector<Split> splits_;
};

}  // namespace

void neighbor_distances(const double *points, int64_t count, int threads, double *mean_squared) {
    const Tree tree(points, count);
    const int64_t others = std::min<int64_t>(kNeighbors, count - 1);
    (void)threads;
#pragma omp parallel for schedule(dynamic, 256) num_threads(threads)
    for (int64_t i = 0; i < count; ++i) {
        Nearest found(points + 3 * i, i);
        tree.find(found);
        const double sum = std::accumulate(found.squared, found.squared + others, 0.0);
        mean_squared[i] = others > 0 ? sum / double(others) : 0.0;
    }
}

void nearest_points(const double *points, int64_t count, const double *places, int64_t asked, int nearest, int threads,
                    int64_t *which, double *distances) {
    const Tree tree(points, count);
    (void)threads;
#pragma omp parallel for schedule(dynamic, 64) num_threads(threads)
    for (int64_t i = 0; i < asked; ++i) {
        double *own = distances + i * nearest;
        NearestPoints found(places + 3 * i, nearest, which + i * nearest, own);
        tree.find(found);
        std::transform(own, own + nearest, own, [](double squared) { return std::sqrt(squared); });
    }
}

}  // namespace splat
