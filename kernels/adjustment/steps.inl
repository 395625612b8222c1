// The loops over observations. What one task writes no other does, and each sum has one order.

constexpr int64_t kTogether = 64;  // points of a task

// target (8 lanes) += factor * what
inline __attribute__((always_inline)) void add_scaled(double *target, double factor, const double *what) {
    store(target, load(target) + factor * load(what));
}

// The derivatives of eight observations, and which of all are the first of them and the one behind the last.
struct Batch {
    Eight of;
    int64_t from = 0, to = 0;
};

// A point's blocks: V and its root, the descent, and Z of every photo and lens that sees it. `batch` has derivatives of the
// points before it, and perhaps of its own, for those up to the observation `end` follow.
void eliminate_point(const Structure &in, const State &at, double damping, const System &out, int64_t point,
                     int64_t end, Batch &batch) {
    const int64_t from = in.first[point], to = in.first[point + 1];
    const int64_t slot_from = in.first_slot[point], slot_to = in.first_slot[point + 1];
    for (int64_t slot = slot_from; slot < slot_to; ++slot)
        for (int k = 0; k < kBlock; ++k) out.slot_blocks[slot * kBlock + k] = 0;
    double v[6] = {0, 0, 0, 0, 0, 0}, descent[3] = {0, 0, 0};
    for (int64_t o = from; o < to; ++o) {
        const int32_t photo = in.photo[o], lens = in.lens_of[photo];
        if (o >= batch.to) {
            batch.from = o;
            batch.to = o + kLanes < end ? o + kLanes : end;
            linearize_points(in, at, o, batch.to - o, batch.of);
        }
        const int64_t lane = o - batch.from;
        const double weight = batch.of.weight[lane], *residual = batch.of.residual[lane];
        const double (*by_pose)[8] = batch.of.by_pose[lane], (*by_lens)[8] = batch.of.by_lens[lane];
        const double (*by_point)[4] = batch.of.by_point[lane];
        int64_t slot = slot_from;
        while (slot < slot_to && in.slot_lens[slot] != lens) ++slot;
        double *block = out.blocks + o * kBlock;
        for (int k = 0; k < 3; ++k) {
            const double first = weight * by_point[0][k], second = weight * by_point[1][k];
            descent[k] -= first * residual[0] + second * residual[1];
            for (int m = 0; m <= k; ++m) v[k * (k + 1) / 2 + m] += first * by_point[0][m] + second * by_point[1][m];
            if (!in.cameras_move) continue;
            store(block + k * kLanes, first * load(by_pose[0]) + second * load(by_pose[1]));
            for (int unknown = 0; unknown < kPose; ++unknown)
                if (!(in.free_pose[photo] >> unknown & 1)) block[k * kLanes + unknown] = 0;
            if (slot < slot_to) {
                add_scaled(out.slot_blocks + slot * kBlock + k * kLanes, first, by_lens[0]);
                add_scaled(out.slot_blocks + slot * kBlock + k * kLanes, second, by_lens[1]);
            }
        }
    }
    Eliminated left;
    eliminate(v, descent, damping, in.held_point[point], left);
    const double *root = left.root;
    for (int k = 0; k < 6; ++k) out.point_root[6 * point + k] = root[k];
    for (int k = 0; k < 3; ++k) {
        out.point_rhs[3 * point + k] = left.rhs[k];
        out.point_descent[3 * point + k] = left.descent[k];
        out.point_diagonal[3 * point + k] = left.diagonal[k];
    }
    if (!in.cameras_move) return;
    if (left.stays) {
        for (int64_t k = from * kBlock; k < to * kBlock; ++k) out.blocks[k] = 0;
        for (int64_t k = slot_from * kBlock; k < slot_to * kBlock; ++k) out.slot_blocks[k] = 0;
        return;
    }
    const double i0 = 1 / root[0], i1 = 1 / root[2], i2 = 1 / root[5];
    for (int64_t b = 0; b < to - from + slot_to - slot_from; ++b) {
        double *block = b < to - from ? out.blocks + (from + b) * kBlock
                                      : out.slot_blocks + (slot_from + b - (to - from)) * kBlock;
        const Vec z0 = i0 * load(block);
        const Vec z1 = i1 * (load(block + kLanes) - root[1] * z0);
        const Vec z2 = i2 * (load(block + 2 * kLanes) - root[3] * z0 - root[4] * z1);
        store(block, z0);
        store(block + kLanes, z1);
        store(block + 2 * kLanes, z2);
    }
}

