// splatworker._cuda.Matcher; splatworker/sfm/nearest.py has it for the package.
#include "matching_bindings.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include "matching.h"

namespace nb = nanobind;

namespace {

using Descriptors = nb::ndarray<const uint8_t, nb::shape<-1, 128>, nb::c_contig, nb::device::cpu>;
using Matches = nb::ndarray<nb::numpy, uint32_t, nb::shape<-1, 2>>;

Matches array_of(splat::Matcher::Matches &&found) {
    auto *kept = new splat::Matcher::Matches(std::move(found));
    nb::capsule owner(kept, [](void *p) noexcept { delete static_cast<splat::Matcher::Matches *>(p); });
    static_assert(sizeof(splat::Matcher::Matches::value_type) == 2 * sizeof(uint32_t));
    return Matches(kept->data(), {kept->size(), 2}, owner);
}

}  // namespace

void bind_matching(nb::module_ &m) {
    nb::class_<splat::Matcher>(m, "Matcher")
        .def(
            "__init__",
            [](splat::Matcher *self, int device, const std::vector<Descriptors> &photos, double max_ratio,
               double max_distance) {
                std::vector<splat::DescriptorsOf> all;
                for (const Descriptors &photo : photos) all.push_back({photo.data(), int(photo.shape(0))});
                nb::gil_scoped_release release;
                new (self) splat::Matcher(device, all, max_ratio, max_distance);
            },
            nb::arg("device"), nb::arg("photos"), nb::arg("max_ratio"), nb::arg("max_distance"))
        .def("match", [](const splat::Matcher &self, const std::vector<std::pair<int, int>> &pairs) {
            std::vector<splat::Matcher::Matches> found;
            {
                nb::gil_scoped_release release;
                found = self.match(pairs);
            }
            std::vector<Matches> arrays;
            for (splat::Matcher::Matches &of_pair : found) arrays.push_back(array_of(std::move(of_pair)));
            return arrays;
        });
}
