// Starts the kernels of bundle adjustment; see adjustment.cu, reduction.cu and cholesky.cu. The problem is sent once, and a step sends back
// three numbers.
#include "adjustment.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "adjustment_kernels.h"
#include "adjustment_layout.h"
#include "allocation.h"
#include "gpu.h"
#include "pool.h"

namespace splat {
namespace {

using namespace adjustment;

const Kernel<decltype(partners_kernel)> start_partners{"reduction", "partners_kernel"};
const Kernel<decltype(count_products_kernel)> start_count_products{"reduction", "count_products_kernel"};
const Kernel<decltype(list_products_kernel)> start_list_products{"reduction", "list_products_kernel"};
const Kernel<decltype(linearize_kernel)> start_linearize{"adjustment", "linearize_kernel"};
const Kernel<decltype(eliminate_kernel)> start_eliminate{"adjustment", "eliminate_kernel"};
const Kernel<decltype(blocks_kernel)> start_blocks{"adjustment", "blocks_kernel"};
const Kernel<decltype(slots_kernel)> start_slots{"adjustment", "slots_kernel"};
const Kernel<decltype(photo_sums_kernel)> start_photo_sums{"reduction", "photo_sums_kernel"};
const Kernel<decltype(lens_sums_kernel)> start_lens_sums{"reduction", "lens_sums_kernel"};
const Kernel<decltype(products_kernel)> start_products{"reduction", "products_kernel"};
const Kernel<decltype(add_partials_kernel)> start_add_partials{"reduction", "add_partials_kernel"};
const Kernel<decltype(padding_kernel)> start_padding{"reduction", "padding_kernel"};
const Kernel<decltype(move_cameras_kernel)> start_move_cameras{"adjustment", "move_cameras_kernel"};
const Kernel<decltype(move_points_kernel)> start_move_points{"adjustment", "move_points_kernel"};
const Kernel<decltype(cost_kernel)> start_cost{"adjustment", "cost_kernel"};
const Kernel<decltype(trial_sums_kernel)> start_trial_sums{"adjustment", "trial_sums_kernel"};
const Kernel<decltype(factor_diagonal_kernel)> start_factor_diagonal{"cholesky", "factor_diagonal_kernel"};
const Kernel<decltype(solve_panel_kernel)> start_solve_panel{"cholesky", "solve_panel_kernel"};
const Kernel<decltype(subtract_panel_kernel)> start_subtract_panel{"cholesky", "subtract_panel_kernel"};
const Kernel<decltype(substitute_back_kernel)> start_substitute_back{"cholesky", "substitute_back_kernel"};

// What an adjustment needs of the GPU's memory: kept for the next one, since to ask for it takes as long as some steps.
struct Workspace {
    Growing<uint8_t> arrays;
    static constexpr size_t kSpare = 4;  // by this share more than is needed: a model that grows is adjusted again
    Growing<Product> partners, products;
    Growing<int32_t> columns;
};

// One adjustment has one at a time.
Pool<Workspace> &workspaces() {
    static Pool<Workspace> *const all = new Pool<Workspace>;
    return *all;
}

// Hands out arrays of one piece of memory; without one it tells how large that must be.
class Pieces {
public:
    explicit Pieces(uint8_t *begin) : begin_(begin) {}
    template <typename T>
    void take(T *&array, int64_t count) {
        bytes_ = (bytes_ + kApart - 1) / kApart * kApart;
        array = begin_ ? reinterpret_cast<T *>(begin_ + bytes_) : nullptr;
        bytes_ += size_t(count) * sizeof(T);
    }
    size_t bytes() const { return bytes_; }

private:
    static constexpr size_t kApart = 256;
    uint8_t *begin_;
    size_t bytes_ = 0;
};

template <typename T>
void send(const T *to, const T *from, int64_t count) {
    if (count) check(driver().to_device(reinterpret_cast<uintptr_t>(to), from, count * sizeof(T), stream_of_thread()));
}

template <typename T>
void fetch(T *to, const T *from, int64_t count) {
    if (count) check(driver().to_host(to, reinterpret_cast<uintptr_t>(from), count * sizeof(T), stream_of_thread()));
}

const Structure &demand_fit(const Structure &in, const State &start) {
    for (int64_t lens = 0; lens < in.lenses; ++lens)
        if (start.lens[lens].fisheye) throw std::invalid_argument("a fisheye is left to processors");
    if (in.loss == kCauchy) throw std::invalid_argument("Cauchy's loss is left to processors");
    if (in.observations + in.slots > INT32_MAX) throw std::runtime_error("observations are too many for the GPU");
    return in;
}

class OnGpu : public Solver {
public:
    OnGpu(int device, const Structure &in, const State &start)
        : gpu_(Gpu::of(device)), in_(demand_fit(in, start)), workspace_(workspaces().take()) {
        const Gpu::Use use(gpu_);
        try {
            const ReductionLayout layout = layout_of(in, start);
            const size_t bytes = take_pieces(nullptr, layout);
            take_pieces(workspace_->arrays.of(bytes, bytes / Workspace::kSpare).data(), layout);
            send_problem(start);
            if (in.cameras_move) list_products(layout);
        } catch (...) {
            workspace_.reset();  // while the GPU is in use
            workspaces().give(nullptr);
            throw;
        }
    }