// rows (8 lanes each, `stride` apart) -= left' right of two blocks, for the first `count` rows.
inline __attribute__((always_inline)) void subtract_product(double *rows, int64_t stride, const double *left,
                                                            const double *right, int count) {
    const Vec r0 = load(right), r1 = load(right + kLanes), r2 = load(right + 2 * kLanes);
    for (int row = 0; row < count; ++row) {
        const Vec target = load(rows + row * stride);
        store(rows + row * stride, target - left[row] * r0 - left[kLanes + row] * r1 - left[2 * kLanes + row] * r2);
    }
}

constexpr int64_t kAhead = 2;         // so many observations before its turn, what one needs is fetched into the cache
constexpr int64_t kAheadBlocks = 10;  // at most: of a long track the processor fetches the rest by itself

ADJUSTMENT_INLINE void fetch_blocks(const double *first, int64_t count) {
    const int64_t numbers = (count < kAheadBlocks ? count : kAheadBlocks) * kBlock;
    for (int64_t k = 0; k < numbers; k += kLanes) __builtin_prefetch(first + k);
}

// An observation's blocks and those after it of the same point. A photo's points lie scattered among megabytes of blocks.
ADJUSTMENT_INLINE void fetch_point(const Structure &in, const System &out, int64_t observation, int64_t point) {
    const int64_t slot = in.first_slot[point];
    fetch_blocks(out.blocks + observation * kBlock, in.first[point + 1] - observation);
    fetch_blocks(out.slot_blocks + slot * kBlock, in.first_slot[point + 1] - slot);
    __builtin_prefetch(out.point_rhs + 3 * point);
    __builtin_prefetch(in.photo + observation);
}

