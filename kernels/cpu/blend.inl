// Alpha blending of a tile's splats, front to back, and its gradient.
//
// A tile is kTile x kTile pixels; its splats are walked once, each over the rows of the tile that its ellipse meets, a
// vector of pixels at a time. The backward pass walks front to back too: with C the finished colour of a pixel and g
// the loss's gradient in it, what lies behind splat i contributes C.g less what has been passed so far, so that
//     d loss / d alpha_i = T_i (c_i . g) - (C.g - sum over j <= i of alpha_j T_j (c_j . g)) / (1 - alpha_i)
// needs no second walk from behind and no division by a vanishing transmittance.

namespace splat {
namespace SPLAT_ISA {

constexpr int kVectors = kTile / kLanes;  // vectors of a tile's row

// The rows [begin, end) of the tile at pixel row y0 whose centers lie within the splat's box.
SPLAT_INLINE void row_range(const Splat &s, int y0, int rows, int *begin, int *end) {
    float low = s.y - s.half_y - 0.5f - y0, high = s.y + s.half_y - 0.5f - y0;
    int first = low <= 0 ? 0 : low >= rows ? rows : int(low);  // at most one row too many, never one too few
    int last = high < 0 ? -1 : high >= rows ? rows - 1 : int(high);
    *begin = first;
    *end = last + 1;
}

struct TileView {
    int x0, y0, rows, columns;
};

SPLAT_INLINE TileView tile_view(const Frame &f, int tile) {
    int x0 = tile % f.tiles_x * kTile, y0 = tile / f.tiles_x * kTile;
    int rows = f.camera.height - y0, columns = f.camera.width - x0;
    return {x0, y0, rows < kTile ? rows : kTile, columns < kTile ? columns : kTile};
}

// -d^T conic d / 2 along a row of pixels: constant in dy, so `linear` and `constant` are the row's own.
struct RowQuadratic {
    float half_a, linear, constant;
};
SPLAT_INLINE RowQuadratic row_quadratic(const Splat &s, float dy) {
    return {-0.5f * s.a, -s.b * dy, -0.5f * s.c * dy * dy};
}
SPLAT_INLINE Vec power_at(const RowQuadratic &q, Vec dx) { return (q.half_a * dx + q.linear) * dx + q.constant; }

static void blend_tile(const Frame &f, int tile) {
    const TileView view = tile_view(f, tile);
    const uint32_t begin = f.tile_begin[tile], end = f.tile_begin[tile + 1];
    alignas(64) float transmittance[kTile][kTile], color[3][kTile][kTile];
    alignas(64) int32_t alive[kTile][kTile];  // -1: still being blended
    alignas(64) int32_t last[kTile][kTile];
    for (int y = 0; y < kTile; ++y)
        for (int x = 0; x < kTile; ++x) {
            transmittance[y][x] = 1.0f;
            color[0][y][x] = color[1][y][x] = color[2][y][x] = 0.0f;
            alive[y][x] = (y < view.rows && x < view.columns) ? -1 : 0;
            last[y][x] = 0;
        }
    const Vec lanes = lane_index();
    for (uint32_t i = begin; i < end; ++i) {
        const Splat &s = f.splats[f.entries[i].gaussian];
        const float limit = -0.5f * s.reach;
        int row_begin, row_end;
        row_range(s, view.y0, view.rows, &row_begin, &row_end);
        for (int y = row_begin; y < row_end; ++y) {
            const RowQuadratic quadratic = row_quadratic(s, view.y0 + y + 0.5f - s.y);
            for (int v = 0; v < kVectors; ++v) {
                const int x = v * kLanes;
                const Vec dx = lanes + (view.x0 + x + 0.5f - s.x);
                const Vec power = power_at(quadratic, dx);
                Mask mask = (power >= limit) & load_ints(&alive[y][x]);
                if (!any(mask)) continue;
                const Vec alpha = minimum(s.opacity * exp_nonpositive(minimum(power, Vec{})), splat_of(kAlphaMax));
                const Vec before = load(&transmittance[y][x]);
                const Vec after = before * (1.0f - alpha);
                const Mask stop = mask & (after < kTransmittanceMin);
                store_ints(&alive[y][x], load_ints(&alive[y][x]) & ~stop);
                mask &= ~stop;
                const Vec weight = select(mask, alpha * before, Vec{});
                store(&transmittance[y][x], select(mask, after, before));
                for (int c = 0; c < 3; ++c) store(&color[c][y][x], load(&color[c][y][x]) + weight * s.color[c]);
                const Mask index = Mask{} + int32_t(i - begin + 1);
                store_ints(&last[y][x], (index & mask) | (load_ints(&last[y][x]) & ~mask));
            }
        }
        if ((i - begin) % 16 == 15) {  // the whole tile may be opaque
            Mask living = {};
            for (int y = 0; y < view.rows; ++y)
                for (int v = 0; v < kVectors; ++v) living |= load_ints(&alive[y][v * kLanes]);
            if (!any(living)) break;
        }
    }
    alignas(64) float beyond[3][kTile][kTile];
    behind_all(f.background, f.camera, view.x0, view.y0, beyond);
    const int64_t plane = int64_t(f.camera.width) * f.camera.height;
    for (int c = 0; c < 3; ++c)
        for (int y = 0; y < view.rows; ++y) {
            float *row = f.image + c * plane + int64_t(view.y0 + y) * f.camera.width + view.x0;
            for (int x = 0; x < view.columns; ++x) row[x] = color[c][y][x] + transmittance[y][x] * beyond[c][y][x];
        }
    memcpy(f.last + int64_t(tile) * kTile * kTile, last, sizeof last);
}

static void blend(const Frame &f, int threads) {
    const int tiles = f.tiles_x * f.tiles_y;
#pragma omp parallel for schedule(dynamic, 8) num_threads(threads)
    for (int tile = 0; tile < tiles; ++tile) blend_tile(f, tile);
    (void)threads;
}

// Sums over a tile's blocks of kAbsoluteBlock x kAbsoluteBlock pixels of the norm of what each says of a splat's mean.
struct BlockNorms {
    float half_width, half_height;
    Vec x[kVectors] = {}, y[kVectors] = {};  // of the rows of blocks that are being walked: sums of q dx and q dy
    float sum = 0;

