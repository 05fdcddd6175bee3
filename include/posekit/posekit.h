/// All headers of posekit's core library, except opencv.h, which needs OpenCV.
///
/// The library posekit::io has its own: image_io.h, video.h, listing.h, media.h and draw.h for image
/// files, videos, folders, kinds of files and drawing.
#pragma once

// IWYU pragma: begin_exports
#include "posekit/boxes_file.h"
#include "posekit/detector.h"
#include "posekit/device.h"
#include "posekit/error.h"
#include "posekit/estimator.h"
#include "posekit/executor.h"
#include "posekit/frame.h"
#include "posekit/geometry.h"
#include "posekit/image.h"
#include "posekit/keypoints.h"
#include "posekit/model.h"
#include "posekit/model_info.h"
#include "posekit/model_report.h"
#include "posekit/pipeline.h"
#include "posekit/pose.h"
#include "posekit/predictor.h"
#include "posekit/result_io.h"
#include "posekit/run_control.h"
#include "posekit/runtime.h"
#include "posekit/tracker.h"
// IWYU pragma: end_exports
