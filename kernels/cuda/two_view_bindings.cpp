// splatworker._cuda.verify; splatworker/sfm/two_view.py has it for the package.
#include "two_view_bindings.h"

#include "../two_view/pairs.h"
#include "gpu.h"
#include "two_view.h"

namespace nb = nanobind;

namespace {

void verify_on_gpu(int device, std::vector<two_view::PairOfPhotos> &pairs, const two_view::Rules &rules,
                   uint64_t seed) {
    std::vector<two_view::Gathered> gathered;
    gathered.reserve(pairs.size());
    std::vector<splat::PairToVerify> to_verify;
    for (const two_view::PairOfPhotos &pair : pairs) {
        gathered.push_back(two_view::gather(pair.xy1, pair.scale1, pair.xy2, pair.scale2, pair.matches));
        to_verify.push_back({gathered.back().points, pair.calibrated, pair.first, pair.second});
    }
    const splat::Gpu::Use use(splat::Gpu::of(device));
    std::vector<two_view::Geometry> found = splat::verify(to_verify, rules, seed);
    for (size_t i = 0; i < pairs.size(); ++i) two_view::keep(pairs[i], std::move(found[i]), gathered[i].from);
}

}  // namespace

void bind_two_view(nb::module_ &m) {
    m.def(
        "verify",
        [](int device, const nb::list &pairs, uint64_t seed, const nb::kwargs &rules) {
            return two_view::verified(
                pairs, rules, [&](auto &all, const two_view::Rules &by) { verify_on_gpu(device, all, by, seed); });
        },
        nb::arg("device"), nb::arg("pairs"), nb::arg("seed"), nb::arg("rules"));
}
