/* posekit's C interface: boxes in, poses out. C11 and C++17; docs/abi.md has the promises.
 *
 * Rules, for every function that says nothing else:
 *
 * - It returns a posekit_status. On failure each out parameter is NULL or 0 (a struct to be filled is left as it was), and
 * posekit_last_error_message() says what is wrong, which value, what was expected and what to do.
 * - POSEKIT_ERROR_INVALID_ARGUMENT answers NULL where an object, a string or an out parameter is expected, NULL for an array that is not
 *   empty, an index beyond the end and a value outside an enumeration; POSEKIT_ERROR_OUT_OF_MEMORY answers a lack of memory;
 *   POSEKIT_ERROR_INTERNAL a defect of posekit's own. What else a function may return stands at it.
 * - An object that is given out (type **out) is the caller's: destroy it once. Objects share what they need: an estimator keeps its model
 *   and executor alive, a result its estimator, a pipeline its estimator, detector and tracker, so they may be destroyed in any order.
 *   Destroying NULL does nothing.
 * - Pointers into an object (const char *, const float *, ...) live as long as the object and never change; an array without elements may
 *   be NULL. What is passed in is borrowed for the call.
 * - Any number of threads may use one object at once, but for trackers; destroying it must come after the last use. Error messages are each
 *   thread's own.
 * - Strings are UTF-8 and end with 0. Sizes and counts are size_t. Boolean values are int32_t: 0 or 1.
 * - Option structs: begin with _INIT, set what you want; 0 or NULL means the default. NULL for the whole struct means all defaults.
 * - No exception leaves the library, no signal is raised, nothing is printed.
 * - After fork() the child gets POSEKIT_ERROR_FORKED from calls that run its parent's pools, models, estimators, detectors and pipelines;
 *   destroying them there does nothing to their threads.
 */
#ifndef POSEKIT_C_H
#define POSEKIT_C_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define POSEKIT_C_API __attribute__((visibility("default")))
#else
#define POSEKIT_C_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* --- errors --- */

/* What a call came to. The numbers are stable; docs/errors.md explains each. */
typedef int32_t posekit_status;
enum {
  POSEKIT_OK = 0,
  POSEKIT_ERROR_INVALID_ARGUMENT = 1,   /* A value of the caller's is outside what is allowed. */
  POSEKIT_ERROR_NOT_FOUND = 2,          /* A file, preset, keypoint set or keypoint of that name does not exist. */
  POSEKIT_ERROR_UNSUPPORTED_MODEL = 3,  /* A sound file of a kind posekit does not run. */
  POSEKIT_ERROR_INVALID_MODEL = 4,      /* A broken model, or metadata that contradicts it. */
  POSEKIT_ERROR_DEVICE_UNAVAILABLE = 5, /* The device asked for is not there. */
  POSEKIT_ERROR_OUT_OF_MEMORY = 6,      /* Host or device memory is out. */
  POSEKIT_ERROR_IO = 7,                 /* Reading or writing failed. */
  POSEKIT_ERROR_CANCELLED = 8,          /* The caller asked to stop. */
  POSEKIT_ERROR_DEADLINE_EXCEEDED = 9,  /* The caller's deadline has passed. */
  POSEKIT_ERROR_FORKED = 10,            /* The object was made before fork() and is used in the child. */
  POSEKIT_ERROR_CLOSED = 11,            /* The object takes no more work. */
  POSEKIT_ERROR_INTERNAL = 12           /* A defect of posekit's own, or an error that Torch gives no better name. */
};

/* What this thread's last failed call says. Never NULL; empty before the first failure. Valid until this thread's next failure. */
POSEKIT_C_API const char* posekit_last_error_message(void);

/* A status's name, for example "invalid_argument"; "unknown" for other numbers. Static. */
POSEKIT_C_API const char* posekit_status_name(posekit_status status);

/* --- the process --- */

/* The library's version, "major.minor.patch". Static. */
POSEKIT_C_API const char* posekit_version(void);

/* The same as a number: major * 10000 + minor * 100 + patch. */
POSEKIT_C_API int32_t posekit_version_number(void);

/* The Torch that the library was built for and the one that runs, for example "2.13.0". Static. */
POSEKIT_C_API posekit_status posekit_torch_versions(const char** built_for, const char** running);

/* Whether the library was built with CUDA. */
POSEKIT_C_API posekit_status posekit_built_with_cuda(int32_t* built_with_cuda);

/* How many CPUs this process may use: the smaller of its CPU affinity and its cgroup's quota, at least 1. */
POSEKIT_C_API posekit_status posekit_usable_cpus(size_t* cpus);

/* Sets the number of intra-op threads of a forward: Torch's, for the whole process, other users of Torch included. Call it before any model
 * is loaded. Results may differ in the last digits between counts. INVALID_ARGUMENT: threads < 1. */
POSEKIT_C_API posekit_status posekit_set_torch_threads(int32_t threads);

/* Torch's number of intra-op threads. */
POSEKIT_C_API posekit_status posekit_torch_threads(int32_t* threads);

/* Lets float32 matrix products and convolutions use TF32 on NVIDIA GPUs (allowed != 0): Torch's settings, for the whole process, other
 * users of Torch included. Off unless set, but for convolutions of scripted models. Call it before any model is loaded. */
POSEKIT_C_API posekit_status posekit_set_torch_tf32(int32_t allowed);

/* Whether float32 matrix products may use TF32. */
POSEKIT_C_API posekit_status posekit_torch_tf32(int32_t* allowed);

