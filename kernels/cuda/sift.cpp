// Starts the kernels of SIFT; see sift.cu. What is few is done here: the order of keypoints, and which are kept.
#include "sift.h"

#include <algorithm>

#include "allocation.h"
#include "gpu.h"
#include "pool.h"
#include "sift_kernels.h"

namespace splat {
namespace {

using namespace features;

const Kernel<decltype(grey_kernel)> start_grey{"sift", "grey_kernel"};
const Kernel<decltype(blur_kernel)> start_blur{"sift", "blur_kernel"};
const Kernel<decltype(halve_kernel)> start_halve{"sift", "halve_kernel"};
const Kernel<decltype(extrema_kernel)> start_extrema{"sift", "extrema_kernel"};
const Kernel<decltype(gradients_kernel)> start_gradients{"sift", "gradients_kernel"};
const Kernel<decltype(orientations_kernel)> start_orientations{"sift", "orientations_kernel"};
const Kernel<decltype(describe_kernel)> start_describe{"sift", "describe_kernel"};

// What a photo needs of the GPU's memory: kept for the next one, since to ask for it takes as long as the work.
struct Workspace {
    Growing<uint8_t> photo, described;
    Growing<float> images;
    Growing<int> count;
    Growing<Keypoint> found, points;
    Growing<FoundDirections> turned;
    Growing<Pose> poses;
};

constexpr int kMostPhotos = 4;                    // at a time: more do not fill the GPU better
constexpr size_t kMostPixels = size_t(24) << 20;  // of theirs together: 1 GB

Pool<Workspace> &workspaces() {
    static Pool<Workspace> *const all = new Pool<Workspace>(kMostPhotos, kMostPixels);
    return *all;
}

Grid grid_of(int64_t pixels) {
    return Grid(std::min(kMostBlocks, blocks_for(std::max<int64_t>(pixels, 0), kPixelBlock)));
}

BlurWeights weights_of(double sigma) {
    const std::vector<float> weights = gaussian(sigma);
    BlurWeights all = {};
    all.radius = int(weights.size()) - 1;
    if (all.radius >= kMostTaps) throw std::logic_error("a blur of SIFT is wider than its kernel");
    std::copy(weights.begin(), weights.end(), all.weight);
    return all;
}

void blur(const float *in, int width, int height, double sigma, float *between, float *out) {
    const BlurWeights weights = weights_of(sigma);
    const Grid grid = grid_of(int64_t(width) * height);
    start_blur(grid, kPixelBlock, stream_of_thread(), in, width, height, false, weights, between);
    start_blur(grid, kPixelBlock, stream_of_thread(), between, width, height, true, weights, out);
}

struct Octave {
    int width, height;
    float *kept[kScales];  // levels 1 to kScales
};

// Appends an octave's extrema.
void find_extrema(Workspace &room_for, const SiftLevels &levels, int octave, std::vector<Keypoint> &keypoints) {
    const int64_t places = int64_t(levels.width) * levels.height;
    Allocation<int> &count = room_for.count.of(1);
    int number = 0;
    for (size_t room = size_t(places / 32 + 1024);; room = size_t(number)) {
        Allocation<Keypoint> &found = room_for.found.of(room);
        clear(count.data(), sizeof(int), stream_of_thread());
        start_extrema(grid_of(kScales * places), kPixelBlock, stream_of_thread(), levels, octave, int(room),
                      found.data(), count.data());
        count.read(&number, 1, stream_of_thread());
        if (size_t(number) > room) continue;  // once more, with room for all
        const size_t before = keypoints.size();
        keypoints.resize(before + number);
        found.read(keypoints.data() + before, number, stream_of_thread());
        return;
    }
}

void sift_in(Workspace &room, const uint8_t *grey, int width, int height, int first_octave, int most,
             std::vector<Feature> &features, std::vector<uint8_t> &descriptors) {
    const bool doubled = first_octave < 0;
    const int columns = doubled ? 2 * width : width, rows = doubled ? 2 * height : height;
    const size_t pixels = size_t(columns) * rows;
    Allocation<uint8_t> &photo = room.photo.of(size_t(width) * height);
    photo.fill(grey, size_t(width) * height, stream_of_thread());
    // Levels 0, 4 and 5 of the octave in work, and a row's blur between; then kept levels, a third more for all octaves.
    Allocation<float> &images = room.images.of(4 * pixels + kScales * (pixels + pixels / 3 + 1));
    float *others[kLevels] = {}, *between = images.data() + 3 * pixels, *next = images.data() + 4 * pixels;
    others[0] = images.data();
    others[kScales + 1] = others[0] + pixels;
    others[kScales + 2] = others[0] + 2 * pixels;

    std::vector<Octave> octaves;
    std::vector<Keypoint> keypoints;
    Octave octave = {columns, rows, {}};
    for (int number = 0; number < kOctaves && std::min(octave.width, octave.height) >= 3; ++number) {
        const int w = octave.width, h = octave.height;
        const int64_t size = int64_t(w) * h;
        for (float *&level : octave.kept) level = next, next += size;
        if (number == 0) {
            float *whole = others[kScales + 1];
            start_grey(grid_of(size), kPixelBlock, stream_of_thread(), photo.data(), width, height, doubled, whole);
            blur(whole, w, h, sigma_to_first(first_octave), between, others[0]);
        } else {
            const Octave &before = octaves.back();
            start_halve(grid_of(size), kPixelBlock, stream_of_thread(), before.kept[kScales - 1], before.width,
                        before.height, others[0]);
        }
        float *levels[kLevels];
        for (int level = 0; level < kLevels; ++level) {
            const bool keep = level >= 1 && level <= kScales;
            levels[level] = keep ? octave.kept[level - 1] : others[level];
            if (level) blur(levels[level - 1], w, h, sigma_to(level), between, levels[level]);
        }
        SiftLevels all = {{}, w, h};
        std::copy(levels, levels + kLevels, all.level);
        find_extrema(room, all, number, keypoints);
        octaves.push_back(octave);
        octave.width = w / 2;
        octave.height = h / 2;
    }
    put_in_order(keypoints);

    float *modulus = others[kScales + 1], *turns = others[kScales + 2];
    for (size_t first = 0, end; first < keypoints.size() && int(features.size()) < most; first = end) {
        end = end_of_level(keypoints, first);
        const Octave &place = octaves[keypoints[first].octave];
        const GradientImages gradients = {modulus, turns, place.width, place.height};
        start_gradients(grid_of(int64_t(place.width) * place.height), kPixelBlock, stream_of_thread(),
                        place.kept[keypoints[first].level - 1], place.width, place.height, modulus, turns);
        const size_t count = end - first;
        Allocation<Keypoint> &points = room.points.of(count);
        points.fill(keypoints.data() + first, count, stream_of_thread());
        Allocation<FoundDirections> &turned = room.turned.of(count);
        start_orientations(unsigned(count), kOrientationBlock, stream_of_thread(), gradients, points.data(),
                           turned.data());
        std::vector<FoundDirections> found(count);
        turned.read(found.data(), count, stream_of_thread());

        std::vector<Directions> directions;
        for (const FoundDirections &some : found) {
            directions.push_back({{}, some.count});
            std::copy(some.turns, some.turns + kOrientations, directions.back().turns);
        }
        const size_t before = features.size();
        const std::vector<int> places = give_places(directions, most, features, descriptors);
        std::vector<Pose> poses(features.size() - before);
        for (size_t i = 0; i < count; ++i)
            for (int k = 0; k < directions[i].count; ++k) {
                const Keypoint &point = keypoints[first + i];
                const Pose pose = pose_of(point, directions[i].turns[k]);
                poses[places[i] + k - before] = pose;
                features[places[i] + k] = feature_of(point, pose, first_octave);
            }
        Allocation<Pose> &to_describe = room.poses.of(poses.size());
        to_describe.fill(poses.data(), poses.size(), stream_of_thread());
        Allocation<uint8_t> &described = room.described.of(poses.size() * kDescriptor);
        start_describe(unsigned(poses.size()), kDescribeBlock, stream_of_thread(), gradients, to_describe.data(),
                       described.data());
        described.read(descriptors.data() + before * kDescriptor, poses.size() * kDescriptor, stream_of_thread());
    }
}

}  // namespace

void sift(const uint8_t *grey, int width, int height, int first_octave, int most, std::vector<Feature> &features,
          std::vector<uint8_t> &descriptors) {
    const size_t pixels = size_t(width) * height * (first_octave < 0 ? 4 : 1);
    std::unique_ptr<Workspace> mine = workspaces().take(pixels);
    try {
        sift_in(*mine, grey, width, height, first_octave, most, features, descriptors);
    } catch (...) {
        mine.reset();  // what it holds may be what others lack
        workspaces().give(nullptr, pixels);
        throw;
    }
    workspaces().give(std::move(mine), pixels);
}

}  // namespace splat
