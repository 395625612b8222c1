#include "sights.h"

#include <algorithm>

namespace mapping {

Shown shown_by(const Features &features, const int32_t *point_of, const double *points, int32_t photo) {
    Shown shown;
    std::vector<int32_t> of_feature;
    for (int64_t feature = features.first[photo]; feature < features.first[photo + 1]; ++feature) {
        of_feature.clear();
        for (int64_t m = features.first_match[feature]; m < features.first_match[feature + 1]; ++m)
            if (const int32_t point = point_of[features.match[m]]; point >= 0) of_feature.push_back(point);
        std::sort(of_feature.begin(), of_feature.end());
        of_feature.erase(std::unique(of_feature.begin(), of_feature.end()), of_feature.end());
        for (const int32_t point : of_feature) {
            shown.features.push_back(int32_t(feature));
            shown.points.push_back(point);
            shown.sights.seen.insert(shown.sights.seen.end(), features.seen + 2 * feature,
                                     features.seen + 2 * feature + 2);
            shown.sights.points.insert(shown.sights.points.end(), points + 3 * point, points + 3 * point + 3);
        }
    }
    return shown;
}

Visible visible_in(const Features &features, const int32_t *point_of, int32_t photo, double width, double height) {
    constexpr int kFinest = 64;
    std::vector<uint8_t> cells(kFinest * kFinest);
    Visible visible{};
    for (int64_t feature = features.first[photo]; feature < features.first[photo + 1]; ++feature) {
        bool any = false;
        for (int64_t m = features.first_match[feature]; m < features.first_match[feature + 1] && !any; ++m)
            any = point_of[features.match[m]] >= 0;
        if (!any) continue;
        ++visible.count;
        const auto cell = [](double at, double size) { return std::clamp(int(at / size * kFinest), 0, kFinest - 1); };
        cells[cell(features.seen[2 * feature + 1], height) * kFinest + cell(features.seen[2 * feature], width)] = 1;
    }
    for (int side = kFinest; side >= 2; side /= 2) {
        int64_t occupied = 0;
        std::vector<uint8_t> coarser(size_t(side / 2) * (side / 2));
        for (int row = 0; row < side; ++row)
            for (int column = 0; column < side; ++column)
                if (cells[row * side + column]) {
                    ++occupied;
                    coarser[row / 2 * (side / 2) + column / 2] = 1;
                }
        visible.score += occupied * side * side;
        cells = std::move(coarser);
    }
    return visible;
}

}  // namespace mapping
