#include "resample.h"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "../adjustment/lens.h"

namespace undistortion {
namespace {

// The lens is asked about every so many pixels of a row; places between lie on a parabola through three of these.
constexpr int kStep = 4;

adjustment::Lens<double> lens_of(int model, const double *parameters, size_t count) {
    for (const adjustment::LensModel &known : adjustment::kLensModels) {
        if (known.colmap_id != model) continue;
        if (count != size_t(known.parameters)) throw std::invalid_argument("a lens has another number of parameters");
        adjustment::Lens<double> lens = {};
        lens.fisheye = known.fisheye;
        for (size_t i = 0; i < count; ++i) {
            const adjustment::Term term = known.term[i];
            if (term == adjustment::kFocal)
                lens.value[adjustment::kFx] = lens.value[adjustment::kFy] = parameters[i];
            else
                lens.value[term] = parameters[i];
        }
        return lens;
    }
    throw std::invalid_argument("a lens is of a model that is not known");
}

// Shares of a pixel's neighbours are of 2^14, and what lies between two of them is kept to 2^-7 of a grey level: the
// same whole numbers on every processor.
constexpr int kShare = 14, kBetween = 7;

struct Shares {
    int right, down;
};

inline uint8_t mixed(int a, int b, int c, int d, Shares of) {
    const int left = (1 << kShare) - of.right, up = (1 << kShare) - of.down;
    const int above = (a * left + b * of.right) >> kBetween, below = (c * left + d * of.right) >> kBetween;
    constexpr int kShift = 2 * kShare - kBetween;
    return uint8_t((above * up + below * of.down + (1 << (kShift - 1))) >> kShift);
}

#if defined(__SSE2__)
// All channels at once: four bytes are read of each pixel and four are written.
inline void mix(const uint8_t *a, const uint8_t *b, const uint8_t *c, const uint8_t *d, Shares of, uint8_t *out) {
    const auto load = [](const uint8_t *pixel) {
        int32_t bytes;
        std::memcpy(&bytes, pixel, sizeof(bytes));
        return _mm_cvtsi32_si128(bytes);
    };
    const auto pair = [](int first, int second) { return _mm_set1_epi32(second << 16 | first); };
    const __m128i zero = _mm_setzero_si128(), across = pair((1 << kShare) - of.right, of.right);
    const auto between = [&](const uint8_t *left, const uint8_t *right) {
        const __m128i both = _mm_unpacklo_epi8(_mm_unpacklo_epi8(load(left), load(right)), zero);
        return _mm_srli_epi32(_mm_madd_epi16(both, across), kBetween);
    };
    constexpr int kShift = 2 * kShare - kBetween;
    const __m128i rows = _mm_or_si128(between(a, b), _mm_slli_epi32(between(c, d), 16));
    const __m128i sums = _mm_madd_epi16(rows, pair((1 << kShare) - of.down, of.down));
    const __m128i words = _mm_srli_epi32(_mm_add_epi32(sums, _mm_set1_epi32(1 << (kShift - 1))), kShift);
    const int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(_mm_packs_epi32(words, words), zero));
    std::memcpy(out, &bytes, sizeof(bytes));
}
#endif

template <int channels>
void resample_all(const Photo &photo, const Place *places, size_t count, uint8_t *out) {
    const size_t pitch = size_t(photo.width) * channels;
    [[maybe_unused]] const size_t bytes = pitch * photo.height;  // x86 alone reads four at a time
    const float last_column = float(photo.width - 1), last_row = float(photo.height - 1);
    for (size_t i = 0; i < count; ++i, out += channels) {
        const float x = places[i].x, y = places[i].y;
        if (!(x >= 0 && y >= 0 && x <= last_column && y <= last_row)) {
            std::memset(out, 0, channels);
            continue;
        }
        const int left = int(x), top = int(y);
        const Shares shares = {int((x - float(left)) * (1 << kShare) + 0.5f),
                               int((y - float(top)) * (1 << kShare) + 0.5f)};
        // Beside the last column and below the last row nothing is weighed.
        const size_t right = left + 1 < photo.width ? channels : 0, down = top + 1 < photo.height ? pitch : 0;
        const size_t at = size_t(top) * pitch + size_t(left) * channels;
        const uint8_t *a = photo.data + at, *b = a + right, *c = a + down, *d = c + right;
#if defined(__SSE2__)
        // Not where four bytes would reach beyond the photo, or beyond what is to be filled.
        if (channels >= 3 && at + down + right + 4 <= bytes && (channels == 4 || i + 1 < count)) {
            mix(a, b, c, d, shares, out);
            continue;
        }
#endif
        for (int k = 0; k < channels; ++k) out[k] = mixed(a[k], b[k], c[k], d[k], shares);
    }
}

}  // namespace

void resample(const Photo &photo, const Place *places, size_t count, uint8_t *out) {
    if (photo.channels == 1) return resample_all<1>(photo, places, count, out);
    if (photo.channels == 3) return resample_all<3>(photo, places, count, out);
    if (photo.channels == 4) return resample_all<4>(photo, places, count, out);
    throw std::invalid_argument("a photo must have 1, 3 or 4 channels");
}

void straighten(const Photo &photo, int model, const double *parameters, size_t count, const Pinhole &pinhole,
                int width, int height, uint8_t *out) {
    const adjustment::Lens<double> lens = lens_of(model, parameters, count);
    const auto place_of = [&](double x, double y) {
        const double ray[3] = {(x + 0.5 - pinhole.cx) / pinhole.fx, (y + 0.5 - pinhole.cy) / pinhole.fy, 1};
        double pixel[2];
        adjustment::project(lens, ray, pixel);
        return Place{float(pixel[0] - 0.5), float(pixel[1] - 0.5)};
    };
    std::vector<Place> row(size_t(width) + 2 * kStep);
    for (int y = 0; y < height; ++y, out += size_t(width) * photo.channels) {
        Place here = place_of(0, y);
        for (int x = 0; x < width; x += 2 * kStep) {
            const Place middle = place_of(x + kStep, y), next = place_of(x + 2 * kStep, y);
            const Place slope = {middle.x - here.x, middle.y - here.y};
            const Place bend = {0.5f * (next.x - middle.x - slope.x), 0.5f * (next.y - middle.y - slope.y)};
            for (int k = 0; k < 2 * kStep; ++k) {
                const float t = float(k) / kStep, tt = t * (t - 1);
                row[x + k] = {here.x + slope.x * t + bend.x * tt, here.y + slope.y * t + bend.y * tt};
            }
            here = next;
        }
        resample(photo, row.data(), size_t(width), out);
    }
}

}  // namespace undistortion