    ~OnGpu() override {
        if (!has_failed_) {
            workspaces().give(std::move(workspace_));
            return;
        }
        try {
            const Gpu::Use use(gpu_);
            workspace_.reset();
        } catch (const std::runtime_error &) {  // a GPU that has failed has lost its memory with it
        }
        workspaces().give(nullptr);
    }

    double cost() override {
        return guarded([&] {
            each(start_cost, chunks() * kChunkBlock, kChunkBlock, on_gpu_, at_, costs_);
            start_trial_sums(1, kChunkBlock, stream_of_thread(), on_gpu_, at_, 0.0, system_, promised_, costs_, sums_);
            return sums().cost;
        });
    }

    Trial step(double damping) override {
        return guarded([&] {
            build(damping);
            if (in_.cameras_move) {
                solve();
                each(start_move_cameras, std::max(in_.photos, in_.lenses), kEachBlock, on_gpu_, at_, system_, moved_);
            }
            each(start_move_points, chunks() * kChunkBlock, kChunkBlock, on_gpu_, at_, damping, system_, moved_,
                 promised_);
            each(start_cost, chunks() * kChunkBlock, kChunkBlock, on_gpu_, moved_, costs_);
            start_trial_sums(1, kChunkBlock, stream_of_thread(), on_gpu_, moved_, damping, system_, promised_, costs_,
                             sums_);
            const TrialSums found = sums();
            Trial trial;
            trial.is_solved = !in_.cameras_move || found.is_definite;
            if (trial.is_solved) trial.promised = found.promised, trial.cost = found.cost;
            return trial;
        });
    }

    void take() override { std::swap(at_, moved_); }

    void read(const State &state) override {
        guarded([&] {
            fetch(state.poses, at_.poses, 7 * in_.photos);
            fetch(state.lens, at_.lens, in_.lenses);
            fetch(state.points, at_.points, 3 * in_.points);
            check(driver().wait_for_stream(stream_of_thread()));
        });
    }

private:
    // A workspace of which some work may still be under way is not handed on.
    template <typename Work>
    auto guarded(Work work) -> decltype(work()) {
        try {
            const Gpu::Use use(gpu_);
            return work();
        } catch (...) {
            has_failed_ = true;
            throw;
        }
    }

    template <typename Start, typename... Arguments>
    static void each(const Start &start, int64_t items, int block, Arguments... arguments) {
        start(blocks_for(items, block), block, stream_of_thread(), arguments...);
    }

    int64_t chunks() const { return (in_.points + kChunk - 1) / kChunk; }

    TrialSums sums() const {
        TrialSums found;
        fetch(&found, sums_, 1);
        check(driver().wait_for_stream(stream_of_thread()));
        return found;
    }