/* Limits what Torch's allocator takes of a CUDA device's memory (Torch's setting, for the whole process, other users of Torch included);
 * beyond it a batch fails with OUT_OF_MEMORY. CUDA's own context does not count. Call it before any model is loaded; the last call for a
 * device holds. INVALID_ARGUMENT: the CPU, an unknown device, 0 bytes or more than the device has. DEVICE_UNAVAILABLE.
 * @param device "cuda", "cuda:N", several joined by commas, or "auto" where that is a CUDA device
 * @param bytes of each */
POSEKIT_C_API posekit_status posekit_set_device_memory_limit(const char* device, uint64_t bytes);

/* Lets malloc keep what is freed for the next forward instead of giving it back to the system (glibc's thresholds, for the whole process):
 * fresh pages cost more than many a forward's work. The process then holds its peak. Call it early.
 * @param told NULL, or 1 if malloc could be told, 0 with another C library than glibc, where nothing happens */
POSEKIT_C_API posekit_status posekit_keep_freed_memory(int32_t* told);

typedef int32_t posekit_log_level;
enum { POSEKIT_LOG_INFO = 0, POSEKIT_LOG_WARNING = 1 };

/* Gets a note of the library; the message is borrowed for the call. May be called from several threads at once; must not throw. */
typedef void (*posekit_log_function)(void* context, posekit_log_level level, const char* message);

/* Where notes of the library go. NULL: nowhere, the default. At any time; a call of the old function may still be under way on return. */
POSEKIT_C_API posekit_status posekit_set_log_callback(posekit_log_function function, void* context);

/* Frees a text that a function gave out as char **. NULL is allowed. */
POSEKIT_C_API void posekit_string_destroy(char* text);

/* --- executors: where pre- and post-processing run --- */

typedef struct posekit_executor posekit_executor;

/* One task of a call: index counts the call's tasks, slot the ones that run at once. Must not throw. */
typedef void (*posekit_task)(void* context, size_t index, size_t slot);

/* An executor of the caller's own. The contract of `run`, and what posekit does where it is broken:
 *
 * 1. It calls task(task_context, index, slot) for every index in [0, count) exactly once, in any order, from any threads. slot < slots, and
 *    no two tasks that run at once share a slot. An index twice or out of range, a slot out of range or in use: that task is not run, and
 *    the call ends with INVALID_ARGUMENT. So it does when an index is left out.
 * 2. It returns when all its tasks have ended, and what they wrote is visible to the caller. Calling a task later is undefined.
 * 3. It returns POSEKIT_OK, or else the status that the call shall end with. A task never throws: after one has failed the others return
 *    at once, and the call ends with that task's error.
 * 4. It may be called from several threads at once. posekit never calls it from within one of its tasks.
 */
typedef struct posekit_executor_callbacks {
  size_t struct_size;
  void* opaque; /* Passed to both functions. */
  size_t slots; /* How many tasks of one call may run at once, 1 to 4096; 0 means 1. */
  posekit_status (*run)(void* opaque, size_t count, posekit_task task, void* task_context);
  void (*destroy)(void* opaque); /* Called once, when nothing uses the executor any more; NULL: nothing to do. Must not throw. */
} posekit_executor_callbacks;
#define POSEKIT_EXECUTOR_CALLBACKS_INIT \
  { sizeof(posekit_executor_callbacks), NULL, 0, NULL, NULL }

/* Every task on the caller's thread, in order. */
POSEKIT_C_API posekit_status posekit_executor_create_serial(posekit_executor** executor);

/* Threads that help whoever calls. threads: how many work on one call, the caller's included; 1 makes no thread; 0 = as many as this
 * process may use CPUs (affinity and cgroup quota). INVALID_ARGUMENT: more than 4096. OUT_OF_MEMORY: a thread can't be started. */
POSEKIT_C_API posekit_status posekit_executor_create_thread_pool(size_t threads, posekit_executor** executor);

/* The caller's own. The struct is copied; `opaque` stays in use until `destroy` is called, which on failure it is not. */
POSEKIT_C_API posekit_status posekit_executor_create_custom(const posekit_executor_callbacks* callbacks, posekit_executor** executor);

/* How many tasks of one call may run at once, the caller's included. */
POSEKIT_C_API posekit_status posekit_executor_slots(const posekit_executor* executor, size_t* slots);

/* Calls task(context, index, slot) for every index in [0, count), each once, and returns when all have ended. From within a task it runs on
 * that task's thread. FORKED: a pool in a child process. For a custom executor: what its run returned, or how it broke the contract. */
POSEKIT_C_API posekit_status posekit_executor_parallel_for(const posekit_executor* executor, size_t count, posekit_task task,
                                                           void* context);

/* A pool is joined when nothing uses it any more. */
POSEKIT_C_API void posekit_executor_destroy(posekit_executor* executor);

/* --- run control: what may end a call before its work is done --- */

typedef struct posekit_control posekit_control;

#define POSEKIT_NO_DEADLINE UINT64_MAX

/* Neither cancelled nor with a deadline. */
POSEKIT_C_API posekit_status posekit_control_create(posekit_control** control);

/* Calls that have this control end with CANCELLED: those under way (after the tasks and the batch in flight) and later ones. From any
 * thread. */
POSEKIT_C_API posekit_status posekit_control_cancel(posekit_control* control);

