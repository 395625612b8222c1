// The solver that processors are.
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "solver.h"

namespace adjustment {
namespace {

// Numbers that begin at a line of the cache, not set: the large arrays, which are all written before they are read. Those of
// megabytes begin at a large page, and ask for such where the system has them: a photo's points lie scattered among them, and
// the processor would look up one small page after the other.
class Lines {
public:
    explicit Lines(int64_t count)
        : align_{size_t(count) * sizeof(double) < kLargePage ? kLine : kLargePage},
          first_(static_cast<double *>(::operator new(size_t(count) * sizeof(double), align_))) {
#if defined(MADV_HUGEPAGE)
        if (size_t(align_) == kLargePage) madvise(first_, size_t(count) * sizeof(double), MADV_HUGEPAGE);
#endif
    }
    Lines(const Lines &) = delete;
    Lines &operator=(const Lines &) = delete;
    ~Lines() { ::operator delete(first_, align_); }
    double *data() const { return first_; }

private:
    static constexpr size_t kLine = 64, kLargePage = size_t(1) << 21;
    std::align_val_t align_;
    double *first_;
};

// A state of its own.
struct Copied {
    std::vector<double> poses, points;
    std::vector<Pose<double>> pose;
    std::vector<Lens<double>> lens;

    Copied(const Structure &in, const State &from)
        : poses(from.poses, from.poses + 7 * in.photos),
          points(from.points, from.points + 3 * in.points),
          pose(from.pose, from.pose + in.photos),
          lens(from.lens, from.lens + in.lenses) {}
    State view() { return {poses.data(), pose.data(), lens.data(), points.data()}; }
};

class Processors : public Solver {
public:
    Processors(const Steps &steps, int threads, const Structure &in, const State &start)
        : steps_(steps),
          threads_(threads),
          in_(in),
          copies_{{in, start}, {in, start}},
          at_(copies_[0].view()),
          moved_(copies_[1].view()),
          blocks_(in.observations * kBlock),
          slot_blocks_(in.slots * kBlock),
          matrix_(in.stride * in.stride + kLanes),
          products_(threads * in.photos * kPose * kLanes),
          lens_rows_(in.lens_chunks * (kLanes + 1) * (in.stride - kPose * in.photos)),
          point_root_(6 * in.points),
          point_rhs_(3 * in.points),
          point_descent_(3 * in.points),
          point_diagonal_(3 * in.points),
          lens_part_(kLensSums * in.photos),
          rhs_(in.stride),
          descent_(in.stride),
          diagonal_(in.stride),
          chunk_((in.points + kChunk - 1) / kChunk),
          system_{
              blocks_.data(),         slot_blocks_.data(), point_root_.data(), point_rhs_.data(), point_descent_.data(),
              point_diagonal_.data(), lens_part_.data(),   products_.data(),   matrix_.data(),    rhs_.data(),
              descent_.data(),        diagonal_.data(),    chunk_.data(),      lens_rows_.data()} {}

    double cost() override { return steps_.cost(in_, at_, chunk_.data(), threads_); }

    Trial step(double damping) override {
        Trial trial;
        steps_.build(in_, at_, damping, system_, threads_);
        trial.is_solved = !in_.cameras_move || steps_.solve(system_, in_.stride, threads_);
        if (!trial.is_solved) return trial;
        trial.promised = steps_.advance(in_, at_, damping, system_, moved_, threads_);
        trial.cost = steps_.cost(in_, moved_, chunk_.data(), threads_);
        return trial;
    }

    void take() override { std::swap(at_, moved_); }

    void read(const State &state) override {
        std::copy(at_.poses, at_.poses + 7 * in_.photos, state.poses);
        std::copy(at_.lens, at_.lens + in_.lenses, state.lens);
        std::copy(at_.points, at_.points + 3 * in_.points, state.points);
    }

private:
    const Steps &steps_;
    const int threads_;
    const Structure in_;
    Copied copies_[2];
    State at_, moved_;
    Lines blocks_, slot_blocks_, matrix_, products_, lens_rows_;
    std::vector<double> point_root_, point_rhs_, point_descent_, point_diagonal_, lens_part_;
    std::vector<double> rhs_, descent_, diagonal_, chunk_;
    const System system_;
};

}  // namespace

MakeSolver on_processors(const Steps &steps, int threads) {
    return [&steps, threads](const Structure &in, const State &start) {
        return std::make_unique<Processors>(steps, threads, in, start);
    };
}

}  // namespace adjustment
