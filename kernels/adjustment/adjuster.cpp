#include "adjuster.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace adjustment {
namespace {

constexpr double kFirstDamping = 1e-4, kLeastDamping = 1e-10, kMostDamping = 1e16;
constexpr double kMuchDamping = 1e-2;
constexpr double kLeastRatio = 1e-3;  // of what was promised, that a step must keep to be taken
constexpr double kRounding = 1e-14;   // a promise below this share of the cost is none
constexpr double kExact = 1e-20;      // mean squared residual (1e-10 pixels) that only rounding leaves

[[noreturn]] void refuse(const std::string &sentence) { throw std::invalid_argument(sentence); }

void require(bool fine, const char *sentence) {
    if (!fine) refuse(sentence);
}

bool all_finite(const double *values, int64_t count) {
    return std::all_of(values, values + count, [](double value) { return std::isfinite(value); });
}

Lens<double> lens_of(const double *parameters, const LensModel &model, uint8_t free) {
    Lens<double> lens{};
    lens.fisheye = model.fisheye;
    for (int k = 0; k < model.parameters; ++k) {
        if (model.term[k] == kFocal)
            lens.value[kFx] = lens.value[kFy] = parameters[k];
        else
            lens.value[model.term[k]] = parameters[k];
        if (free >> k & 1) lens.column[lens.free++] = model.term[k];
    }
    return lens;
}

void write_back(const Lens<double> &lens, const LensModel &model, uint8_t free, double *parameters) {
    for (int k = 0; k < model.parameters; ++k)
        if (free >> k & 1) parameters[k] = lens.value[model.term[k] == kFocal ? kFx : model.term[k]];
}

void check(const Problem &in, const Options &options) {
    require(in.photos > 0 && in.points > 0 && in.observations > 0, "there is nothing to adjust");
    require(options.loss >= kPlain && options.loss < kLosses, "no such loss");
    require(std::isfinite(options.scale) && options.scale > 0, "the loss's scale must be positive");
    require(options.tolerance >= 0, "the tolerance must not be negative");
    require(options.most_iterations >= 0, "iterations must not be negative");
    require(all_finite(in.poses, 7 * in.photos), "a pose is not finite");
    require(all_finite(in.parameters, kMostParameters * in.lenses), "a lens's parameter is not finite");
    require(all_finite(in.coordinates, 3 * in.points), "a point is not finite");
    require(all_finite(in.seen, 2 * in.observations), "an observation is not finite");
    for (int64_t photo = 0; photo < in.photos; ++photo) {
        const double *q = in.poses + 7 * photo;
        require(std::abs(std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]) - 1) < 1e-6,
                "a rotation's quaternion is not of unit length");
        require(in.lens_of[photo] >= 0 && in.lens_of[photo] < in.lenses, "a photo's lens is not there");
        require(in.free_pose[photo] < 64, "a pose has six unknowns");
    }
    for (int64_t lens = 0; lens < in.lenses; ++lens) {
        const LensModel *model = lens_model(in.model[lens]);
        if (!model) refuse("no lens model has the number " + std::to_string(in.model[lens]));
        require(in.free_lens[lens] >> model->parameters == 0, "a lens has fewer parameters than are to be adjusted");
        const Lens<double> values = lens_of(in.parameters + kMostParameters * lens, *model, 0);
        require(values.value[kFx] > 0 && values.value[kFy] > 0, "a focal length is not positive");
    }
    for (int64_t o = 0; o < in.observations; ++o)
        require(in.photo[o] >= 0 && in.photo[o] < in.photos && in.point[o] >= 0 && in.point[o] < in.points,
                "an observation's photo or point is not there");
}

// Where each of `count` keys begins among so many in order, and where the last one ends.
template <typename Key>
std::vector<int64_t> beginnings(int64_t keys, int64_t count, Key key) {
    std::vector<int64_t> first(count + 1, 0);
    for (int64_t n = 0; n < keys; ++n) ++first[key(n) + 1];
    for (int64_t n = 0; n < count; ++n) first[n + 1] += first[n];
    return first;
}

struct OwnedState {
    std::vector<double> poses, points;
    std::vector<Pose<double>> pose;
    std::vector<Lens<double>> lens;

    State view() { return {poses.data(), pose.data(), lens.data(), points.data()}; }
};

OwnedState state_of(const Problem &in) {
    OwnedState state;
    state.poses.assign(in.poses, in.poses + 7 * in.photos);
    state.points.assign(in.coordinates, in.coordinates + 3 * in.points);
    state.pose.resize(in.photos);
    for (int64_t photo = 0; photo < in.photos; ++photo) {
        if (in.free_pose[photo]) normalize(&state.poses[7 * photo]);
        pose_of(&state.poses[7 * photo], state.pose[photo]);
    }
    for (int64_t lens = 0; lens < in.lenses; ++lens)
        state.lens.push_back(
            lens_of(in.parameters + kMostParameters * lens, *lens_model(in.model[lens]), in.free_lens[lens]));
    return state;
}