/* Calls that start from now on end with DEADLINE_EXCEEDED when so many nanoseconds from now have passed. 0: at once; POSEKIT_NO_DEADLINE:
 * never. */
POSEKIT_C_API posekit_status posekit_control_set_deadline(posekit_control* control, uint64_t nanoseconds_from_now);

POSEKIT_C_API void posekit_control_destroy(posekit_control* control);

/* --- images and boxes --- */

typedef int32_t posekit_pixel_format;
enum {
  POSEKIT_PIXEL_FORMAT_BGR8 = 0,
  POSEKIT_PIXEL_FORMAT_RGB8 = 1,
  POSEKIT_PIXEL_FORMAT_GRAY8 = 2,
  POSEKIT_PIXEL_FORMAT_BGRA8 = 3, /* Alpha is ignored. */
  POSEKIT_PIXEL_FORMAT_RGBA8 = 4  /* Alpha is ignored. */
};

/* An image of the caller's: 8 bits a channel, interleaved. Nothing is written to it. (This struct never changes.) */
typedef struct posekit_image {
  const uint8_t* data; /* Top-left pixel. */
  size_t stride;       /* Bytes from one row to the next, at least width * channels; 0: rows without gaps. */
  int32_t width;       /* Pixels, > 0. */
  int32_t height;      /* Pixels, > 0. */
  posekit_pixel_format format;
  int32_t reserved; /* Not looked at. */
} posekit_image;

/* A person's bounding box in image pixels, x right, y down, (0, 0) at the centre of the top-left pixel; it may leave the image. (This
 * struct never changes.) */
typedef struct posekit_box {
  double x1;        /* Left. */
  double y1;        /* Top. */
  double x2;        /* Right, > x1. */
  double y2;        /* Bottom, > y1. */
  float score;      /* The detector's confidence. Going in, 0 means none is known and counts as 1. */
  int32_t reserved; /* Not looked at; 0 coming out. */
} posekit_box;

/* One image of a batch call and its people. */
typedef struct posekit_image_boxes {
  posekit_image image;
  const posekit_box* boxes;
  size_t box_count;
} posekit_image_boxes;

/* Where an image's pixels lie; all 0: in host memory. (This struct never changes.) */
typedef struct posekit_image_place {
  int32_t on_cuda;     /* 1: the image's `data` is memory of a CUDA device. 0: of the host; the rest is not looked at then. */
  int32_t cuda_device; /* N of cuda:N. */
  void* cuda_stream;   /* A cudaStream_t: the stream that writes the pixels. NULL: the device's default stream. */
} posekit_image_place;

/* --- keypoint sets --- */

typedef struct posekit_keypoint_set posekit_keypoint_set;

/* One line of a skeleton: the indices of its ends. */
typedef struct posekit_link {
  size_t a;
  size_t b;
} posekit_link;

#define POSEKIT_NO_INDEX SIZE_MAX

/* How many sets come with posekit. */
POSEKIT_C_API posekit_status posekit_builtin_keypoint_set_count(size_t* count);

/* The name of one of them, sorted. Static. */
POSEKIT_C_API posekit_status posekit_builtin_keypoint_set_name(size_t index, const char** name);

/* A set that comes with posekit, for example "coco17". NOT_FOUND: the message lists the names there are. */
POSEKIT_C_API posekit_status posekit_keypoint_set_create_builtin(const char* name, posekit_keypoint_set** set);

/* Reads a set in the form of docs/models.md ("Own keypoint sets"). INVALID_ARGUMENT: the message names the key. */
POSEKIT_C_API posekit_status posekit_keypoint_set_create_from_json(const char* json, posekit_keypoint_set** set);

/* The set that is left when only these keypoints are kept, in this order. */
POSEKIT_C_API posekit_status posekit_keypoint_set_create_subset(const posekit_keypoint_set* set, const size_t* indices, size_t count,
                                                                posekit_keypoint_set** subset);

/* Which keypoints a selection names: one name of a subset of the set (or of the set itself: all), or names of keypoints. Writes the indices
 * to the buffer. indices NULL and capacity 0: only the count is told. NOT_FOUND: a name that the set does not have. INVALID_ARGUMENT: no
 * name, a name twice, or a buffer that is too small. */
POSEKIT_C_API posekit_status posekit_keypoint_set_select(const posekit_keypoint_set* set, const char* const* names, size_t name_count,
                                                         size_t* indices, size_t capacity, size_t* count);

POSEKIT_C_API posekit_status posekit_keypoint_set_name(const posekit_keypoint_set* set, const char** name);

/* Where names and numbers come from; may be empty. */
POSEKIT_C_API posekit_status posekit_keypoint_set_provenance(const posekit_keypoint_set* set, const char** provenance);

/* The number of keypoints, K. */
POSEKIT_C_API posekit_status posekit_keypoint_set_size(const posekit_keypoint_set* set, size_t* size);

POSEKIT_C_API posekit_status posekit_keypoint_set_keypoint_name(const posekit_keypoint_set* set, size_t index, const char** name);

/* The index that a keypoint becomes in a mirrored image (its own for one in the middle); POSEKIT_NO_INDEX if the set does not say. */
POSEKIT_C_API posekit_status posekit_keypoint_set_keypoint_swap(const posekit_keypoint_set* set, size_t index, size_t* swap);

/* Whether every keypoint says its partner: what the flip test needs. */
POSEKIT_C_API posekit_status posekit_keypoint_set_can_mirror(const posekit_keypoint_set* set, int32_t* can_mirror);

