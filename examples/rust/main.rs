//! Estimates the people in a picture and prints their keypoints, through posekit's C interface and without a crate:
//!
//!     rustc main.rs -L native=PREFIX/lib -l posekit_c && ./main POSE_MODEL DETECTOR_MODEL IMAGE.ppm
use std::ffi::{c_char, c_void, CStr, CString};
use std::{env, fs, process, ptr, slice};

#[repr(C)]
struct Image {
    planes: [*const u8; 3],
    strides: [usize; 3],
    width: i32,
    height: i32,
    format: i32,
    device: i32,
    device_index: i32,
    reserved: i32,
    stream: *mut c_void,
}

#[repr(C)]
struct PoseBox {
    x1: f64,
    y1: f64,
    x2: f64,
    y2: f64,
    score: f32,
    reserved: i32,
}

const RGB8: i32 = 1;
const CPU: i32 = 0;

#[link(name = "posekit_c")]
extern "C" {
    fn posekit_last_error_message() -> *const c_char;
    fn posekit_model_load(path: *const c_char, options: *const c_void, out: *mut *mut c_void) -> i32;
    fn posekit_model_destroy(model: *mut c_void);
    fn posekit_estimator_create(model: *const c_void, options: *const c_void, out: *mut *mut c_void) -> i32;
    fn posekit_estimator_keypoint_set(estimator: *const c_void, out: *mut *mut c_void) -> i32;
    fn posekit_estimator_estimate(
        estimator: *const c_void,
        image: *const Image,
        boxes: *const PoseBox,
        count: usize,
        control: *const c_void,
        out: *mut *mut c_void,
    ) -> i32;
    fn posekit_estimator_destroy(estimator: *mut c_void);
    fn posekit_keypoint_set_size(set: *const c_void, out: *mut usize) -> i32;
    fn posekit_keypoint_set_keypoint_name(set: *const c_void, index: usize, out: *mut *const c_char) -> i32;
    fn posekit_keypoint_set_destroy(set: *mut c_void);
    fn posekit_detector_create(model: *const c_void, options: *const c_void, out: *mut *mut c_void) -> i32;
    fn posekit_detector_detect(detector: *const c_void, image: *const Image, control: *const c_void, out: *mut *mut c_void) -> i32;
    fn posekit_detector_destroy(detector: *mut c_void);
    fn posekit_detections_boxes(detections: *const c_void, image: usize, out: *mut *const PoseBox, count: *mut usize) -> i32;
    fn posekit_detections_destroy(detections: *mut c_void);
    fn posekit_result_keypoints(result: *const c_void, image: usize, out: *mut *const f32, persons: *mut usize) -> i32;
    fn posekit_result_destroy(result: *mut c_void);
}

/// Text of the library's. The pointer must be one that posekit gave and that is still valid.
unsafe fn text(pointer: *const c_char) -> String {
    CStr::from_ptr(pointer).to_string_lossy().into_owned()
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    process::exit(1);
}

fn check(status: i32) {
    if status != 0 {
        fail(&format!("posekit error {status}: {}", unsafe { text(posekit_last_error_message()) }));
    }
}

/// Width, height and pixels of a binary PPM file of 8 bits, without comments.
fn read_ppm(path: &str) -> Option<(i32, i32, Vec<u8>)> {
    let bytes = fs::read(path).ok()?;
    let mut at = 0;
    let mut words = Vec::new();
    while words.len() < 4 {
        let length = bytes.get(at..)?.iter().position(u8::is_ascii_whitespace)?;
        words.push(std::str::from_utf8(&bytes[at..at + length]).ok()?);
        at += length + 1;
    }
    let (width, height) = (words[1].parse::<i32>().ok()?, words[2].parse::<i32>().ok()?);
    let pixels = bytes[at..].to_vec();
    let fits = words[0] == "P6" && words[3] == "255" && pixels.len() == width as usize * height as usize * 3;
    fits.then_some((width, height, pixels))
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let [_, pose_file, detector_file, picture] = arguments.as_slice() else {
        fail("usage: main POSE_MODEL DETECTOR_MODEL IMAGE.ppm");
    };
    let Some((width, height, pixels)) = read_ppm(picture) else { fail(&format!("{picture} is no binary PPM file of 8 bits")) };
    let image = Image {
        planes: [pixels.as_ptr(), ptr::null(), ptr::null()],
        strides: [0; 3],
        width,
        height,
        format: RGB8,
        device: CPU,
        device_index: 0,
        reserved: 0,
        stream: ptr::null_mut(),
    };
    let path = |text: &String| CString::new(text.as_str()).unwrap_or_else(|_| fail("a path has a zero byte in it"));
    let (pose_path, detector_path) = (path(pose_file), path(detector_file));

    let (mut detector_model, mut detector, mut detections) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let (mut pose_model, mut estimator, mut set, mut result) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let (mut boxes, mut box_count, mut keypoints, mut persons, mut count) = (ptr::null(), 0, ptr::null(), 0, 0);
    // Each pointer that posekit gives is used while its object lives, and each object is destroyed once.
    unsafe {
        check(posekit_model_load(detector_path.as_ptr(), ptr::null(), &mut detector_model));
        check(posekit_detector_create(detector_model, ptr::null(), &mut detector));
        check(posekit_detector_detect(detector, &image, ptr::null(), &mut detections));
        check(posekit_detections_boxes(detections, 0, &mut boxes, &mut box_count));

        check(posekit_model_load(pose_path.as_ptr(), ptr::null(), &mut pose_model));
        check(posekit_estimator_create(pose_model, ptr::null(), &mut estimator));
        check(posekit_estimator_estimate(estimator, &image, boxes, box_count, ptr::null(), &mut result));
        check(posekit_estimator_keypoint_set(estimator, &mut set));
        check(posekit_keypoint_set_size(set, &mut count));
        check(posekit_result_keypoints(result, 0, &mut keypoints, &mut persons));

        let values = if persons == 0 { &[][..] } else { slice::from_raw_parts(keypoints, persons * count * 3) };
        for (i, keypoint) in values.chunks_exact(3).enumerate() {
            let mut name = ptr::null();
            check(posekit_keypoint_set_keypoint_name(set, i % count, &mut name));
            println!("{} {} {} {} {}", i / count, text(name), keypoint[0], keypoint[1], keypoint[2]);
        }
        posekit_result_destroy(result);
        posekit_keypoint_set_destroy(set);
        posekit_estimator_destroy(estimator);
        posekit_detections_destroy(detections);
        posekit_detector_destroy(detector);
        posekit_model_destroy(pose_model);
        posekit_model_destroy(detector_model);
    }
}