// The observations that count, sorted, with their indices.
struct Sorted {
    std::vector<int32_t> photo, point, point_by_photo, slot_point, slot_lens, chunk_lens, lens_column;
    std::vector<double> seen, seen_by_photo;
    std::vector<int64_t> first, of_photo, first_of_photo, first_slot, of_lens, first_of_lens, first_chunk;
    int64_t unknowns;
    bool cameras_move;

    Structure view(const Problem &in, const Options &options) const {
        return {in.photos,
                in.lenses,
                in.points,
                int64_t(photo.size()),
                int64_t(slot_point.size()),
                int64_t(chunk_lens.size()),
                photo.data(),
                point.data(),
                seen.data(),
                first.data(),
                of_photo.data(),
                first_of_photo.data(),
                point_by_photo.data(),
                seen_by_photo.data(),
                slot_point.data(),
                slot_lens.data(),
                first_slot.data(),
                of_lens.data(),
                first_of_lens.data(),
                first_chunk.data(),
                chunk_lens.data(),
                in.lens_of,
                in.free_pose,
                in.held_point,
                lens_column.data(),
                unknowns,
                (unknowns + 2 * kLanes - 1) / kLanes * kLanes,
                cameras_move,
                options.loss,
                options.scale};
    }
};

Sorted sorted(const Problem &in, const OwnedState &state, const std::vector<int64_t> &used) {
    Sorted out;
    const int64_t count = int64_t(used.size());
    std::vector<int64_t> by_photo(count);
    std::vector<int64_t> next = beginnings(count, in.photos, [&](int64_t n) { return in.photo[used[n]]; });
    for (const int64_t o : used) by_photo[next[in.photo[o]]++] = o;
    next = out.first = beginnings(count, in.points, [&](int64_t n) { return in.point[used[n]]; });
    out.photo.resize(count);
    out.point.resize(count);
    out.seen.resize(2 * count);
    for (const int64_t o : by_photo) {
        const int64_t n = next[in.point[o]]++;
        out.photo[n] = in.photo[o];
        out.point[n] = in.point[o];
        for (int k = 0; k < 2; ++k) out.seen[2 * n + k] = in.seen[2 * o + k];
    }
    next = out.first_of_photo = beginnings(count, in.photos, [&](int64_t n) { return out.photo[n]; });
    out.of_photo.resize(count);
    out.point_by_photo.resize(count);
    out.seen_by_photo.resize(2 * count);
    for (int64_t o = 0; o < count; ++o) {
        const int64_t n = next[out.photo[o]]++;
        out.of_photo[n] = o;
        out.point_by_photo[n] = out.point[o];
        for (int k = 0; k < 2; ++k) out.seen_by_photo[2 * n + k] = out.seen[2 * o + k];
    }

    out.unknowns = kPose * in.photos;
    out.cameras_move = std::any_of(in.free_pose, in.free_pose + in.photos, [](uint8_t free) { return free != 0; });
    for (const Lens<double> &lens : state.lens) {
        out.lens_column.push_back(int32_t(out.unknowns));
        out.unknowns += lens.free;
        out.cameras_move = out.cameras_move || lens.free;
    }
    std::vector<int32_t> of_point;
    for (int64_t point = 0; point < in.points; ++point) {
        out.first_slot.push_back(int64_t(out.slot_lens.size()));
        of_point.clear();
        for (int64_t o = out.first[point]; o < out.first[point + 1]; ++o) {
            const int32_t lens = in.lens_of[out.photo[o]];
            if (state.lens[lens].free && (of_point.empty() || of_point.back() != lens)) of_point.push_back(lens);
        }
        std::sort(of_point.begin(), of_point.end());
        of_point.erase(std::unique(of_point.begin(), of_point.end()), of_point.end());
        out.slot_lens.insert(out.slot_lens.end(), of_point.begin(), of_point.end());
        out.slot_point.insert(out.slot_point.end(), of_point.size(), int32_t(point));
    }
    out.first_slot.push_back(int64_t(out.slot_lens.size()));
    const int64_t slots = int64_t(out.slot_lens.size());
    next = out.first_of_lens = beginnings(slots, in.lenses, [&](int64_t slot) { return out.slot_lens[slot]; });
    out.of_lens.resize(slots);
    for (int64_t slot = 0; slot < slots; ++slot) out.of_lens[next[out.slot_lens[slot]]++] = slot;
    for (int64_t lens = 0; lens < in.lenses; ++lens) {
        out.first_chunk.push_back(int64_t(out.chunk_lens.size()));
        for (int64_t slot = out.first_of_lens[lens]; slot < out.first_of_lens[lens + 1]; slot += kLensChunk)
            out.chunk_lens.push_back(int32_t(lens));
    }
    out.first_chunk.push_back(int64_t(out.chunk_lens.size()));
    return out;
}