/* The skeleton. */
POSEKIT_C_API posekit_status posekit_keypoint_set_links(const posekit_keypoint_set* set, const posekit_link** links, size_t* count);

/* OKS fall-off for each keypoint (COCO): K values, or none. */
POSEKIT_C_API posekit_status posekit_keypoint_set_sigmas(const posekit_keypoint_set* set, const double** sigmas, size_t* count);

/* How many named subsets the set has, and the name of each, sorted. */
POSEKIT_C_API posekit_status posekit_keypoint_set_subset_count(const posekit_keypoint_set* set, size_t* count);
POSEKIT_C_API posekit_status posekit_keypoint_set_subset_name(const posekit_keypoint_set* set, size_t index, const char** name);

POSEKIT_C_API void posekit_keypoint_set_destroy(posekit_keypoint_set* set);

/* --- models: loaded once, used by any number of estimators and detectors --- */

typedef struct posekit_model posekit_model;

typedef int32_t posekit_precision;
enum { POSEKIT_PRECISION_FP32 = 0, POSEKIT_PRECISION_FP16 = 1, POSEKIT_PRECISION_BF16 = 2 };

/* Whether loading runs one forward of one black crop to hold the model against its metadata. */
typedef int32_t posekit_warm_up;
enum { POSEKIT_WARM_UP_CHECK = 0, POSEKIT_WARM_UP_NONE = 1 /* The first batch is checked instead. */ };

/* How a model is loaded. */
typedef struct posekit_model_options {
  size_t struct_size;
  /* At most one of these; all NULL: the sidecar MODEL.posekit.json, else the extra file posekit.json in the archive. */
  const char* metadata_json;   /* A metadata document. */
  const char* metadata_file;   /* The path of one. */
  const char* metadata_preset; /* A name that posekit knows. */
  const char* sha256;          /* Expected checksum of the weights in hex; checked before Torch opens them. NULL: not checked. */
  const char* device;          /* "auto" (CUDA if there is one, else the CPU), "cpu", "cuda", "cuda:N". NULL: "auto". Several of one
                                  kind joined by commas ("cuda:0,cuda:1"): a replica on each, which share the work. */
  posekit_precision precision;
  posekit_warm_up warm_up;
} posekit_model_options;
#define POSEKIT_MODEL_OPTIONS_INIT \
  { sizeof(posekit_model_options), NULL, NULL, NULL, NULL, NULL, POSEKIT_PRECISION_FP32, POSEKIT_WARM_UP_CHECK }

/* What a loaded model is. Strings belong to the model. */
typedef struct posekit_model_info {
  size_t struct_size;    /* Set by the caller (_INIT); only so much is written. */
  const char* name;      /* As in the metadata, else the file's name. */
  const char* task;      /* "pose" or "detect". */
  const char* codec;     /* As in the metadata, for example "udp_heatmap". */
  const char* device;    /* Where the model runs: "cpu" or "cuda:N"; replicas joined by commas. */
  size_t keypoint_count; /* K of the model; 0 for a detector. */
  int32_t input_width;   /* Pixels of a crop. */
  int32_t input_height;
} posekit_model_info;
#define POSEKIT_MODEL_INFO_INIT \
  { sizeof(posekit_model_info), NULL, NULL, NULL, NULL, 0, 0, 0 }

/* How many metadata presets there are, and the name of each, sorted. Static. */
POSEKIT_C_API posekit_status posekit_model_preset_count(size_t* count);
POSEKIT_C_API posekit_status posekit_model_preset_name(size_t index, const char** name);

/* Loads a model file (docs/models.md names the formats). Loading runs code from it: open only files you trust.
 * NOT_FOUND: the file, or a file or preset that the options name, does not exist. IO: it can't be read. UNSUPPORTED_MODEL: another kind of
 * file. INVALID_MODEL: broken, another checksum, or metadata that are missing, wrong or contradict it. DEVICE_UNAVAILABLE.
 * INVALID_ARGUMENT: options that are wrong. INTERNAL: another Torch runs than posekit was built for. */
POSEKIT_C_API posekit_status posekit_model_load(const char* path, const posekit_model_options* options, posekit_model** model);

/* The same from memory: the bytes of such a file, borrowed for the call. There is no sidecar then. */
POSEKIT_C_API posekit_status posekit_model_load_from_memory(const void* data, size_t size, const posekit_model_options* options,
                                                            posekit_model** model);

/* Fills the struct, as much of it as its struct_size says. */
POSEKIT_C_API posekit_status posekit_model_get_info(const posekit_model* model, posekit_model_info* info);

/* All metadata as a posekit-model/1 document. @param json destroy it with posekit_string_destroy */
POSEKIT_C_API posekit_status posekit_model_metadata_json(const posekit_model* model, char** json);

/* The weights are freed when nothing uses the model any more. */
POSEKIT_C_API void posekit_model_destroy(posekit_model* model);

/* Loads a model on the CPU without running it and says what it is, as a JSON object: path, file_bytes, parameters, parameter_bytes,
 * metadata, origins, notes. Loading runs code from the file: open only files you trust. Returns what posekit_model_load does.
 * @param json destroy it with posekit_string_destroy */
POSEKIT_C_API posekit_status posekit_inspect_model(const char* path, const posekit_model_options* options, char** json);

/* --- estimator --- */

typedef struct posekit_estimator posekit_estimator;
typedef struct posekit_result posekit_result;

