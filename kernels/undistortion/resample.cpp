#include "resample.h"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "../adjustment/lens.h"

namespace undistortion {
namespace {

// The lens is asked about every so many pixels of a row, and places between lie on a line. A fisheye that draws 170 degrees
// on 1000 pixels, the most bent one of use, bends a row by under 0.004 pixels within four.
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

typedef float Four __attribute__((vector_size(16)));
typedef int32_t FourInts __attribute__((vector_size(16)));
typedef uint8_t FourBytes __attribute__((vector_size(4)));

// A pixel's channels, and what follows it where they are three.
inline Four channels_at(const uint8_t *pixel) {
    FourBytes bytes;
    std::memcpy(&bytes, pixel, sizeof(bytes));
    return __builtin_convertvector(bytes, Four);
}

template <int channels>
void resample_all(const Photo &photo, const Place *places, size_t count, uint8_t *out) {
    const size_t pitch = size_t(photo.width) * channels;
    // The last pixel whose four bytes are the photo's: those after it are taken one by one.
    const size_t bytes = pitch * photo.height, last_whole = bytes < 4 ? 0 : bytes - 4;
    for (size_t i = 0; i < count; ++i, out += channels) {
        const float x = places[i].x, y = places[i].y;
        if (!(x >= 0 && y >= 0 && x <= float(photo.width - 1) && y <= float(photo.height - 1))) {
            std::memset(out, 0, channels);
            continue;
        }
        const int left = int(x), top = int(y);
        const float to_right = x - float(left), to_bottom = y - float(top);
        // Beside the last column and below the last row nothing is weighed.
        const size_t right = left + 1 < photo.width ? channels : 0, down = top + 1 < photo.height ? pitch : 0;
        const size_t at = size_t(top) * pitch + size_t(left) * channels;
        if (channels >= 3 && at + down + right <= last_whole) {
            const Four a = channels_at(photo.data + at), b = channels_at(photo.data + at + right);
            const Four c = channels_at(photo.data + at + down), d = channels_at(photo.data + at + down + right);
            const Four above = a + (b - a) * to_right, below = c + (d - c) * to_right;
            const FourInts value = __builtin_convertvector(above + (below - above) * to_bottom + 0.5f, FourInts);
            for (int k = 0; k < channels; ++k) out[k] = uint8_t(value[k]);
        } else {
            for (int k = 0; k < channels; ++k) {
                const uint8_t *pixel = photo.data + at + k;
                const float above = float(pixel[0]) + (float(pixel[right]) - float(pixel[0])) * to_right;
                const float below = float(pixel[down]) + (float(pixel[down + right]) - float(pixel[down])) * to_right;
                out[k] = uint8_t(int(above + (below - above) * to_bottom + 0.5f));
            }
        }
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
    std::vector<Place> row(size_t(width) + kStep);
    for (int y = 0; y < height; ++y, out += size_t(width) * photo.channels) {
        Place here = place_of(0, y);
        for (int x = 0; x < width; x += kStep) {
            const Place next = place_of(x + kStep, y);
            for (int k = 0; k < kStep; ++k) {
                const float share = float(k) / kStep;
                row[x + k] = {here.x + (next.x - here.x) * share, here.y + (next.y - here.y) * share};
            }
            here = next;
        }
        resample(photo, row.data(), size_t(width), out);
    }
}

}  // namespace undistortion