// A photo's rows of the reduced system: its own block, those with photos after it, those with lenses. All but the last are
// summed in `products` (photos, 6, 8), where a block is in one piece and begins at a line of the cache: in the matrix each
// of its rows is elsewhere, and most lie across two lines.
void build_photo(const Structure &in, const State &at, double damping, const System &out, double *products,
                 int64_t photo) {
    const int32_t lens = in.lens_of[photo];
    const int free = at.lens[lens].free;
    double *rows = out.matrix + kPose * photo * in.stride;
    for (int row = 0; row < kPose; ++row)
        for (int64_t c = kPose * in.photos; c < in.stride; ++c) rows[row * in.stride + c] = 0;
    double *own_product = products + photo * kPose * kLanes;
    for (int64_t k = 0; k < (in.photos - photo) * kPose * kLanes; ++k) own_product[k] = 0;
    double *part = out.lens_part + kLensSums * photo;
    for (int k = 0; k < kLensSums; ++k) part[k] = 0;

    const int64_t end = in.first_of_photo[photo + 1];
    Vec sum_own[kPose], sum_lens[kPose], sum_descent = {};
    for (int k = 0; k < kPose; ++k) sum_own[k] = sum_lens[k] = {};
    Eight eight;
    for (int64_t from = in.first_of_photo[photo]; from < end; from += kLanes) {
        const int64_t count = from + kLanes < end ? kLanes : end - from;
        linearize_photo(in, at, photo, in.point_by_photo + from, in.seen_by_photo + 2 * from, count, eight);
        for (int64_t n = 0; n < 2 * count; ++n) {
            double *by_pose = eight.by_pose[n / 2][n % 2];
            const double weight = eight.weight[n / 2], away = -weight * eight.residual[n / 2][n % 2];
            for (int unknown = 0; unknown < kPose; ++unknown)
                if (!(in.free_pose[photo] >> unknown & 1)) by_pose[unknown] = 0;
            const Vec poses = load(by_pose);
            for (int k = 0; k < kPose; ++k) sum_own[k] = sum_own[k] + (weight * by_pose[k]) * poses;
            sum_descent = sum_descent + away * poses;
            if (!free) continue;
            const double *by_lens = eight.by_lens[n / 2][n % 2];
            const Vec lenses = load(by_lens);
            for (int k = 0; k < kPose; ++k) sum_lens[k] = sum_lens[k] + (weight * by_pose[k]) * lenses;
            for (int k = 0; k < free; ++k) add_scaled(part + k * kLanes, weight * by_lens[k], by_lens);
            add_scaled(part + 64, away, by_lens);
        }
    }
    double own[kPose * kLanes], with_lens[kPose * kLanes], descent[kLanes];
    for (int k = 0; k < kPose; ++k) store(own + k * kLanes, sum_own[k]), store(with_lens + k * kLanes, sum_lens[k]);
    store(descent, sum_descent);
    for (int row = 0; row < kPose; ++row) {
        const int64_t unknown = kPose * photo + row;
        out.descent[unknown] = out.rhs[unknown] = descent[row];
        out.diagonal[unknown] = damped(own[row * kLanes + row]);
        for (int c = 0; c < kPose; ++c) own_product[row * kLanes + c] = own[row * kLanes + c];
        const bool adjusted = own[row * kLanes + row] > 0;
        own_product[row * kLanes + row] += adjusted ? damping * out.diagonal[unknown] : 1;
        for (int c = 0; c < free; ++c) rows[row * in.stride + in.lens_column[lens] + c] = with_lens[row * kLanes + c];
    }
    for (int64_t n = in.first_of_photo[photo]; n < end; ++n) {
        if (n + kAhead < end) fetch_point(in, out, in.of_photo[n + kAhead], in.point_by_photo[n + kAhead]);
        int64_t o = in.of_photo[n];
        const int64_t point = in.point_by_photo[n];
        const double *left = out.blocks + o * kBlock, *rhs = out.point_rhs + 3 * point;
        for (int row = 0; row < kPose; ++row)
            out.rhs[kPose * photo + row] -= left[row] * rhs[0] + left[kLanes + row] * rhs[1] +
                                            left[2 * kLanes + row] * rhs[2];
        while (o > in.first[point] && in.photo[o - 1] == photo) --o;  // a photo may see a point twice
        for (; o < in.first[point + 1]; ++o)
            subtract_product(products + in.photo[o] * kPose * kLanes, kLanes, left, out.blocks + o * kBlock, kPose);
        for (int64_t slot = in.first_slot[point]; slot < in.first_slot[point + 1]; ++slot)
            subtract_product(rows + in.lens_column[in.slot_lens[slot]], in.stride, left,
                             out.slot_blocks + slot * kBlock, kPose);
    }
    for (int row = 0; row < kPose; ++row)
        for (int64_t other = photo; other < in.photos; ++other)
            for (int c = 0; c < kPose; ++c)
                rows[row * in.stride + kPose * other + c] = products[(other * kPose + row) * kLanes + c];
}

// What a chunk of a lens's slots takes of the lens's rows, `stride` apart, which begin at the first lens's column, and of its
// right side.
void subtract_chunk(const Structure &in, const System &out, int64_t chunk, int free, double *rows, int64_t stride,
                    double *side) {
    const int32_t lens = in.chunk_lens[chunk];
    const int64_t from = in.first_of_lens[lens] + (chunk - in.first_chunk[lens]) * kLensChunk;
    const int64_t last = in.first_of_lens[lens + 1], to = from + kLensChunk < last ? from + kLensChunk : last;
    for (int64_t n = from; n < to; ++n) {
        const int64_t slot = in.of_lens[n], point = in.slot_point[slot];
        const double *left = out.slot_blocks + slot * kBlock, *rhs = out.point_rhs + 3 * point;
        for (int row = 0; row < free; ++row)
            side[row] -= left[row] * rhs[0] + left[kLanes + row] * rhs[1] + left[2 * kLanes + row] * rhs[2];
        for (int64_t other = slot; other < in.first_slot[point + 1]; ++other)
            subtract_product(rows + in.lens_column[in.slot_lens[other]] - kPose * in.photos, stride, left,
                             out.slot_blocks + other * kBlock, free);
    }
}