typedef struct posekit_estimator_options {
  size_t struct_size;
  const posekit_executor* executor; /* Where crops are warped and outputs decoded. NULL: serial, on the caller's thread. */
  size_t max_batch;                 /* Persons in one forward; 0 = 1 on a CPU, 16 on a GPU. Halved, and remembered, while memory does
                                       not hold them. */
  double box_padding;               /* > 0; 0: as the metadata say. */
  const char* const* keypoints;     /* A subset's name, or names of keypoints. NULL: all. Only these are decoded. */
  size_t keypoint_count;            /* How many names. */
  int32_t flip_test;                /* 1: average with the mirrored crop; about twice the time, a little more accuracy. */
  int32_t reserved;                 /* 0 */
} posekit_estimator_options;
#define POSEKIT_ESTIMATOR_OPTIONS_INIT \
  { sizeof(posekit_estimator_options), NULL, 0, 0, NULL, 0, 0, 0 }

/* An estimator that uses a pose model. The model may serve others too.
 * NOT_FOUND: a keypoint that the options name does not exist. INVALID_ARGUMENT: a model for another task, or options that are wrong or do
 * not fit the model. FORKED. */
POSEKIT_C_API posekit_status posekit_estimator_create(const posekit_model* model, const posekit_estimator_options* options,
                                                      posekit_estimator** estimator);

/* What the keypoints of a result mean: the model's set, or the subset that was asked for. */
POSEKIT_C_API posekit_status posekit_estimator_keypoint_set(const posekit_estimator* estimator, posekit_keypoint_set** set);

/* Estimates the people of one image. A box that can't be used is told in the result; its neighbours get their poses.
 * INVALID_ARGUMENT: the image. INVALID_MODEL: the model failed. OUT_OF_MEMORY, CANCELLED, DEADLINE_EXCEEDED, FORKED; or what a custom
 * executor returned.
 * @param control NULL: nothing ends the call early
 * @param result of one image */
POSEKIT_C_API posekit_status posekit_estimator_estimate(const posekit_estimator* estimator, const posekit_image* image,
                                                        const posekit_box* boxes, size_t box_count, const posekit_control* control,
                                                        posekit_result** result);

/* Estimates the people of several images, of any sizes, and fills batches across them. Whatever concerns one image or box, a passed
 * deadline and cancellation are told in the result, with what was finished kept, and the call is OK. FORKED.
 * @param result one entry for each image, in order */
POSEKIT_C_API posekit_status posekit_estimator_estimate_batch(const posekit_estimator* estimator, const posekit_image_boxes* images,
                                                              size_t image_count, const posekit_control* control, posekit_result** result);

/* The same with images that may already lie on the CUDA device that the model runs on: they are cropped there, with the same sampling, and
 * never copied to the host. What was queued on an image's stream before the call is done before its pixels are read; when the call returns,
 * they have been read. An image on another device, or for a model on the CPU or on several devices, fails with INVALID_ARGUMENT in the
 * result.
 * @param places one for each image; NULL: all in host memory */
POSEKIT_C_API posekit_status posekit_estimator_estimate_placed_batch(const posekit_estimator* estimator, const posekit_image_boxes* images,
                                                                     const posekit_image_place* places, size_t image_count,
                                                                     const posekit_control* control, posekit_result** result);

POSEKIT_C_API void posekit_estimator_destroy(posekit_estimator* estimator);

/* --- results of an estimator --- */

/* Wall time of an image's stages in milliseconds. A batch's time is shared out among its persons. */
typedef struct posekit_timings {
  size_t struct_size; /* Set by the caller (_INIT); only so much is written. */
  double decode;      /* 0: reading images is the caller's. */
  double detect;      /* Detections only. */
  double preprocess;
  double inference;
  double postprocess;
} posekit_timings;
#define POSEKIT_TIMINGS_INIT \
  { sizeof(posekit_timings), 0, 0, 0, 0, 0 }

POSEKIT_C_API posekit_status posekit_result_image_count(const posekit_result* result, size_t* count);

/* K: how many keypoints a person has. */
POSEKIT_C_API posekit_status posekit_result_keypoint_count(const posekit_result* result, size_t* count);

/* What became of one image. Not POSEKIT_OK: it failed or was not finished; the poses that were finished are there. message: empty if OK. */
POSEKIT_C_API posekit_status posekit_result_status(const posekit_result* result, size_t image, posekit_status* status,
                                                   const char** message);

/* One image's keypoints: float [persons][K][3], each x and y in image pixels and the raw score. In the order of the boxes; boxes with
 * errors are missing. */
POSEKIT_C_API posekit_status posekit_result_keypoints(const posekit_result* result, size_t image, const float** keypoints, size_t* persons);

/* The boxes that one image's persons were estimated from, and the positions of these among the boxes that were given. */
POSEKIT_C_API posekit_status posekit_result_boxes(const posekit_result* result, size_t image, const posekit_box** boxes, size_t* persons);
POSEKIT_C_API posekit_status posekit_result_box_indices(const posekit_result* result, size_t image, const size_t** indices,
                                                        size_t* persons);

/* The ids of one image's persons, from 1; 0: none, as always but in what posekit_tracker_update or a pipeline with a tracker gave. */
POSEKIT_C_API posekit_status posekit_result_track_ids(const posekit_result* result, size_t image, const int64_t** track_ids,
                                                      size_t* persons);

