/// A device whose answers lie ready: what is left of a call is posekit's own part.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "support/fake_backend.h"

namespace posekit_test {

/// Answers every channel of every crop with one record. Allocates for a larger batch than it has seen only.
class ReadyDevice final : public StandIn {
 public:
  ReadyDevice(const posekit::ModelInfo& info, posekit::PeakRecord peak)
      : StandIn(info, cuda_0, posekit::CropFormat::uint8_hwc), peak_(peak) {}
  std::unique_ptr<posekit::BatchSession> open_session(const posekit::DecodeRequest&) override { return std::make_unique<Session>(*this); }

 private:
  class Session final : public posekit::BatchSession {
   public:
    explicit Session(const ReadyDevice& device) : device_(device) {}
    std::byte* staging(std::size_t slot, std::size_t crops) override {
      const std::size_t bytes = crops * posekit::crop_bytes(posekit::CropFormat::uint8_hwc, device_.info().input.size());
      memory_[slot].resize(std::max(memory_[slot].size(), bytes));
      return memory_[slot].data();
    }
    void submit(std::size_t slot, std::size_t crops, const posekit::RunControl&) override {
      peaks_[slot].resize(crops * device_.info().pose().keypoints.size(), device_.peak_);
    }
    posekit::BatchResult collect(std::size_t slot) override { return {.peaks = peaks_[slot], .output = {}}; }

   private:
    const ReadyDevice& device_;
    std::array<std::vector<std::byte>, slots> memory_;
    std::array<std::vector<posekit::PeakRecord>, slots> peaks_;
  };
  posekit::PeakRecord peak_;
};

}  // namespace posekit_test
