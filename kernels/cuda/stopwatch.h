// How long each step of a frame takes on the GPU, for benchmarks; off unless asked for.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "driver.h"

namespace splat {

class Stopwatch {
public:
    ~Stopwatch() { clear(); }
    void enable(bool enabled) { enabled_ = enabled; }
    void start() {
        if (enabled_) clear();
    }
    // Marks the end of what was queued since the last mark under this name; the first mark starts the clock.
    void mark(const char *name, Stream stream) {
        if (!enabled_) return;
        Event event;
        check(driver().create_event(&event, 0));
        marks_.emplace_back(name, event);
        check(driver().record_event(event, stream));
    }
    // Milliseconds of each step of the last frame; waits for the frame to end.
    std::vector<std::pair<std::string, float>> times() const {
        std::vector<std::pair<std::string, float>> result;
        for (size_t i = 1; i < marks_.size(); ++i) {
            float milliseconds = 0;
            check(driver().wait_for_event(marks_[i].second));
            check(driver().milliseconds_between(&milliseconds, marks_[i - 1].second, marks_[i].second));
            result.emplace_back(marks_[i].first, milliseconds);
        }
        return result;
    }

private:
    void clear() {
        for (auto &mark : marks_) driver().destroy_event(mark.second);
        marks_.clear();
    }
    bool enabled_ = false;
    std::vector<std::pair<const char *, Event>> marks_;
};

}  // namespace splat