/* Boxes of one image that could not be used. */
POSEKIT_C_API posekit_status posekit_result_box_error_count(const posekit_result* result, size_t image, size_t* count);
POSEKIT_C_API posekit_status posekit_result_box_error(const posekit_result* result, size_t image, size_t error, size_t* box_index,
                                                      posekit_status* status, const char** message);

/* Fills the struct, as much of it as its struct_size says. */
POSEKIT_C_API posekit_status posekit_result_timings(const posekit_result* result, size_t image, posekit_timings* timings);

/* Copies the keypoints of all images, in order: float [persons of all images][K][3]. keypoints NULL and capacity 0: only the count is told.
 * INVALID_ARGUMENT: the buffer is too small; nothing is written.
 * @param capacity floats that the buffer has room for
 * @param count floats that the keypoints need */
POSEKIT_C_API posekit_status posekit_result_copy_keypoints(const posekit_result* result, float* keypoints, size_t capacity, size_t* count);

/* One image's result as a document of format posekit-result/1 (docs/results.md).
 * @param path how the document names the image; NULL: ""
 * @param json destroy it with posekit_string_destroy */
POSEKIT_C_API posekit_status posekit_result_json(const posekit_result* result, size_t image, const char* path, char** json);

POSEKIT_C_API void posekit_result_destroy(posekit_result* result);

/* --- detector --- */

typedef struct posekit_detector posekit_detector;
typedef struct posekit_detections posekit_detections;

typedef struct posekit_detector_options {
  size_t struct_size;
  const posekit_executor* executor; /* Where inputs are made. NULL: serial, on the caller's thread. */
  size_t max_batch;                 /* Windows in one forward; 0 = 1 on a CPU, 16 on a GPU. */
  double score_threshold;           /* Scores must exceed it; 0: as the metadata say (for 0 itself give DBL_MIN). */
  double nms_iou;      /* Of two boxes that overlap more, the weaker goes; 0: as the metadata say (for 0 itself give DBL_MIN). */
  size_t max_persons;  /* The best so many are kept; 0: as the metadata say. */
  const double* tiles; /* Also look at half-overlapping square tiles, sides as fractions of the longer side in (0, 1]. NULL: none. */
  size_t tile_count;
} posekit_detector_options;
#define POSEKIT_DETECTOR_OPTIONS_INIT \
  { sizeof(posekit_detector_options), NULL, 0, 0, 0, 0, NULL, 0 }

/* A detector that uses a detection model. The model may serve others too.
 * INVALID_ARGUMENT: a model for another task, or options that are wrong. FORKED. */
POSEKIT_C_API posekit_status posekit_detector_create(const posekit_model* model, const posekit_detector_options* options,
                                                     posekit_detector** detector);

/* The people in one image, by falling score. Returns what posekit_estimator_estimate does.
 * @param detections of one image */
POSEKIT_C_API posekit_status posekit_detector_detect(const posekit_detector* detector, const posekit_image* image,
                                                     const posekit_control* control, posekit_detections** detections);

/* The people in several images, of any sizes. What concerns one image is told in its entry. FORKED.
 * @param detections one entry for each image, in order */
POSEKIT_C_API posekit_status posekit_detector_detect_batch(const posekit_detector* detector, const posekit_image* images,
                                                           size_t image_count, const posekit_control* control,
                                                           posekit_detections** detections);

POSEKIT_C_API void posekit_detector_destroy(posekit_detector* detector);

POSEKIT_C_API posekit_status posekit_detections_image_count(const posekit_detections* detections, size_t* count);

/* What became of one image. message: empty if OK. */
POSEKIT_C_API posekit_status posekit_detections_status(const posekit_detections* detections, size_t image, posekit_status* status,
                                                       const char** message);

/* One image's people: boxes inside the image, by falling score, as posekit_estimator_estimate takes them. */
POSEKIT_C_API posekit_status posekit_detections_boxes(const posekit_detections* detections, size_t image, const posekit_box** boxes,
                                                      size_t* count);

/* Fills the struct, as much of it as its struct_size says. Only `detect` is not 0. */
POSEKIT_C_API posekit_status posekit_detections_timings(const posekit_detections* detections, size_t image, posekit_timings* timings);

POSEKIT_C_API void posekit_detections_destroy(posekit_detections* detections);

/* --- tracker: stable ids and smooth keypoints, one object for one stream of images --- */

/* One thread at a time may use a tracker. docs/tracking.md has the rules. */
typedef struct posekit_tracker posekit_tracker;

/* Scores are those of boxes; times are in seconds; a person's size is the square root of its box's area. Where 0 itself is wanted, give
 * DBL_MIN. */