    // The rows of blocks end here.
    void end_blocks(const Splat &s) {
        alignas(64) float columns_x[kTile], columns_y[kTile];
        for (int v = 0; v < kVectors; ++v) {
            store(&columns_x[v * kLanes], x[v]);
            store(&columns_y[v * kLanes], y[v]);
            x[v] = y[v] = Vec{};
        }
        for (int begin = 0; begin < kTile; begin += kAbsoluteBlock) {
            float sum_x = 0, sum_y = 0;
            for (int k = begin; k < begin + kAbsoluteBlock; ++k) {
                sum_x += columns_x[k];
                sum_y += columns_y[k];
            }
            const float across = (s.a * sum_x + s.b * sum_y) * half_width;
            const float down = (s.b * sum_x + s.c * sum_y) * half_height;
            sum += __builtin_sqrtf(across * across + down * down);
        }
    }
};

// Compiled for either, so that gradients keep their every bit where nobody asks for norms.
template <bool kAbsolute>
static void blend_backward_tile(const Frame &f, const float *grad_image, int tile) {
    const TileView view = tile_view(f, tile);
    const uint32_t begin = f.tile_begin[tile], end = f.tile_begin[tile + 1];
    const int64_t plane = int64_t(f.camera.width) * f.camera.height;
    alignas(64) float transmittance[kTile][kTile], behind[kTile][kTile], grad[3][kTile][kTile];
    alignas(64) int32_t last[kTile][kTile];
    memcpy(last, f.last + int64_t(tile) * kTile * kTile, sizeof last);
    memset(grad, 0, sizeof grad);
    memset(behind, 0, sizeof behind);
    int32_t deepest = 0;
    for (int y = 0; y < kTile; ++y)
        for (int x = 0; x < kTile; ++x) {
            transmittance[y][x] = 1.0f;
            deepest = last[y][x] > deepest ? last[y][x] : deepest;
        }
    for (int c = 0; c < 3; ++c)
        for (int y = 0; y < view.rows; ++y) {
            const int64_t offset = c * plane + int64_t(view.y0 + y) * f.camera.width + view.x0;
            for (int x = 0; x < view.columns; ++x) {
                grad[c][y][x] = grad_image[offset + x];
                behind[y][x] += f.image[offset + x] * grad_image[offset + x];
            }
        }
    const Vec lanes = lane_index();
    for (uint32_t i = begin; i < begin + deepest; ++i) {
        const Splat &s = f.splats[f.entries[i].gaussian];
        const float limit = -0.5f * s.reach;
        int row_begin, row_end;
        row_range(s, view.y0, view.rows, &row_begin, &row_end);
        // With q = alpha d loss / d alpha (0 where alpha is capped), sums over pixels of q dx^i dy^j.
        Vec q_sum = {}, q_x = {}, q_y = {}, q_xx = {}, q_xy = {}, q_yy = {}, red = {}, green = {}, blue = {};
        BlockNorms norms = {0.5f * f.camera.width, 0.5f * f.camera.height};
        for (int y = row_begin; y < row_end; ++y) {
            const float dy = view.y0 + y + 0.5f - s.y;
            const RowQuadratic quadratic = row_quadratic(s, dy);
            for (int v = 0; v < kVectors; ++v) {
                const int x = v * kLanes;
                const Vec dx = lanes + (view.x0 + x + 0.5f - s.x);
                const Vec power = power_at(quadratic, dx);
                const Mask mask = (power >= limit) & (load_ints(&last[y][x]) > int32_t(i - begin));
                if (!any(mask)) continue;
                const Vec uncapped = s.opacity * exp_nonpositive(minimum(power, Vec{}));
                const Vec alpha = select(mask, minimum(uncapped, splat_of(kAlphaMax)), Vec{});
                const Vec before = load(&transmittance[y][x]);
                const Vec weight = alpha * before;
                const Vec gr = load(&grad[0][y][x]), gg = load(&grad[1][y][x]), gb = load(&grad[2][y][x]);
                const Vec color_grad = s.color[0] * gr + s.color[1] * gg + s.color[2] * gb;
                const Vec rest = load(&behind[y][x]) - weight * color_grad;
                const Vec through = 1.0f - alpha;
                const Vec grad_alpha = before * color_grad - rest / through;
                const Vec q = select(uncapped < kAlphaMax, alpha * grad_alpha, Vec{});
                store(&transmittance[y][x], before * through);
                store(&behind[y][x], rest);
                red += weight * gr;
                green += weight * gg;
                blue += weight * gb;
                const Vec qx = q * dx, qy = q * dy;
                q_sum += q;
                q_x += qx;
                q_y += qy;
                q_xx += qx * dx;
                q_xy += qx * dy;
                q_yy += qy * dy;
                if constexpr (kAbsolute) {
                    norms.x[v] += qx;
                    norms.y[v] += qy;
                }
            }
            if (kAbsolute && ((y + 1) % kAbsoluteBlock == 0 || y + 1 == row_end)) norms.end_blocks(s);
        }
        PairGradient &out = f.pair_gradients[f.entries[i].slot];
        const float sum_x = sum(q_x), sum_y = sum(q_y);
        out.x = s.a * sum_x + s.b * sum_y;
        out.y = s.b * sum_x + s.c * sum_y;
        out.a = -0.5f * sum(q_xx);
        out.b = -sum(q_xy);
        out.c = -0.5f * sum(q_yy);
        out.opacity = sum(q_sum) / s.opacity;
        out.color[0] = sum(red);
        out.color[1] = sum(green);
        out.color[2] = sum(blue);
        out.absolute = norms.sum;
    }
    for (uint32_t i = begin + deepest; i < end; ++i)
        memset(&f.pair_gradients[f.entries[i].slot], 0, sizeof(PairGradient));
}

template <bool kAbsolute>
static void blend_backward_all(const Frame &f, const float *grad_image, int threads) {
    const int tiles = f.tiles_x * f.tiles_y;
#pragma omp parallel for schedule(dynamic, 8) num_threads(threads)
    for (int tile = 0; tile < tiles; ++tile) blend_backward_tile<kAbsolute>(f, grad_image, tile);
    (void)threads;
}

static void blend_backward(const Frame &f, const float *grad_image, int threads) {
    (f.absolute ? blend_backward_all<true> : blend_backward_all<false>)(f, grad_image, threads);
}

}  // namespace SPLAT_ISA
}  // namespace splat