// The same by itself, where the lens has several: they are added in their order (`build_lens`), and made in any.
void build_lens_chunk(const Structure &in, const State &at, const System &out, int64_t chunk) {
    const int32_t lens = in.chunk_lens[chunk];
    if (in.first_chunk[lens + 1] - in.first_chunk[lens] < 2) return;
    const int64_t width = in.stride - kPose * in.photos;
    double *rows = out.lens_rows + chunk * (kLanes + 1) * width;
    for (int64_t k = 0; k < (kLanes + 1) * width; ++k) rows[k] = 0;
    subtract_chunk(in, out, chunk, at.lens[lens].free, rows, width, rows + kLanes * width);
}

// A lens's rows: its own block and those with lenses after it. `photos` of the lens are added in their order.
void build_lens(const Structure &in, const State &at, double damping, const System &out, int64_t lens) {
    const int free = at.lens[lens].free;
    const int64_t column = in.lens_column[lens], first = kPose * in.photos, width = in.stride - first;
    double *rows = out.matrix + column * in.stride;
    for (int row = 0; row < free; ++row)
        for (int64_t c = column; c < in.stride; ++c) rows[row * in.stride + c] = 0;
    double part[kLensSums];
    for (int k = 0; k < kLensSums; ++k) part[k] = 0;
    for (int64_t photo = 0; photo < in.photos; ++photo)
        if (in.lens_of[photo] == lens)
            for (int k = 0; k < kLensSums; ++k) part[k] += out.lens_part[kLensSums * photo + k];
    for (int row = 0; row < free; ++row) {
        out.descent[column + row] = out.rhs[column + row] = part[64 + row];
        out.diagonal[column + row] = damped(part[row * kLanes + row]);
        for (int c = 0; c < free; ++c) rows[row * in.stride + column + c] = part[row * kLanes + c];
        const bool adjusted = part[row * kLanes + row] > 0;
        rows[row * in.stride + column + row] += adjusted ? damping * out.diagonal[column + row] : 1;
    }
    const int64_t from = in.first_chunk[lens], to = in.first_chunk[lens + 1];
    if (to - from == 1) subtract_chunk(in, out, from, free, rows + first, in.stride, out.rhs + column);
    for (int64_t chunk = from; to - from > 1 && chunk < to; ++chunk) {
        const double *taken = out.lens_rows + chunk * (kLanes + 1) * width;
        for (int row = 0; row < free; ++row) {
            for (int64_t c = column; c < in.unknowns; ++c) rows[row * in.stride + c] += taken[row * width + c - first];
            out.rhs[column + row] += taken[kLanes * width + row];
        }
    }
}

void build(const Structure &in, const State &at, double damping, const System &out, int threads) {
    (void)threads;
#pragma omp parallel num_threads(threads)
    {
        Batch batch;
#pragma omp for schedule(dynamic, 1)
        for (int64_t some = 0; some < in.points; some += kTogether) {
            const int64_t end = some + kTogether < in.points ? some + kTogether : in.points;
            batch.to = 0;
            for (int64_t point = some; point < end; ++point)
                eliminate_point(in, at, damping, out, point, in.first[end], batch);
        }
        const int64_t photos = in.cameras_move ? in.photos : 0, lenses = in.cameras_move ? in.lenses : 0;
        double *products = out.products + thread_number() * in.photos * kPose * kLanes;
#pragma omp for schedule(dynamic, 1) nowait
        for (int64_t chunk = 0; chunk < (in.cameras_move ? in.lens_chunks : 0); ++chunk)
            build_lens_chunk(in, at, out, chunk);
#pragma omp for schedule(dynamic, 1)
        for (int64_t photo = 0; photo < photos; ++photo) build_photo(in, at, damping, out, products, photo);
#pragma omp for schedule(dynamic, 1)
        for (int64_t lens = 0; lens < lenses; ++lens) build_lens(in, at, damping, out, lens);
    }
    for (int64_t row = in.unknowns; in.cameras_move && row < in.stride; ++row) {  // padding
        for (int64_t c = row; c < in.stride; ++c) out.matrix[row * in.stride + c] = c == row ? 1 : 0;
        for (int64_t r = 0; r < in.unknowns; ++r) out.matrix[r * in.stride + row] = 0;
        out.rhs[row] = 0;
    }
}