    // Says where everything is in the memory; how much that takes.
    size_t take_pieces(uint8_t *begin, const ReductionLayout &layout) {
        Pieces pieces(begin);
        const auto own = [&](auto *&array, int64_t count) {
            std::remove_const_t<std::remove_reference_t<decltype(*array)>> *mine;
            pieces.take(mine, count);
            array = mine;
        };
        const int64_t unknowns = in_.stride;
        on_gpu_ = in_;
        own(on_gpu_.photo, in_.observations);
        own(on_gpu_.point, in_.observations);
        own(on_gpu_.seen, 2 * in_.observations);
        own(on_gpu_.first, in_.points + 1);
        own(on_gpu_.slot_point, in_.slots);
        own(on_gpu_.slot_lens, in_.slots);
        own(on_gpu_.first_slot, in_.points + 1);
        own(on_gpu_.lens_of, in_.photos);
        own(on_gpu_.free_pose, in_.photos);
        own(on_gpu_.held_point, in_.points);
        own(on_gpu_.lens_column, in_.lenses);
        on_gpu_.of_photo = on_gpu_.first_of_photo = on_gpu_.of_lens = on_gpu_.first_of_lens = nullptr;
        on_gpu_.first_chunk = nullptr;
        on_gpu_.point_by_photo = on_gpu_.chunk_lens = nullptr;
        on_gpu_.seen_by_photo = nullptr;
        for (State *state : {&at_, &moved_}) {
            own(state->poses, 7 * in_.photos);
            own(state->pose, in_.photos);
            own(state->lens, in_.lenses);
            own(state->points, 3 * in_.points);
        }
        own(linear_, in_.observations * kNumbers);
        own(stays_, in_.points);
        own(system_.point_root, 6 * in_.points);
        own(system_.point_rhs, 3 * in_.points);
        own(system_.point_descent, 3 * in_.points);
        own(system_.point_diagonal, 3 * in_.points);
        own(promised_, chunks());
        own(costs_, chunks());
        own(sums_, 1);
        own(system_.rhs, unknowns);
        own(system_.descent, unknowns);
        own(system_.diagonal, unknowns);
        system_.products = system_.chunk = nullptr;
        const bool with_system = in_.cameras_move;
        own(system_.blocks, with_system ? (in_.observations + in_.slots) * kBlock : 0);
        system_.slot_blocks = system_.blocks ? system_.blocks + in_.observations * kBlock : nullptr;
        own(system_.lens_part, with_system ? kLensSums * in_.photos : 0);
        own(system_.matrix, with_system ? unknowns * unknowns : 0);
        own(system_.lens_rows, with_system ? in_.lens_chunks * (kLanes + 1) * (unknowns - kPose * in_.photos) : 0);
        reduction_.part_count = int64_t(layout.parts.size());
        reduction_.entry_count = int64_t(layout.entries.size());
        reduction_.target_count = int64_t(layout.targets.size());
        own(reduction_.parts, reduction_.part_count);
        own(reduction_.entries, reduction_.entry_count);
        own(reduction_.bands, int64_t(layout.bands.size()));
        own(reduction_.targets, reduction_.target_count);
        own(reduction_.part_of_lens, in_.lenses);
        own(reduction_.first_partner, reduction_.entry_count + 1);
        own(reduction_.first_product, reduction_.target_count + 1);
        return pieces.bytes();
    }

    void send_problem(const State &start) {
        send(on_gpu_.photo, in_.photo, in_.observations);
        send(on_gpu_.point, in_.point, in_.observations);
        send(on_gpu_.seen, in_.seen, 2 * in_.observations);
        send(on_gpu_.first, in_.first, in_.points + 1);
        send(on_gpu_.slot_point, in_.slot_point, in_.slots);
        send(on_gpu_.slot_lens, in_.slot_lens, in_.slots);
        send(on_gpu_.first_slot, in_.first_slot, in_.points + 1);
        send(on_gpu_.lens_of, in_.lens_of, in_.photos);
        send(on_gpu_.free_pose, in_.free_pose, in_.photos);
        send(on_gpu_.held_point, in_.held_point, in_.points);
        send(on_gpu_.lens_column, in_.lens_column, in_.lenses);
        for (const State &state : {at_, moved_}) {
            send(state.poses, start.poses, 7 * in_.photos);
            send(state.pose, start.pose, in_.photos);
            send(state.lens, start.lens, in_.lenses);
            send(state.points, start.points, 3 * in_.points);
        }
        for (double *unknown : {system_.rhs, system_.descent, system_.diagonal})
            clear(unknown, in_.stride * sizeof(double), stream_of_thread());
        clear(promised_, chunks() * sizeof(double), stream_of_thread());
    }

