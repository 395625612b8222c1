#include "sightings.h"

#include <algorithm>

namespace splat {
namespace {

// The indices `order`, sorted by key[index] in [0, keys), equals in their order; first[k] is where those of k begin.
std::vector<int64_t> sorted(const std::vector<int64_t> &order, const std::vector<int64_t> &key, int64_t keys,
                            std::vector<int64_t> &first) {
    first.assign(keys + 1, 0);
    for (int64_t index : order) ++first[key[index] + 1];
    for (int64_t k = 0; k < keys; ++k) first[k + 1] += first[k];
    std::vector<int64_t> next(first.begin(), first.end() - 1), result(order.size());
    for (int64_t index : order) result[next[key[index]]++] = index;
    return result;
}

}  // namespace

Overlap::Overlap(const int64_t *photo, const int64_t *point, int64_t sightings, int64_t photos, int64_t points)
    : photos_(photos), photo_(photo, photo + sightings), point_(point, point + sightings), pair_(sightings) {
    std::vector<int64_t> order(sightings), begins;
    for (int64_t m = 0; m < sightings; ++m) order[m] = m;
    order = sorted(sorted(order, photo_, photos, begins), point_, points, begins);
    first_.reserve(points + 1);
    first_.push_back(0);
    for (int64_t k = 0; k < points; ++k) {
        for (int64_t at = begins[k]; at < begins[k + 1]; ++at) {
            const int64_t m = order[at];
            if (at == begins[k] || photo_of_pair_.back() != photo_[m]) photo_of_pair_.push_back(photo_[m]);
            pair_[m] = int64_t(photo_of_pair_.size()) - 1;
        }
        first_.push_back(int64_t(photo_of_pair_.size()));
    }
}

std::vector<double> Overlap::of_pairs(const double *weight) const {
    std::vector<double> sums(photo_of_pair_.size());
    for (int64_t m = 0; m < size(); ++m) sums[pair_[m]] += weight[m];
    return sums;
}

void Overlap::shared(const double *weight, const double *scale, double *shared) const {
    const std::vector<double> of_pairs = this->of_pairs(weight);
    std::fill_n(shared, photos_ * photos_, 0.0);
    for (int64_t k = 0; k < points(); ++k)
        for (int64_t a = first_[k]; a < first_[k + 1]; ++a) {
            const double scaled = of_pairs[a] * scale[k];
            double *row = shared + photo_of_pair_[a] * photos_;
            for (int64_t b = first_[k]; b < first_[k + 1]; ++b) row[photo_of_pair_[b]] += scaled * of_pairs[b];
        }
}

void Overlap::light_system(const double *logs, const double *weight, double least, double *of_photos, double *of_points,
                           double *right, double *shared) const {
    std::vector<double> mean(points()), scale(points());
    std::fill_n(of_photos, photos_, 0.0);
    std::fill_n(of_points, points(), 0.0);
    std::fill_n(right, photos_, 0.0);
    for (int64_t m = 0; m < size(); ++m) {
        of_photos[photo_[m]] += weight[m];
        of_points[point_[m]] += weight[m];
        mean[point_[m]] += weight[m] * logs[m];
    }
    for (int64_t k = 0; k < points(); ++k) {
        of_points[k] = std::max(of_points[k], least);
        mean[k] /= of_points[k];
        scale[k] = 1 / of_points[k];
    }
    for (int64_t m = 0; m < size(); ++m) right[photo_[m]] += weight[m] * (logs[m] - mean[point_[m]]);
    this->shared(weight, scale.data(), shared);
}

void Overlap::light_weights(const double *logs, const double *gain, const double *of_points, double noise,
                            double *weight) const {
    std::vector<double> mean(points());
    for (int64_t m = 0; m < size(); ++m) mean[point_[m]] += weight[m] * (logs[m] - gain[photo_[m]]);
    for (int64_t k = 0; k < points(); ++k) mean[k] /= of_points[k];
    for (int64_t m = 0; m < size(); ++m) {
        const double off = (logs[m] - gain[photo_[m]] - mean[point_[m]]) / noise;
        weight[m] = 1 / (1 + off * off);
    }
}

template <int Columns>  // 0: any other number
void Overlap::left_of(int count, int shapes, const double *values, const double *gains, const double *weight,
                      const double *shape, double *left, double *of_photos) const {
    const int columns = Columns ? Columns : count;
    std::vector<double> sums(points() * columns), explained(shapes > 1 ? size() * columns : 0);
    for (int64_t m = 0; m < size(); ++m)
        for (int c = 0; c < columns; ++c)
            left[m * columns + c] = values[m * columns + c] - gains[photo_[m] * columns + c];
    std::fill_n(of_photos, photos_ * columns, 0.0);
    for (int s = 0; s < shapes; ++s) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (int64_t m = 0; m < size(); ++m) {
            const double weighted = weight[m] * shape[m * shapes + s];
            double *sum = sums.data() + point_[m] * columns;
            for (int c = 0; c < columns; ++c) sum[c] += weighted * left[m * columns + c];
        }
        const bool last = s + 1 == shapes;
        for (int64_t m = 0; m < size(); ++m) {
            const double *sum = sums.data() + point_[m] * columns, own = shape[m * shapes + s];
            double *sighting = left + m * columns, *so_far = explained.data() + m * columns;
            double *photo = of_photos + photo_[m] * columns;
            for (int c = 0; c < columns; ++c) {
                const double all = s == 0 ? own * sum[c] : so_far[c] + own * sum[c];
                if (!last) {
                    so_far[c] = all;
                    continue;
                }
                sighting[c] -= all;
                photo[c] += weight[m] * sighting[c];
            }
        }
    }
}

void Overlap::left_of_points(int columns, int shapes, const double *values, const double *gains, const double *weight,
                             const double *shape, double *left, double *of_photos) const {
    const auto of = columns == 6 ? &Overlap::left_of<6> : &Overlap::left_of<0>;
    (this->*of)(columns, shapes, values, gains, weight, shape, left, of_photos);
}

void mean_colours(const uint8_t *pixels, int64_t height, int64_t width, const int64_t *column, const int64_t *row,
                  int64_t count, double *colours) {
    for (int64_t m = 0; m < count; ++m)
        for (int c = 0; c < 3; ++c) {
            int total = 0;
            for (int64_t dy = -1; dy <= 1; ++dy)
                for (int64_t dx = -1; dx <= 1; ++dx) {
                    const int64_t y = std::clamp<int64_t>(row[m] + dy, 0, height - 1);
                    const int64_t x = std::clamp<int64_t>(column[m] + dx, 0, width - 1);
                    total += pixels[(c * height + y) * width + x];
                }
            colours[m * 3 + c] = total / (9 * 255.0);
        }
}

}  // namespace splat
