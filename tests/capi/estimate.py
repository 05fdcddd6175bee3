#!/usr/bin/env python3
"""Estimates poses through the C library with ctypes alone: estimate.py LIBRARY POSE_MODEL DETECTOR_MODEL IMAGE.ppm"""
import ctypes
import re
import sys


class Image(ctypes.Structure):
    _fields_ = [("planes", ctypes.c_char_p * 3), ("strides", ctypes.c_size_t * 3), ("width", ctypes.c_int32), ("height", ctypes.c_int32),
                ("format", ctypes.c_int32), ("device", ctypes.c_int32), ("device_index", ctypes.c_int32), ("reserved", ctypes.c_int32),
                ("stream", ctypes.c_void_p)]


RGB8 = 1


def main():
    library = ctypes.CDLL(sys.argv[1])
    pose_path, detector_path, picture = sys.argv[2:]
    library.posekit_last_error_message.restype = ctypes.c_char_p

    def call(name, *arguments):
        if getattr(library, name)(*arguments) != 0:
            sys.exit(f"{name}: {library.posekit_last_error_message().decode()}")

    def made(name, *arguments):
        handle = ctypes.c_void_p()
        call(name, *arguments, ctypes.byref(handle))
        return handle

    with open(picture, "rb") as file:
        content = file.read()
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", content)
    pixels = content[header.end():]
    image = Image((pixels, None, None), width=int(header[1]), height=int(header[2]), format=RGB8)

    detection_model = made("posekit_model_load", detector_path.encode(), None)
    detector = made("posekit_detector_create", detection_model, None)
    detections = made("posekit_detector_detect", detector, ctypes.byref(image), None)
    boxes, box_count = ctypes.c_void_p(), ctypes.c_size_t()
    call("posekit_detections_boxes", detections, ctypes.c_size_t(0), ctypes.byref(boxes), ctypes.byref(box_count))

    pose_model = made("posekit_model_load", pose_path.encode(), None)
    estimator = made("posekit_estimator_create", pose_model, None)
    result = made("posekit_estimator_estimate", estimator, ctypes.byref(image), boxes, box_count, None)
    keypoint_set = made("posekit_estimator_keypoint_set", estimator)
    names, count = [], ctypes.c_size_t()
    call("posekit_keypoint_set_size", keypoint_set, ctypes.byref(count))
    for i in range(count.value):
        name = ctypes.c_char_p()
        call("posekit_keypoint_set_keypoint_name", keypoint_set, ctypes.c_size_t(i), ctypes.byref(name))
        names.append(name.value.decode())

    needed = ctypes.c_size_t()
    call("posekit_result_copy_keypoints", result, None, ctypes.c_size_t(0), ctypes.byref(needed))
    values = (ctypes.c_float * needed.value)()
    if needed.value:
        call("posekit_result_copy_keypoints", result, values, needed, ctypes.byref(needed))
    for i in range(needed.value // 3):
        print(i // len(names), names[i % len(names)], *map(repr, values[3 * i:3 * i + 3]))
    for kind, handle in (("result", result), ("keypoint_set", keypoint_set), ("estimator", estimator), ("detections", detections),
                         ("detector", detector), ("model", pose_model), ("model", detection_model)):
        getattr(library, f"posekit_{kind}_destroy")(handle)


if __name__ == "__main__":
    main()
