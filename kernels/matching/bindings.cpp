// splatworker._matching: matches between two photos' SIFT descriptors.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "clear.h"
#include "nearest.h"

namespace nb = nanobind;

namespace {

using namespace matching;
using Descriptors = nb::ndarray<const uint8_t, nb::shape<-1, kDimensions>, nb::c_contig, nb::device::cpu>;
using Matches = nb::ndarray<nb::numpy, uint32_t, nb::shape<-1, 2>>;

const Kernel &kernel() {
#if defined(MATCHING_X86)
    __builtin_cpu_init();
    const char *wish = std::getenv("SPLATWORKER_ISA");
    const bool at_most_avx2 = wish && !std::strcmp(wish, "avx2");
    if (wish && !std::strcmp(wish, "baseline")) return plain_kernel();
    if (!at_most_avx2 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw"))
        return vnni_kernel();
    if (__builtin_cpu_supports("avx2")) return avx2_kernel();
#endif
    return plain_kernel();
}

int64_t padded(int64_t count, int multiple) { return (count + multiple - 1) / multiple * multiple; }

std::vector<int8_t> rows_of(const Descriptors &d, const Kernel &search) {
    const int64_t count = int64_t(d.shape(0)), pairs = count * kDimensions / 2;
    std::vector<int8_t> rows(padded(count, search.rows) * kDimensions * search.copies);
    for (int64_t pair = 0; pair < pairs; ++pair)
        for (int copy = 0; copy < search.copies; ++copy)
            for (int k = 0; k < 2; ++k)
                rows[(pair * search.copies + copy) * 2 + k] = int8_t(seven_bits(d.data()[2 * pair + k]));
    return rows;
}

// Blocks of `lanes` columns, as the search wants them.
std::vector<uint8_t> columns_of(const Descriptors &d, const Kernel &search) {
    const int64_t count = int64_t(d.shape(0));
    const int lanes = search.lanes, together = search.together;
    std::vector<uint8_t> columns(padded(count, lanes) * kDimensions);
    for (int64_t j = 0; j < count; ++j) {
        const uint8_t *from = d.data() + j * kDimensions;
        uint8_t *block = columns.data() + j / lanes * lanes * kDimensions;
        const int64_t place = search.order ? search.order[j % lanes] : j % lanes;
        for (int k = 0; k < kDimensions; ++k)
            block[(k / together * lanes + place) * together + k % together] = seven_bits(from[k]);
    }
    return columns;
}

Matches match(const Descriptors &first, const Descriptors &second, double max_ratio, double max_distance) {
    const int64_t rows = int64_t(first.shape(0)), columns = int64_t(second.shape(0));
    if (rows > kMost || columns > kMost) throw std::invalid_argument("a photo has more than 65504 descriptors");
    auto *found = new std::vector<uint32_t>;
    nb::capsule owner(found, [](void *p) noexcept { delete static_cast<std::vector<uint32_t> *>(p); });
    {
        nb::gil_scoped_release release;
        const Kernel &search = kernel();
        const auto a = rows_of(first, search);
        const auto b = columns_of(second, search);
        Nearest along(padded(rows, search.rows)), across(padded(columns, search.lanes));
        search.find(a.data(), int64_t(along.best.size()), b.data(), int64_t(across.best.size()), along.index.data(),
                    along.best.data(), along.second.data(), across.index.data(), across.best.data(),
                    across.second.data());
        for (int64_t i = 0; i < rows; ++i) {
            const int64_t j = along.index[i];
            if (j >= columns || across.index[j] != i) continue;
            if (is_clear(angle_of(along.best[i]), angle_of(along.second[i]), max_ratio, max_distance) &&
                is_clear(angle_of(across.best[j]), angle_of(across.second[j]), max_ratio, max_distance)) {
                found->push_back(uint32_t(i));
                found->push_back(uint32_t(j));
            }
        }
    }
    return Matches(found->data(), {found->size() / 2, 2}, owner);
}

}  // namespace

NB_MODULE(_matching, m) {
    m.doc() = "C++ kernel of splatworker.sfm.nearest; see there.";
    m.def("match", &match, nb::arg("first"), nb::arg("second"), nb::arg("max_ratio"), nb::arg("max_distance"));
    m.def("instruction_set", [] { return std::string(kernel().isa); });
}
