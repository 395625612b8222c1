#include "tracks.h"

#include <algorithm>
#include <set>
#include <utility>

#include "triangulation.h"

namespace mapping {
namespace {

constexpr size_t kFewestLeft = 3;  // features that showed another point than most did, to look for theirs

bool ray_of(const View &view, const double *seen, Ray &ray) {
    double at[2];
    if (!unproject(*view.lens, seen, at)) return false;
    const double *r = view.pose.rotation;
    double length = 0;
    for (int k = 0; k < 3; ++k) {
        ray.along[k] = r[k] * at[0] + r[3 + k] * at[1] + r[6 + k];
        ray.from[k] = view.center[k];
        length += ray.along[k] * ray.along[k];
    }
    length = std::sqrt(length);
    for (int k = 0; k < 3; ++k) ray.along[k] /= length;
    return true;
}

}  // namespace

Cameras::Cameras(int64_t photos, const double *poses, const uint8_t *placed, const int32_t *lens_of,
                 std::vector<Lens> all)
    : lenses(std::move(all)), views(photos) {
    for (int64_t photo = 0; photo < photos; ++photo) {
        View &view = views[photo];
        adjustment::pose_of(poses + 7 * photo, view.pose);
        const double *r = view.pose.rotation, *t = view.pose.translation;
        for (int k = 0; k < 3; ++k) view.center[k] = -(r[k] * t[0] + r[3 + k] * t[1] + r[6 + k] * t[2]);
        view.lens = &lenses[lens_of[photo]];
        view.placed = placed[photo];
    }
}

Tracks::Tracks(const Features &features, int32_t *point_of, const double *points, int64_t count)
    : features_(features),
      point_of_(point_of),
      points_(points, points + 3 * count),
      seen_by_(count),
      photo_of_(features.count) {
    for (int64_t photo = 0; photo < features.photos; ++photo)
        std::fill(photo_of_.begin() + features.first[photo], photo_of_.begin() + features.first[photo + 1],
                  int32_t(photo));
    for (int64_t feature = 0; feature < features.count; ++feature)
        if (point_of[feature] >= 0) seen_by_[point_of[feature]].push_back(int32_t(feature));
}

void Tracks::add(int32_t feature, int32_t point) {
    point_of_[feature] = point;
    seen_by_[point].push_back(feature);
}

void Tracks::remove(int32_t point) {
    for (const int32_t feature : seen_by_[point]) point_of_[feature] = -1;
    seen_by_[point].clear();
}

// Two features that nothing else matches: a point of both would hang on that one match.
bool Tracks::only_each_other(int32_t a, int32_t b) const {
    const int64_t *first = features_.first_match;
    return first[a + 1] - first[a] == 1 && first[b + 1] - first[b] == 1;
}

double Tracks::error(const Cameras &cameras, int32_t feature, const double *point) const {
    const View &view = cameras.views[photo_of_[feature]];
    return squared_error(view.pose, *view.lens, point, features_.seen + 2 * feature);
}

// Whether a feature shows one of the points of others: it joins the one nearest to its ray.
bool Tracks::follow(const Cameras &cameras, int32_t feature, const std::vector<int32_t> &others, double cos_most) {
    Ray ray;
    if (!ray_of(cameras.views[photo_of_[feature]], features_.seen + 2 * feature, ray)) return false;
    int32_t best = -1;
    double nearest = cos_most;
    for (const int32_t other : others) {
        const int32_t point = point_of_[other];
        if (point < 0) continue;
        const double cosine = cosine_to(ray, &points_[3 * point]);
        if (cosine > nearest || (cosine == nearest && best < 0)) nearest = cosine, best = point;
    }
    if (best >= 0) add(feature, best);
    return best >= 0;
}

// Points of features that have none, each the one that most of those left show; how many features.
int64_t Tracks::create(const Cameras &cameras, std::vector<int32_t> some, const TriangulationRules &rules) {
    int64_t added = 0;
    std::vector<Ray> rays;
    std::vector<uint8_t> shows;
    while (some.size() >= 2) {
        rays.clear();
        std::vector<int32_t> with_ray;
        for (const int32_t feature : some) {
            Ray ray;
            if (!ray_of(cameras.views[photo_of_[feature]], features_.seen + 2 * feature, ray)) continue;
            rays.push_back(ray);
            with_ray.push_back(feature);
        }
        if (with_ray.size() == 2 && only_each_other(with_ray[0], with_ray[1])) break;
        double point[3];
        if (!mapping::triangulate(rays, rules.cos_create, rules.cos_least, point, shows)) break;
        const int32_t number = int32_t(seen_by_.size());
        points_.insert(points_.end(), point, point + 3);
        seen_by_.emplace_back();
        some.clear();
        for (size_t k = 0; k < with_ray.size(); ++k) {
            if (shows[k])
                add(with_ray[k], number);
            else
                some.push_back(with_ray[k]);
        }
        added += int64_t(seen_by_[number].size());
        if (some.size() < kFewestLeft) break;
    }
    return added;
}

int64_t Tracks::triangulate(const Cameras &cameras, int32_t photo, const TriangulationRules &rules) {
    int64_t added = 0;
    std::vector<int32_t> others, bare;
    for (int64_t feature = features_.first[photo]; feature < features_.first[photo + 1]; ++feature) {
        others.clear();
        bare.clear();
        for (int64_t m = features_.first_match[feature]; m < features_.first_match[feature + 1]; ++m) {
            const int32_t other = features_.match[m];
            if (!cameras.views[photo_of_[other]].placed) continue;
            others.push_back(other);
            if (point_of_[other] < 0) bare.push_back(other);
        }
        if (others.empty()) continue;
        if (point_of_[feature] < 0 && bare.size() < others.size())
            added += follow(cameras, int32_t(feature), others, rules.cos_continue);
        if (bare.empty()) continue;
        if (point_of_[feature] < 0) bare.push_back(int32_t(feature));
        added += create(cameras, bare, rules);
    }
    return added;
}

int64_t Tracks::retriangulate(const Cameras &cameras, double least, const TriangulationRules &rules) {
    const int64_t photos = features_.photos;
    std::vector<int32_t> matches(photos * photos), common(photos * photos);
    const auto each_match = [&](auto &&visit) {
        for (int32_t feature = 0; feature < features_.count; ++feature) {
            const int32_t photo = photo_of_[feature];
            if (!cameras.views[photo].placed) continue;
            for (int64_t m = features_.first_match[feature]; m < features_.first_match[feature + 1]; ++m) {
                const int32_t other = features_.match[m];
                if (photo_of_[other] > photo && cameras.views[photo_of_[other]].placed)
                    visit(feature, other, int64_t(photo) * photos + photo_of_[other]);
            }
        }
    };
    each_match([&](int32_t a, int32_t b, int64_t pair) {
        ++matches[pair];
        common[pair] += point_of_[a] >= 0 && point_of_[a] == point_of_[b];
    });
    int64_t added = 0;
    each_match([&](int32_t a, int32_t b, int64_t pair) {
        if (!(common[pair] < least * matches[pair]) || (point_of_[a] >= 0 && point_of_[b] >= 0)) return;
        if (point_of_[a] >= 0)
            added += follow(cameras, b, {a}, rules.cos_continue);
        else if (point_of_[b] >= 0)
            added += follow(cameras, a, {b}, rules.cos_continue);
        else
            added += create(cameras, {a, b}, rules);
    });
    return added;
}

int64_t Tracks::complete(const Cameras &cameras, const FilterRules &rules) {
    const double most = rules.max_error * rules.max_error;
    int64_t added = 0;
    for (size_t point = 0; point < seen_by_.size(); ++point) {
        std::vector<int32_t> &seen_by = seen_by_[point];
        size_t begin = 0;
        for (int level = 0; level < rules.transitivity && begin < seen_by.size(); ++level) {
            const size_t end = seen_by.size();
            for (size_t k = begin; k < end; ++k) {
                const int32_t feature = seen_by[k];
                for (int64_t m = features_.first_match[feature]; m < features_.first_match[feature + 1]; ++m) {
                    const int32_t other = features_.match[m];
                    if (point_of_[other] >= 0 || !cameras.views[photo_of_[other]].placed) continue;
                    if (!(error(cameras, other, &points_[3 * point]) <= most)) continue;
                    add(other, int32_t(point));
                    ++added;
                }
            }
            begin = end;
        }
    }
    return added;
}

int64_t Tracks::merge(const Cameras &cameras, const FilterRules &rules) {
    const double most = rules.max_error * rules.max_error;
    int64_t merged = 0;
    std::set<std::pair<int32_t, int32_t>> tried;
    for (int32_t point = 0; point < int32_t(seen_by_.size()); ++point) {
        for (size_t k = 0; k < seen_by_[point].size(); ++k) {
            const int32_t feature = seen_by_[point][k];
            for (int64_t m = features_.first_match[feature]; m < features_.first_match[feature + 1]; ++m) {
                const int32_t other = point_of_[features_.match[m]];
                if (other < 0 || other == point || !tried.insert(std::minmax(point, other)).second) continue;
                const double a = double(seen_by_[point].size()), b = double(seen_by_[other].size());
                double middle[3];
                for (int i = 0; i < 3; ++i)
                    middle[i] = (a * points_[3 * point + i] + b * points_[3 * other + i]) / (a + b);
                const auto fits = [&](int32_t one) { return error(cameras, one, middle) <= most; };
                if (!std::all_of(seen_by_[point].begin(), seen_by_[point].end(), fits) ||
                    !std::all_of(seen_by_[other].begin(), seen_by_[other].end(), fits))
                    continue;
                std::copy(middle, middle + 3, &points_[3 * point]);
                const std::vector<int32_t> joining = std::move(seen_by_[other]);
                seen_by_[other].clear();
                for (const int32_t one : joining) add(one, point);
                merged += int64_t(a + b);
            }
        }
    }
    return merged;
}

// Each point by itself: no two have a feature in common.
int64_t Tracks::filter(const Cameras &cameras, const FilterRules &rules, int threads) {
    (void)threads;
    const double most = rules.max_error * rules.max_error;
    int64_t removed = 0;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : removed)
    for (int32_t point = 0; point < int32_t(seen_by_.size()); ++point) {
        std::vector<int32_t> &seen_by = seen_by_[point];
        const double *at = &points_[3 * point];
        const size_t before = seen_by.size();
        size_t kept = 0;
        for (const int32_t feature : seen_by) {
            if (error(cameras, feature, at) <= most)
                seen_by[kept++] = feature;
            else
                point_of_[feature] = -1;
        }
        seen_by.resize(kept);
        bool wide = false;
        std::vector<double> rays(3 * kept);
        for (size_t k = 0; k < kept && !wide; ++k) {
            const double *center = cameras.views[photo_of_[seen_by[k]]].center;
            double *ray = &rays[3 * k];
            for (int i = 0; i < 3; ++i) ray[i] = at[i] - center[i];
            const double length = std::sqrt(ray[0] * ray[0] + ray[1] * ray[1] + ray[2] * ray[2]);
            for (int i = 0; i < 3; ++i) ray[i] /= length;
            for (size_t j = 0; j < k && !wide; ++j)
                wide = ray[0] * rays[3 * j] + ray[1] * rays[3 * j + 1] + ray[2] * rays[3 * j + 2] <= rules.cos_least;
        }
        if (!wide) {
            remove(point);
            kept = 0;
        }
        removed += int64_t(before - kept);
    }
    return removed;
}

void Tracks::forget(int32_t photo) {
    for (int64_t feature = features_.first[photo]; feature < features_.first[photo + 1]; ++feature) {
        if (point_of_[feature] < 0) continue;
        std::vector<int32_t> &seen_by = seen_by_[point_of_[feature]];
        seen_by.erase(std::find(seen_by.begin(), seen_by.end(), int32_t(feature)));
        point_of_[feature] = -1;
    }
}

std::vector<double> Tracks::compact() {
    std::vector<double> kept;
    for (int32_t point = 0; point < int32_t(seen_by_.size()); ++point) {
        if (seen_by_[point].size() < 2) {
            remove(point);
            continue;
        }
        const int32_t number = int32_t(kept.size() / 3);
        for (const int32_t feature : seen_by_[point]) point_of_[feature] = number;
        kept.insert(kept.end(), points_.begin() + 3 * point, points_.begin() + 3 * point + 3);
    }
    return kept;
}

}  // namespace mapping
