#include "adjustment_layout.h"

#include <algorithm>

namespace splat {
namespace {

using namespace adjustment;

void add_parts_and_bands(const Structure &in, const State &state, ReductionLayout &out) {
    std::vector<int32_t> first_band;
    out.part_of_lens.assign(in.lenses, -1);
    int32_t parts = int32_t(in.photos);
    for (int64_t lens = 0; lens < in.lenses; ++lens) {
        if (!state.lens[lens].free) continue;
        const int64_t end = in.first_of_lens[lens + 1], chunks = in.first_chunk[lens + 1] - in.first_chunk[lens];
        first_band.push_back(int32_t(out.bands.size()));
        for (int64_t chunk = 0; chunk < std::max<int64_t>(chunks, 1); ++chunk) {
            const int64_t from = in.first_of_lens[lens] + chunk * kLensChunk;
            out.bands.push_back({in.observations + from, in.observations + std::min(from + kLensChunk, end), 0, parts,
                                 chunks > 1 ? int32_t(in.first_chunk[lens] + chunk) : -1});
        }
        out.part_of_lens[lens] = parts++;
    }
    for (int64_t photo = 0; photo < in.photos; ++photo) {
        out.parts.push_back(
            {int32_t(kPose * photo), kPose, out.part_of_lens[in.lens_of[photo]], int32_t(out.bands.size())});
        out.bands.push_back({in.first_of_photo[photo], in.first_of_photo[photo + 1], 0, int32_t(photo), -1});
    }
    for (int64_t lens = 0; lens < in.lenses; ++lens)
        if (state.lens[lens].free)
            out.parts.push_back(
                {in.lens_column[lens], state.lens[lens].free, -1, first_band[out.part_of_lens[lens] - in.photos]});
}

void add_entries(const Structure &in, ReductionLayout &out) {
    const int64_t count = in.observations + in.slots;
    out.entries.resize(count);
    out.first_partner.resize(count + 1);
    int64_t partners = 0;
    for (int64_t n = 0; n < in.observations; ++n) {
        const int64_t point = in.point_by_photo[n];
        int64_t o = in.of_photo[n];
        out.entries[n] = {int32_t(point), int32_t(o)};
        out.first_partner[n] = partners;
        const int32_t photo = in.photo[o];
        while (o > in.first[point] && in.photo[o - 1] == photo) --o;  // a photo may see a point twice
        partners += in.first[point + 1] - o + in.first_slot[point + 1] - in.first_slot[point];
    }
    for (int64_t n = 0; n < in.slots; ++n) {
        const int64_t slot = in.of_lens[n], point = in.slot_point[slot];
        out.entries[in.observations + n] = {int32_t(point), int32_t(in.observations + slot)};
        out.first_partner[in.observations + n] = partners;
        partners += in.first_slot[point + 1] - slot;
    }
    out.first_partner[count] = partners;
}

void add_targets(ReductionLayout &out) {
    const int32_t bands = int32_t(out.bands.size()), parts = int32_t(out.parts.size());
    for (int32_t band = 0; band < bands; ++band) out.targets.push_back({band, -1});
    for (int32_t band = 0; band < bands; ++band) {
        out.bands[band].first_target = int64_t(out.targets.size());
        for (int32_t column = out.bands[band].part; column < parts; ++column) out.targets.push_back({band, column});
    }
}

}  // namespace

ReductionLayout layout_of(const Structure &in, const State &state) {
    ReductionLayout out;
    if (!in.cameras_move) return out;
    add_parts_and_bands(in, state, out);
    add_entries(in, out);
    add_targets(out);
    return out;
}

}  // namespace splat