// Which observations count: of points in front of the camera, and of points that two of these see.
std::vector<int64_t> usable(const Problem &in, const OwnedState &state, Summary &summary) {
    std::vector<int64_t> front, used;
    front.reserve(in.observations);
    std::vector<int32_t> times(in.points);
    for (int64_t o = 0; o < in.observations; ++o) {
        const int32_t photo = in.photo[o];
        const double cost = cost_of(state.pose[photo], state.lens[in.lens_of[photo]], &state.points[3 * in.point[o]],
                                    in.seen + 2 * o, kPlain, 1.0);
        if (!(cost >= 0) || !std::isfinite(cost)) continue;
        front.push_back(o);
        ++times[in.point[o]];
    }
    used.reserve(front.size());
    for (const int64_t o : front)
        if (times[in.point[o]] > 1) used.push_back(o);
    summary.behind = in.observations - int64_t(front.size());
    summary.lonely = int64_t(front.size() - used.size());
    summary.used = int64_t(used.size());
    return used;
}

}  // namespace

const LensModel *lens_model(int colmap_id) {
    for (const LensModel &model : kLensModels)
        if (model.colmap_id == colmap_id) return &model;
    return nullptr;
}

Summary adjust(const Problem &in, const Options &options, const MakeSolver &make_solver) {
    check(in, options);
    OwnedState owned = state_of(in);
    Summary summary{};
    const Sorted order = sorted(in, owned, usable(in, owned, summary));
    require(summary.used > 0, "no point is seen by two photos");
    if (order.unknowns > kMostUnknowns)
        refuse(std::to_string(order.unknowns) + " unknowns of photos and lenses are more than " +
               std::to_string(kMostUnknowns));
    const std::unique_ptr<Solver> solver = make_solver(order.view(in, options), owned.view());
    double cost = solver->cost();
    summary.initial_cost = cost;
    summary.end = End::kMostIterations;
    double damping = kFirstDamping, growth = 2;
    while (summary.iterations < options.most_iterations) {
        if (cost <= kExact * double(summary.used)) {
            summary.end = End::kConverged;
            break;
        }
        ++summary.iterations;
        const Trial trial = solver->step(damping);
        const double promised = trial.promised, next = trial.cost;
        if (trial.is_solved && promised >= 0 && promised <= kRounding * cost) {  // the bottom, as far as numbers tell
            summary.end = End::kConverged;
            break;
        }
        const double ratio = (cost - next) / promised;
        if (std::isfinite(next) && promised > 0 && ratio > kLeastRatio) {
            const double change = cost - next, bend = 2 * ratio - 1;
            solver->take();
            ++summary.accepted;
            damping = std::max(kLeastDamping, damping * std::max(1.0 / 3, 1 - bend * bend * bend));  // Nielsen 1999
            growth = 2;
            // A step that much damping has shortened tells nothing of the bottom.
            const bool settled = change <= options.tolerance * cost && damping < kMuchDamping;
            cost = next;
            if (settled) {
                summary.end = End::kConverged;
                break;
            }
        } else {
            if (growth == 2 && promised > 0 && promised <= options.tolerance * cost) {  // less than what is asked for
                summary.end = End::kConverged;
                break;
            }
            damping *= growth;
            growth *= 2;
            if (!(damping < kMostDamping)) {
                summary.end = End::kStuck;
                break;
            }
        }
    }
    summary.cost = cost;
    solver->read(owned.view());
    std::copy(owned.poses.begin(), owned.poses.end(), in.poses);
    std::copy(owned.points.begin(), owned.points.end(), in.coordinates);
    for (int64_t lens = 0; lens < in.lenses; ++lens)
        write_back(owned.lens[lens], *lens_model(in.model[lens]), in.free_lens[lens],
                   in.parameters + kMostParameters * lens);
    return summary;
}

void derivatives(const Problem &in, double *residuals, double *jacobians) {
    check(in, Options());
    OwnedState state = state_of(in);
    for (int64_t o = 0; o < in.observations; ++o) {
        Linearized<double> one;
        const int32_t photo = in.photo[o];
        linearize(state.pose[photo], state.lens[in.lens_of[photo]], &state.points[3 * in.point[o]], in.seen + 2 * o,
                  kPlain, 1.0, one);
        for (int row = 0; row < 2; ++row) {
            double *to = jacobians + (2 * o + row) * 17;
            residuals[2 * o + row] = one.residual[row];
            std::copy(one.by_pose[row], one.by_pose[row] + 6, to);
            std::copy(one.by_lens[row], one.by_lens[row] + 8, to + 6);
            std::copy(one.by_point[row], one.by_point[row] + 3, to + 14);
        }
    }
}

}  // namespace adjustment
