// What threads need of the GPU's memory one at a time each, and leave for the next: to ask for it takes as long as the work.
#pragma once
#include <climits>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace splat {

// To be made once and never destroyed: when the process ends, the driver may be gone before.
template <class Workspace>
class Pool {
public:
    // At most so many at a time, and of so much work together.
    explicit Pool(int most = INT_MAX, size_t most_work = SIZE_MAX) : most_(most), most_work_(most_work) {}

    // One that nobody uses, or a new one. Waits while as many are in use as may be, or for as much work.
    std::unique_ptr<Workspace> take(size_t work = 0) {
        {
            std::unique_lock<std::mutex> locked(mutex_);
            returned_.wait(locked, [&] { return in_use_ == 0 || (in_use_ < most_ && work_ + work <= most_work_); });
            ++in_use_;
            work_ += work;
            if (!free_.empty()) {
                std::unique_ptr<Workspace> one = std::move(free_.back());
                free_.pop_back();
                return one;
            }
        }
        try {
            return std::make_unique<Workspace>();
        } catch (...) {
            give(nullptr, work);
            throw;
        }
    }

    // Back again; nothing where it is of no use any more.
    void give(std::unique_ptr<Workspace> one, size_t work = 0) {
        {
            const std::lock_guard<std::mutex> locked(mutex_);
            --in_use_;
            work_ -= work;
            if (one) free_.push_back(std::move(one));
        }
        returned_.notify_all();
    }

private:
    const int most_;
    const size_t most_work_;
    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Workspace>> free_;
    int in_use_ = 0;
    size_t work_ = 0;
};

}  // namespace splat