    // All products in the order of their bands' points; then each target's, in the same order.
    void list_products(const ReductionLayout &layout) {
        send(reduction_.parts, layout.parts.data(), reduction_.part_count);
        send(reduction_.entries, layout.entries.data(), reduction_.entry_count);
        send(reduction_.bands, layout.bands.data(), int64_t(layout.bands.size()));
        send(reduction_.targets, layout.targets.data(), reduction_.target_count);
        send(reduction_.part_of_lens, layout.part_of_lens.data(), in_.lenses);
        send(reduction_.first_partner, layout.first_partner.data(), reduction_.entry_count + 1);
        const int64_t count = layout.first_partner.back();
        const int64_t spare = count / Workspace::kSpare;
        Product *partners = workspace_->partners.of(count, spare).data();
        Product *products = workspace_->products.of(count, spare).data();
        int32_t *columns = workspace_->columns.of(count, spare).data();
        each(start_partners, reduction_.entry_count, kEachBlock, on_gpu_, reduction_, partners, columns);

        const unsigned strips = blocks_for(reduction_.part_count, kListBlock);
        const unsigned blocks = unsigned(layout.bands.size()) * strips;
        int64_t *counted = const_cast<int64_t *>(reduction_.first_product);
        clear(counted, reduction_.target_count * sizeof(int64_t), stream_of_thread());
        start_count_products(blocks, kListBlock, stream_of_thread(), reduction_, columns, counted);
        std::vector<int64_t> first(reduction_.target_count + 1);
        fetch(first.data() + 1, counted, reduction_.target_count);
        check(driver().wait_for_stream(stream_of_thread()));
        for (int64_t t = 0; t < reduction_.target_count; ++t) first[t + 1] += first[t];
        send(counted, first.data(), reduction_.target_count + 1);
        start_list_products(blocks, kListBlock, stream_of_thread(), reduction_, partners, columns, products);
        reduction_.products = products;
    }

    void build(double damping) {
        each(start_linearize, in_.observations, kEachBlock, on_gpu_, at_, linear_);
        each(start_eliminate, in_.points, kEachBlock, on_gpu_, damping, linear_, system_, stays_);
        if (!in_.cameras_move) return;
        each(start_blocks, in_.observations * kLanes, kEachBlock, on_gpu_, linear_, stays_, system_);
        each(start_slots, in_.slots * kLanes, kEachBlock, on_gpu_, linear_, stays_, system_);
        start_photo_sums(unsigned(in_.photos), kSumsBlock, stream_of_thread(), on_gpu_, at_, damping, linear_,
                         reduction_, system_);
        start_lens_sums(unsigned(in_.lenses), kLensSums, stream_of_thread(), on_gpu_, at_, damping, system_);
        each(start_products, reduction_.target_count * kTargetThreads, kProductsBlock, on_gpu_, reduction_, system_);
        each(start_add_partials,
             (reduction_.part_count - in_.photos) * (kLanes + 1) * (in_.stride - kPose * in_.photos), kEachBlock,
             on_gpu_, reduction_, system_);
        each(start_padding, in_.stride, kEachBlock, on_gpu_, system_, sums_);
    }

    void solve() {
        start_factor_diagonal(1, kDiagonalBlock, stream_of_thread(), system_.matrix, in_.stride, sums_);
        for (int64_t from = 0; from < in_.stride; from += kPanel) {
            const int64_t beyond = std::max<int64_t>(0, in_.stride - from - kPanel);
            const unsigned strips = blocks_for(beyond, kSystemTile);
            start_solve_panel(blocks_for(beyond, kPanelBlock), kPanelBlock, stream_of_thread(), system_.matrix,
                              in_.stride, from, sums_);
            start_subtract_panel(1 + strips * strips, kSubtractBlock, stream_of_thread(), system_.matrix, system_.rhs,
                                 in_.stride, from, sums_);
        }
        start_substitute_back(1, kBackBlock, stream_of_thread(), system_.matrix, system_.rhs, in_.stride, sums_);
    }

    const Gpu &gpu_;
    const Structure in_;  // on the host
    Structure on_gpu_{};
    std::unique_ptr<Workspace> workspace_;
    bool has_failed_ = false;
    State at_{}, moved_{};
    System system_{};
    Reduction reduction_{};
    double *linear_ = nullptr, *promised_ = nullptr, *costs_ = nullptr;
    uint8_t *stays_ = nullptr;
    TrialSums *sums_ = nullptr;
};

}  // namespace

MakeSolver on_gpu(int device) {
    return [device](const Structure &in, const State &start) { return std::make_unique<OnGpu>(device, in, start); };
}

}  // namespace splat