// One point's step from those of the photos and lenses that see it; its share of the promised decrease.
double move_point(const Structure &in, const State &at, double damping, const System &out, const State &moved,
                  int64_t point) {
    const double *root = out.point_root + 6 * point;
    double y[3];
    for (int k = 0; k < 3; ++k) y[k] = out.point_rhs[3 * point + k];
    for (int64_t o = in.first[point]; in.cameras_move && o < in.first[point + 1]; ++o)
        for (int k = 0; k < 3; ++k) {
            const double *z = out.blocks + o * kBlock + k * kLanes, *step = out.rhs + kPose * in.photo[o];
            double sum = 0;
            for (int unknown = 0; unknown < kPose; ++unknown) sum += z[unknown] * step[unknown];
            y[k] -= sum;
        }
    for (int64_t slot = in.first_slot[point]; slot < in.first_slot[point + 1]; ++slot) {
        const int32_t lens = in.slot_lens[slot];
        for (int k = 0; k < 3; ++k) {
            const double *z = out.slot_blocks + slot * kBlock + k * kLanes, *step = out.rhs + in.lens_column[lens];
            double sum = 0;
            for (int parameter = 0; parameter < at.lens[lens].free; ++parameter) sum += z[parameter] * step[parameter];
            y[k] -= sum;
        }
    }
    double step[3];
    step_of(root, y, step);
    double promised = 0;
    for (int k = 0; k < 3; ++k) {
        if (in.held_point[point]) step[k] = 0;
        const int64_t n = 3 * point + k;
        moved.points[n] = at.points[n] + step[k];
        promised += step[k] * (out.point_descent[n] + damping * out.point_diagonal[n] * step[k]);
    }
    return promised;
}

double advance(const Structure &in, const State &at, double damping, const System &out, const State &moved,
               int threads) {
    (void)threads;
    double promised = 0;
    for (int64_t n = 0; n < in.unknowns; ++n)
        promised += out.rhs[n] * (out.descent[n] + damping * out.diagonal[n] * out.rhs[n]);
    for (int64_t photo = 0; photo < in.photos; ++photo) {
        if (in.free_pose[photo])
            move(at.poses + 7 * photo, out.rhs + kPose * photo, moved.poses + 7 * photo);
        else
            for (int k = 0; k < 7; ++k) moved.poses[7 * photo + k] = at.poses[7 * photo + k];
        pose_of(moved.poses + 7 * photo, moved.pose[photo]);
    }
    for (int64_t lens = 0; lens < in.lenses; ++lens)
        move(at.lens[lens], out.rhs + in.lens_column[lens], moved.lens[lens]);
    const int64_t chunks = (in.points + kChunk - 1) / kChunk;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
        out.chunk[chunk] = 0;
        for (int64_t point = chunk * kChunk; point < in.points && point < (chunk + 1) * kChunk; ++point)
            out.chunk[chunk] += move_point(in, at, damping, out, moved, point);
    }
    for (int64_t chunk = 0; chunk < chunks; ++chunk) promised += out.chunk[chunk];
    return promised / 2;
}

double cost(const Structure &in, const State &at, double *partial, int threads) {
    (void)threads;
    const double infinite = __builtin_inf();
    for (int64_t lens = 0; lens < in.lenses; ++lens)
        if (!(at.lens[lens].value[kFx] > 0 && at.lens[lens].value[kFy] > 0)) return infinite;
    const int64_t chunks = (in.points + kChunk - 1) / kChunk;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
        const int64_t end = (chunk + 1) * kChunk < in.points ? (chunk + 1) * kChunk : in.points;
        double sum = 0;
        for (int64_t o = in.first[chunk * kChunk]; o < in.first[end]; ++o) {
            const int32_t photo = in.photo[o];
            const double one = cost_of(at.pose[photo], at.lens[in.lens_of[photo]], at.points + 3 * in.point[o],
                                       in.seen + 2 * o, in.loss, in.scale);
            sum += one >= 0 ? one : infinite;
        }
        partial[chunk] = sum;
    }
    double sum = 0;
    for (int64_t chunk = 0; chunk < chunks; ++chunk) sum += partial[chunk];
    return sum / 2;
}
