// What photos see of the points they share: who sees what with whom, the colours there, and the sums of least squares
// over it. All sums are taken in the order of the sightings, one by one, so that they have the bits of numpy's; their
// plain twins are in tests/support/plain_light.py.
#pragma once
#include <cstdint>
#include <vector>

namespace splat {

class Overlap {
public:
    // M sightings, the m-th of photo[m] in [0, photos) and of point[m] in [0, points).
    Overlap(const int64_t *photo, const int64_t *point, int64_t sightings, int64_t photos, int64_t points);

    int64_t size() const { return int64_t(photo_.size()); }
    int64_t photos() const { return photos_; }
    int64_t points() const { return int64_t(first_.size()) - 1; }

    // shared[photos][photos] becomes the sum over points of a scale[points] times the product of the weights[M] with
    // which two photos see them; those of a photo of one point are added up.
    void shared(const double *weight, const double *scale, double *shared) const;

    // A round of robust least squares of logs[m] = colour[point[m]] + gain[photo[m]]. of_photos[photos] and
    // of_points[points] become the sums of the weights[M], those of points `least` at least; right[photos] the weighted
    // sums of what the logarithms differ from their points' means; shared[photos][photos] as above, with a scale of
    // 1 / of_points.
    void light_system(const double *logs, const double *weight, double least, double *of_photos, double *of_points,
                      double *right, double *shared) const;
    // The weights become 1 / (1 + d^2), d being what a logarithm less its photo's gain[photos] differs from the mean of
    // its point's, in units of `noise`; of_points is that of these weights, from light_system.
    void light_weights(const double *logs, const double *gain, const double *of_points, double noise,
                       double *weight) const;

    // left[M][columns] becomes values[M][columns] less gains[photos][columns] of each sighting's photo, and less what
    // shape[M][shapes], orthonormal at each point in the weights[M], explain of that there; of_photos[photos][columns]
    // the weighted sums of left.
    void left_of_points(int columns, int shapes, const double *values, const double *gains, const double *weight,
                        const double *shape, double *left, double *of_photos) const;

private:
    std::vector<double> of_pairs(const double *weight) const;
    template <int Columns>
    void left_of(int columns, int shapes, const double *values, const double *gains, const double *weight,
                 const double *shape, double *left, double *of_photos) const;

    int64_t photos_;
    std::vector<int64_t> photo_, point_, pair_;   // of each sighting; those of a photo of one point are a pair
    std::vector<int64_t> photo_of_pair_, first_;  // the pairs of point k are first_[k] up to first_[k + 1]
};

// colours[M][3] become the means of the 3 x 3 pixels around column[M] and row[M] of pixels[3][height][width], in [0, 1].
void mean_colours(const uint8_t *pixels, int64_t height, int64_t width, const int64_t *column, const int64_t *row,
                  int64_t count, double *colours);

}  // namespace splat