typedef struct posekit_tracker_options {
  size_t struct_size;
  double high_score;         /* Boxes from here on are associated first; 0: 0.5. */
  double low_score;          /* Boxes from here to high_score are associated second, below never; 0: 0.1. */
  double new_score;          /* A new person's box must have this much, at least high_score; 0: 0.5. */
  double keypoint_score;     /* Keypoints below play no part in recognising a person; 0: 0.3. */
  double oks_weight;         /* To 1: similarity = (1 - weight) * IoU + weight * OKS; 0: 0.5. */
  double min_similarity;     /* To 1: what is less alike is not the same person; 0: 0.3. */
  double birth_s;            /* A new person gets an id when seen for this long without a miss; 0: 0.05. */
  double max_gap_s;          /* A person unseen for longer is forgotten; 0: 1. */
  double min_cutoff_hz;      /* One-Euro filter: cut-off at rest, Hz; 0: 0.15. */
  double speed_factor;       /* One-Euro filter: Hz for each size a second; 0: 4.5. */
  double speed_cutoff_hz;    /* One-Euro filter: cut-off of the speed, Hz; 0: 0.5. */
  double smoothing_gap_s;    /* A keypoint unseen for longer starts anew; 0: 0.25. */
  double jump;               /* A person whose keypoints moved farther than expected, in sizes, starts anew; 0: 0.2. */
  int32_t without_smoothing; /* 1: keypoints stay as they are. */
  int32_t reserved;          /* 0 */
} posekit_tracker_options;
#define POSEKIT_TRACKER_OPTIONS_INIT \
  { sizeof(posekit_tracker_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* A tracker that knows nobody yet. INVALID_ARGUMENT: an option outside its range, or a set whose sigmas can't be used.
 * @param set of the results that will come (posekit_estimator_keypoint_set); copied */
POSEKIT_C_API posekit_status posekit_tracker_create(const posekit_keypoint_set* set, const posekit_tracker_options* options,
                                                    posekit_tracker** tracker);

/* Recognises the people of the next frame and smooths their keypoints. The given result stays as it is. INVALID_ARGUMENT: a time that is
 * not finite or not later than the last, or a result of another number of keypoints; the tracker is then as it was. A person from exactly a
 * box that posekit_tracker_predict gave for this time counts as carried: its keypoints then tell where it moved.
 * @param time_s the frame's time in seconds, greater than the last call's
 * @param image which of the result's images
 * @param tracked of one image: the same persons in the same order, with ids and smooth keypoints */
POSEKIT_C_API posekit_status posekit_tracker_update(posekit_tracker* tracker, double time_s, const posekit_result* result, size_t image,
                                                    posekit_result** tracked);

/* Where the people of the last update should be at a time: boxes for an image on which no detector runs. boxes NULL and capacity 0: only
 * the count is told. INVALID_ARGUMENT: a time that is not finite or before the last update, or a buffer that is too small. */
POSEKIT_C_API posekit_status posekit_tracker_predict(const posekit_tracker* tracker, double time_s, posekit_box* boxes, size_t capacity,
                                                     size_t* count);

/* Forgets everybody: the next update may have any time, and ids begin at 1 again. */
POSEKIT_C_API posekit_status posekit_tracker_reset(posekit_tracker* tracker);

/* What the tracker knows, without set and options, as a document of format posekit-tracker/1. @param json destroy it with
 * posekit_string_destroy */
POSEKIT_C_API posekit_status posekit_tracker_save(const posekit_tracker* tracker, char** json);

/* Goes on where the saved tracker was. The document is read strictly. INVALID_ARGUMENT: the message names the key; the tracker is then as
 * it was. */
POSEKIT_C_API posekit_status posekit_tracker_restore(posekit_tracker* tracker, const char* json);

POSEKIT_C_API void posekit_tracker_destroy(posekit_tracker* tracker);

/* --- pipelines: streams of frames, every stage at work at the same time; docs/streams.md has the whole picture --- */

typedef struct posekit_pipeline posekit_pipeline;

/* What posekit_pipeline_submit does when as many frames wait as may wait. */
typedef int32_t posekit_overflow;
enum {
  POSEKIT_OVERFLOW_BLOCK = 0,  /* It waits for room. */
  POSEKIT_OVERFLOW_REFUSE = 1, /* It takes nothing and says so. */
  POSEKIT_OVERFLOW_LATEST = 2  /* The oldest waiting frame is dropped for the new one. */
};

typedef struct posekit_pipeline_options {
  size_t struct_size;
  size_t queue_frames;       /* Most frames before the first stage and between two. 0: twice what a stage takes at once, at least 4; with
                              * LATEST as few as keep every call busy. */
  size_t batch_frames;       /* Most frames that one call of a model takes together; 0 = 1 on a CPU, 8 on a GPU. */
  size_t detect_every;       /* The detector looks at the first frame and every so many after it, those between hold its boxes, or
                              * have the tracker's predictions; 0 = 1. */
  size_t detect_calls;       /* Calls of the detector that run side by side, a thread for each; at most 64; 0 = 1. */
  size_t estimate_calls;     /* The same of the estimator; 0 = 1 on a CPU, 2 on a GPU. */
  uint64_t batch_wait_us;    /* Microseconds a call waits for its batch to fill; 0: it takes what is there. */
  uint64_t frame_timeout_us; /* Microseconds after which a frame that is not done fails; 0: none. */
  posekit_overflow overflow;
  int32_t reserved;         /* 0 */
  posekit_tracker* tracker; /* Sets ids and smooths keypoints, in order, before the sink, in a thread of its own; frames' times must grow.
                             * With detect_every > 1 its predictions are the boxes of the frames between. Nobody else may use it until the
                             * pipeline has been closed or destroyed; it may be destroyed at once. NULL: no tracking. */
} posekit_pipeline_options;
#define POSEKIT_PIPELINE_OPTIONS_INIT \
  { sizeof(posekit_pipeline_options), 0, 0, 0, 0, 0, 0, 0, POSEKIT_OVERFLOW_BLOCK, 0, NULL }

/* A frame on its way in. */
typedef struct posekit_frame {
  size_t struct_size;
  posekit_image image;      /* The pixels are borrowed until `release` is called; without `release`, until the sink has had the frame. */
  const posekit_box* boxes; /* Its people; copied. */
  size_t box_count;
  uint64_t index;                /* Position in the stream. */
  double time_s;                 /* Seconds from the stream's start. */
  void (*release)(void* opaque); /* Called exactly once, on any thread, when the pixels are no longer needed: also for a frame that was not
                                  * taken in or was dropped. NULL: nothing to do. Must not throw. */
  void* opaque;                  /* Passed to `release` and to the sink. */
  int32_t has_boxes;             /* 1: boxes, which may be none, are the frame's people. 0: the detector finds them. */
  int32_t reserved;              /* 0 */
} posekit_frame;
#define POSEKIT_FRAME_INIT \
  { sizeof(posekit_frame), {NULL, 0, 0, 0, 0, 0}, NULL, 0, 0, 0, NULL, NULL, 0, 0 }

/* Gets each frame that is not dropped exactly once, in the order of posekit_pipeline_submit, one at a time, on one thread of the
 * pipeline's. It may call posekit_pipeline_cancel and posekit_pipeline_metrics of its pipeline, nothing else. Must not throw.
 * Where memory for a result is out it is not called: the frame counts as failed, and posekit_pipeline_close returns OUT_OF_MEMORY.
 * @param frame `image`, `index`, `time_s` and `opaque` as they went in; `boxes` as used: given, detected, held or predicted. Borrowed for
 * the call.
 * @param detected 1: the detector looked at this very frame
 * @param result of one image, whose status tells whatever went wrong with the frame; the sink's: destroy it
 * @return POSEKIT_OK; another status counts the frame as failed, and posekit_pipeline_close returns the first such */
typedef posekit_status (*posekit_sink)(void* context, const posekit_frame* frame, int32_t detected, posekit_result* result);

/* How long something took, in milliseconds: the mean over all, the quantiles over the last 1024. (This struct never changes.) */
typedef struct posekit_time_stats {
  size_t count;
  double mean;
  double p50;
  double p99;
} posekit_time_stats;

/* Where a pipeline stands: accepted = delivered + failed + dropped + in_flight. */
typedef struct posekit_metrics {
  size_t struct_size;
  size_t accepted;         /* Taken in. */
  size_t refused;          /* Not taken in for want of room. */
  size_t delivered;        /* The sink had them, with an ok result. */
  size_t failed;           /* The sink had them with an error, or failed itself. */
  size_t dropped;          /* For a newer frame; the sink never sees them. */
  size_t in_flight;        /* On their way. */
  size_t waiting_detect;   /* Frames that wait for the detector, */
  size_t waiting_estimate; /* for the estimator, */
  size_t waiting_sink;     /* and for the sink. */
  double fps;              /* Frames a second at the sink, over the last 1024. */
  posekit_time_stats detect;
  posekit_time_stats preprocess;
  posekit_time_stats inference;
  posekit_time_stats postprocess;
  posekit_time_stats sink;
  posekit_time_stats age; /* From posekit_pipeline_submit to the sink. */
  size_t waiting_track;   /* Frames that wait for the tracker. */
  posekit_time_stats track;
} posekit_metrics;
#define POSEKIT_METRICS_INIT                                                                                                     \
  {                                                                                                                              \
    sizeof(posekit_metrics), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, \
        {0, 0, 0, 0}, 0, {                                                                                                       \
      0, 0, 0, 0                                                                                                                 \
    }                                                                                                                            \
  }

/* Starts the pipeline's threads: detect_calls + estimate_calls + 1, one more with a tracker. OUT_OF_MEMORY: a thread can't be started.
 * INVALID_ARGUMENT: an option outside its range, or a tracker of another number of keypoints than the estimator's.
 * @param detector NULL: every frame comes with its boxes
 * @param context passed to the sink */
POSEKIT_C_API posekit_status posekit_pipeline_create(const posekit_estimator* estimator, const posekit_detector* detector,
                                                     posekit_sink sink, void* context, const posekit_pipeline_options* options,
                                                     posekit_pipeline** pipeline);

/* Takes a frame in. CLOSED: after close or cancel. INVALID_ARGUMENT: no boxes and no detector; from the sink. CANCELLED,
 * DEADLINE_EXCEEDED: the control has ended the wait for room. FORKED.
 * @param accepted 1: taken in; 0: refused (POSEKIT_OVERFLOW_REFUSE) */
POSEKIT_C_API posekit_status posekit_pipeline_submit(posekit_pipeline* pipeline, const posekit_frame* frame, const posekit_control* control,
                                                     int32_t* accepted);

/* Takes no more frames, and returns when the sink has had all and the threads have ended. May be called again. Returns what the sink failed
 * with first. CANCELLED, DEADLINE_EXCEEDED: the control has ended the wait; the stream goes on being finished. FORKED. */
POSEKIT_C_API posekit_status posekit_pipeline_close(posekit_pipeline* pipeline, const posekit_control* control);

/* Takes no more frames and begins no more work; a batch in flight ends. Frames not done reach the sink as CANCELLED. Does not wait. FORKED.
 */
POSEKIT_C_API posekit_status posekit_pipeline_cancel(posekit_pipeline* pipeline);

/* Fills the struct, as much of it as its struct_size says. FORKED. */
POSEKIT_C_API posekit_status posekit_pipeline_metrics(const posekit_pipeline* pipeline, posekit_metrics* metrics);

/* Cancels, then waits until the sink has had every frame. Not from the sink. */
POSEKIT_C_API void posekit_pipeline_destroy(posekit_pipeline* pipeline);

#ifdef __cplusplus
}
#endif

#endif
