/// Keeps objects that are costly to make for the next call that needs one.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace posekit::inline v0 {

/// A free list of default-made objects. As many exist as calls have ever run at once. Thread-safe.
template <class T>
class ObjectPool {
 public:
  /// One object, borrowed until the lease ends. The pool must outlive it.
  class Lease {
   public:
    Lease(ObjectPool& pool, std::unique_ptr<T> object) noexcept : pool_(pool), object_(std::move(object)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { pool_.give_back(std::move(object_)); }
    T& operator*() const noexcept { return *object_; }
    T* operator->() const noexcept { return object_.get(); }

   private:
    ObjectPool& pool_;
    std::unique_ptr<T> object_;
  };

  [[nodiscard]] Lease take() { return Lease(*this, take_or_make()); }

 private:
  std::unique_ptr<T> take_or_make() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<T> object = std::move(free_.back());
        free_.pop_back();
        return object;
      }
      ++made_;
      free_.reserve(made_);  // so that giving back never allocates
    }
    return std::make_unique<T>();
  }

  void give_back(std::unique_ptr<T> object) noexcept {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(object));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> free_;
  std::size_t made_ = 0;
};

}  // namespace posekit::inline v0
