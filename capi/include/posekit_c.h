/**
 * posekit's C interface: boxes in, poses out. C11 and C++17. docs/abi.md has the promises.
 *
 * These rules hold for every function that says nothing else.
 *
 * Errors. A function returns a posekit_status. On failure each out parameter is NULL or 0; a
 * struct to be filled is left as it was. posekit_last_error_message() says what is wrong, which
 * value, what was expected and what to do. Beside the statuses listed at a function, each may
 * return:
 * - POSEKIT_ERROR_INVALID_ARGUMENT when an object, a string or an out parameter is NULL, an array
 *   is NULL but not empty, an index is beyond the end, or a value is outside its enumeration
 * - POSEKIT_ERROR_OUT_OF_MEMORY when memory runs out
 * - POSEKIT_ERROR_INTERNAL when posekit itself has a defect
 *
 * Ownership. An object that a function gives out (type **out) is the caller's: destroy it once.
 * Objects share what they need, so they may be destroyed in any order: an estimator keeps its
 * model and its executor, a result its estimator. Destroying NULL does nothing. Arguments are
 * borrowed for the call. Pointers into an object (const char *, const float *, ...) live as long
 * as the object and never change. An array without elements may be NULL.
 *
 * Threads. Any number of threads may use one object at once, except a tracker. Destroy an object
 * only after its last use. Error messages are each thread's own. No function throws, raises a
 * signal or prints.
 *
 * Values. Strings are UTF-8 and end with 0. Sizes and counts are size_t. Booleans are int32_t: 0
 * or 1. Begin an option struct with its _INIT macro and set what you want; 0 or NULL means the
 * default. NULL for the whole struct means all defaults. Members named `reserved` must be 0.
 *
 * Fork. In a forked child, calls that use its parent's pools, models, estimators, detectors,
 * predictors and pipelines return POSEKIT_ERROR_FORKED. Destroying them there ends no thread.
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

/** The outcome of a call. The numbers are stable; docs/errors.md explains each. */
typedef int32_t posekit_status;
enum {
  POSEKIT_OK = 0,
  POSEKIT_ERROR_INVALID_ARGUMENT = 1,   /**< A value of the caller's is outside what is allowed. */
  POSEKIT_ERROR_NOT_FOUND = 2,          /**< A file, preset, set or keypoint does not exist. */
  POSEKIT_ERROR_UNSUPPORTED_MODEL = 3,  /**< A sound file of a kind that posekit does not run. */
  POSEKIT_ERROR_INVALID_MODEL = 4,      /**< A broken model, or metadata that contradicts it. */
  POSEKIT_ERROR_DEVICE_UNAVAILABLE = 5, /**< The device does not exist or was lost. */
  POSEKIT_ERROR_OUT_OF_MEMORY = 6,      /**< Host or device memory ran out. */
  POSEKIT_ERROR_IO = 7,                 /**< Reading or writing failed. */
  POSEKIT_ERROR_CANCELLED = 8,          /**< The caller asked to stop. */
  POSEKIT_ERROR_DEADLINE_EXCEEDED = 9,  /**< The caller's deadline has passed. */
  POSEKIT_ERROR_FORKED = 10,            /**< The object is from before fork(), used in the child. */
  POSEKIT_ERROR_CLOSED = 11,            /**< The object takes no more work. */
  POSEKIT_ERROR_INTERNAL = 12           /**< A defect of posekit, or another error of Torch. */
};

/**
 * The text of this thread's last failed call.
 *
 * @return never NULL; empty before the first failure; valid until this thread's next failure
 */
POSEKIT_C_API const char* posekit_last_error_message(void);

/**
 * The name of a status, for example "invalid_argument".
 *
 * @return a static string; "unknown" for a number that is no status
 */
POSEKIT_C_API const char* posekit_status_name(posekit_status status);

/* --- the process --- */

/**
 * The version of the library that runs, "major.minor.patch".
 *
 * @return a static string
 */
POSEKIT_C_API const char* posekit_version(void);

/**
 * The version of the library that runs, as a number.
 *
 * @return major * 10000 + minor * 100 + patch
 */
POSEKIT_C_API int32_t posekit_version_number(void);

/**
 * The version of Torch that the library was built for, and the one that runs, for example
 * "2.13.0".
 *
 * @param built_for a static string
 * @param running a static string
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_torch_versions(const char** built_for, const char** running);

/**
 * Sets a folder in which to look for the library that runs models, libposekit_torch-2.N.so.
 *
 * libposekit links no Torch. It loads that library with the first model, or with a function here
 * that is about Torch, from its own folder, this one, or those of the environment's
 * POSEKIT_BACKENDS. docs/versioning.md has the rules. After that, and in a static build, this has
 * no effect.
 *
 * @param folder an absolute path
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when the path is not absolute
 */
POSEKIT_C_API posekit_status posekit_set_backend_folder(const char* folder);

/**
 * Whether the library was built with CUDA.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_built_with_cuda(int32_t* built_with_cuda);

/**
 * The number of CPUs that this process may use.
 *
 * @param cpus POSEKIT_CPUS where the environment has it; else the smallest of the CPU affinity, the
 *        cgroup's quota and OMP_NUM_THREADS where the environment has it; at least 1
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when POSEKIT_CPUS is not a number from 1 to 65536
 */
POSEKIT_C_API posekit_status posekit_usable_cpus(size_t* cpus);

/**
 * Sets the number of intra-op threads of a forward.
 *
 * This is Torch's setting for the whole process, other users of Torch included. Call it before a
 * model is loaded. Results may differ in the last digits between counts.
 *
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when threads < 1
 */
POSEKIT_C_API posekit_status posekit_set_torch_threads(int32_t threads);

/**
 * Torch's number of intra-op threads.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_torch_threads(int32_t* threads);

/**
 * Allows TF32 in float32 matrix products and convolutions on NVIDIA GPUs.
 *
 * This is Torch's setting for the whole process, other users of Torch included. Call it before a
 * model is loaded. The default is off, except for convolutions of scripted models.
 *
 * @param allowed 1: allowed; 0: not
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_set_torch_tf32(int32_t allowed);

/**
 * Whether float32 matrix products may use TF32.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_torch_tf32(int32_t* allowed);

/**
 * Limits the CUDA memory that Torch's allocator takes. Beyond it a batch fails with
 * POSEKIT_ERROR_OUT_OF_MEMORY.
 *
 * This is Torch's setting for the whole process, other users of Torch included. CUDA's own context
 * does not count. Call it before a model is loaded. The last call for a device holds.
 *
 * @param device "cuda", "cuda:N", several joined by commas, or "auto" where that is a CUDA device
 * @param bytes of each device
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when the device is the CPU or no device, or bytes is 0 or
 *         more than the device has
 * @return POSEKIT_ERROR_DEVICE_UNAVAILABLE when the device does not exist
 */
POSEKIT_C_API posekit_status posekit_set_device_memory_limit(const char* device, uint64_t bytes);

/**
 * Lets malloc keep freed memory for the next forward instead of returning it to the system.
 *
 * Fresh pages often cost more than a forward's work. The process then keeps its peak. This sets
 * glibc's thresholds for the whole process. Call it early.
 *
 * @param applied NULL, or: 1 if the thresholds are set; 0 with another C library than glibc
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_keep_freed_memory(int32_t* applied);

typedef int32_t posekit_log_level;
enum { POSEKIT_LOG_INFO = 0, POSEKIT_LOG_WARNING = 1 };

/**
 * Receives a note of the library.
 *
 * Several threads may call it at once. It must not throw.
 *
 * @param message borrowed for the call
 */
typedef void (*posekit_log_function)(void* context, posekit_log_level level, const char* message);

/**
 * Sets the function that receives the library's notes.
 *
 * It may be called at any time. A call of the old function may still run when it returns.
 *
 * @param function NULL: no notes, the default
 * @param context passed to the function
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_set_log_callback(posekit_log_function function, void* context);

/** Frees a text that a function gave out as char **. NULL is allowed. */
POSEKIT_C_API void posekit_string_destroy(char* text);

/* --- executors: where pre- and post-processing run --- */

typedef struct posekit_executor posekit_executor;

/**
 * One task of a call. It must not throw.
 *
 * @param index counts the tasks of the call
 * @param slot differs between tasks that run at once
 */
typedef void (*posekit_task)(void* context, size_t index, size_t slot);

/**
 * An executor of the caller's own.
 *
 * The contract of `run`, and what posekit does when it is broken:
 *
 * 1. It calls task(task_context, index, slot) for every index in [0, count) exactly once, in any
 *    order, from any threads. slot < slots, and no two tasks that run at once share a slot. A
 *    wrong index or slot: the task does not run, and the call ends with
 *    POSEKIT_ERROR_INVALID_ARGUMENT. The same when an index is left out.
 * 2. It returns when all its tasks have ended, and what they wrote is visible to the caller.
 *    Calling a task later is undefined.
 * 3. It returns POSEKIT_OK, or the status that the call shall end with. `run` and `destroy` must
 *    not throw. A task never throws. After one task has failed the others return at once, and the
 *    call ends with that task's error.
 * 4. Several threads may call it at once. posekit never calls it from within one of its tasks.
 */
typedef struct posekit_executor_callbacks {
  size_t struct_size;
  void* opaque; /**< Passed to both functions. */
  size_t slots; /**< The most tasks of one call that run at once, 1 to 4096; 0 means 1. */
  posekit_status (*run)(void* opaque, size_t count, posekit_task task, void* task_context);
  void (*destroy)(void* opaque); /**< Called once, after the last use; NULL: nothing. */
} posekit_executor_callbacks;
/* clang-format off */
#define POSEKIT_EXECUTOR_CALLBACKS_INIT {sizeof(posekit_executor_callbacks), NULL, 0, NULL, NULL}
/* clang-format on */

/**
 * Makes an executor that runs every task on the caller's thread, in order.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_executor_create_serial(posekit_executor** executor);

/**
 * Makes a thread pool. Its threads help the thread that calls.
 *
 * @param threads that work on one call, the caller's included; 1 makes no thread; 0 = the number
 *         of CPUs that this process may use
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when threads > 4096
 * @return POSEKIT_ERROR_OUT_OF_MEMORY when a thread can't be started
 */
POSEKIT_C_API posekit_status posekit_executor_create_thread_pool(size_t threads, posekit_executor** executor);

/**
 * Makes an executor of the caller's functions.
 *
 * The struct is copied. `opaque` stays in use until `destroy` is called; on failure it is not
 * called.
 *
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when `run` is NULL or `slots` > 4096
 */
POSEKIT_C_API posekit_status posekit_executor_create_custom(const posekit_executor_callbacks* callbacks, posekit_executor** executor);

/**
 * The most tasks of one call that run at once, the caller's included.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_executor_slots(const posekit_executor* executor, size_t* slots);

/**
 * Calls task(context, index, slot) once for every index in [0, count). Returns when all have
 * ended.
 *
 * From within a task it runs on that task's thread.
 *
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when a custom executor broke its contract
 * @return POSEKIT_ERROR_FORKED when a pool is used in a forked child
 * @return another status when a custom executor's `run` returned it
 */
POSEKIT_C_API posekit_status posekit_executor_parallel_for(const posekit_executor* executor, size_t count, posekit_task task,
                                                           void* context);

/** Destroys an executor. A pool's threads end when nothing uses it any more. */
POSEKIT_C_API void posekit_executor_destroy(posekit_executor* executor);

/* --- run control: what may end a call before its work is done --- */

typedef struct posekit_control posekit_control;

#define POSEKIT_NO_DEADLINE UINT64_MAX

/**
 * Makes a control that is not cancelled and has no deadline.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_control_create(posekit_control** control);

/**
 * Cancels the calls that have this control, those that run and later ones.
 *
 * A call that runs ends with POSEKIT_ERROR_CANCELLED after its tasks and its batch in flight. Any
 * thread may call it.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_control_cancel(posekit_control* control);

/**
 * Sets the deadline of calls that start from now on. They end with
 * POSEKIT_ERROR_DEADLINE_EXCEEDED.
 *
 * @param nanoseconds_from_now 0: at once; POSEKIT_NO_DEADLINE: never
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_control_set_deadline(posekit_control* control, uint64_t nanoseconds_from_now);

POSEKIT_C_API void posekit_control_destroy(posekit_control* control);

/* --- images and boxes --- */

typedef int32_t posekit_pixel_format;
enum {
  POSEKIT_PIXEL_FORMAT_BGR8 = 0,
  POSEKIT_PIXEL_FORMAT_RGB8 = 1,
  POSEKIT_PIXEL_FORMAT_GRAY8 = 2,
  POSEKIT_PIXEL_FORMAT_BGRA8 = 3, /**< Alpha is ignored. */
  POSEKIT_PIXEL_FORMAT_RGBA8 = 4  /**< Alpha is ignored. */
};

typedef int32_t posekit_device_kind;
enum { POSEKIT_DEVICE_CPU = 0, POSEKIT_DEVICE_CUDA = 1 };

/**
 * An image of the caller's, 8 bits a channel. Nothing is written to it. (This struct never
 * changes.)
 *
 * All formats of today are interleaved: they use plane 0, and the other planes are NULL and 0.
 *
 * An image in CUDA memory must be on the device that the model runs on, and is for estimators and
 * predictors with given boxes. It is cropped there and never copied to the host. Work that was
 * queued on its stream before the call is done before its pixels are read. When the call returns,
 * they have been read.
 */
typedef struct posekit_image {
  const uint8_t* planes[3]; /**< The top-left pixel of each plane. */
  size_t strides[3];        /**< Bytes from one row to the next; 0: rows without gaps. */
  int32_t width;            /**< Pixels, > 0. */
  int32_t height;           /**< Pixels, > 0. */
  posekit_pixel_format format;
  posekit_device_kind device; /**< Where the pixels are. */
  int32_t device_index;       /**< N of cuda:N; 0 for the CPU. */
  int32_t reserved;
  void* stream; /**< The cudaStream_t that writes the pixels. NULL: the device's default stream. */
} posekit_image;

/**
 * A person's bounding box in image pixels: x right, y down, (0, 0) at the centre of the top-left
 * pixel. It may leave the image. (This struct never changes.)
 */
typedef struct posekit_box {
  double x1;        /**< Left. */
  double y1;        /**< Top. */
  double x2;        /**< Right, > x1. */
  double y2;        /**< Bottom, > y1. */
  float score;      /**< The detector's confidence. In an input, 0 means unknown and counts as 1. */
  int32_t reserved; /**< Ignored in an input, 0 in an output. */
} posekit_box;

/** One image of a batch call and its people. (This struct never changes.) */
typedef struct posekit_image_boxes {
  posekit_image image;
  const posekit_box* boxes;
  size_t box_count;
} posekit_image_boxes;

/* --- keypoint sets --- */

typedef struct posekit_keypoint_set posekit_keypoint_set;

/** One line of a skeleton: the indices of its ends. (This struct never changes.) */
typedef struct posekit_link {
  size_t a;
  size_t b;
} posekit_link;

#define POSEKIT_NO_INDEX SIZE_MAX

/**
 * The number of sets that come with posekit.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_builtin_keypoint_set_count(size_t* count);

/**
 * The name of a set that comes with posekit.
 *
 * @param index the names are sorted
 * @param name a static string
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_builtin_keypoint_set_name(size_t index, const char** name);

/**
 * Makes a set that comes with posekit, for example "coco17".
 *
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_NOT_FOUND when there is no such set; the message lists the names
 */
POSEKIT_C_API posekit_status posekit_keypoint_set_create_builtin(const char* name, posekit_keypoint_set** set);

/**
 * Reads a set in the form of docs/models.md ("Own keypoint sets").
 *
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when the document is wrong; the message names the key
 */
POSEKIT_C_API posekit_status posekit_keypoint_set_create_from_json(const char* json, posekit_keypoint_set** set);

/**
 * Makes the set that has only these keypoints, in this order.
 *
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when an index is twice in the list
 */
POSEKIT_C_API posekit_status posekit_keypoint_set_create_subset(const posekit_keypoint_set* set, const size_t* indices, size_t count,
                                                                posekit_keypoint_set** subset);

/**
 * The indices of the keypoints that a selection names.
 *
 * @param names one name of a subset of the set (or of the set itself: all), or names of keypoints
 * @param indices the buffer; NULL with capacity 0: only the count is given
 * @param count the number of indices
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_NOT_FOUND when the set does not have a name
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when there is no name, a name is given twice, or the
 *         buffer is too small; nothing is written then
 */
POSEKIT_C_API posekit_status posekit_keypoint_set_select(const posekit_keypoint_set* set, const char* const* names, size_t name_count,
                                                         size_t* indices, size_t capacity, size_t* count);

/**
 * The name of the set.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_keypoint_set_name(const posekit_keypoint_set* set, const char** name);

/**
 * Where the set's names and numbers come from.
 *
 * @param provenance may be empty
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_keypoint_set_provenance(const posekit_keypoint_set* set, const char** provenance);

/**
 * The number of keypoints, K.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_keypoint_set_size(const posekit_keypoint_set* set, size_t* size);

/**
 * The name of a keypoint.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_keypoint_set_keypoint_name(const posekit_keypoint_set* set, size_t index, const char** name);

/**
 * The index that a keypoint gets in a mirrored image. A keypoint in the middle keeps its own.
 *
 * @param swap POSEKIT_NO_INDEX if the set does not define it
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_keypoint_set_keypoint_swap(const posekit_keypoint_set* set, size_t index, size_t* swap);

/**
 * Whether every keypoint has a swap, which the flip test needs.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_keypoint_set_can_mirror(const posekit_keypoint_set* set, int32_t* can_mirror);

/**
 * The skeleton.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_keypoint_set_links(const posekit_keypoint_set* set, const posekit_link** links, size_t* count);

/**
 * The OKS fall-off of each keypoint (COCO).
 *
 * @param count K, or 0 if the set has none
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_keypoint_set_sigmas(const posekit_keypoint_set* set, const double** sigmas, size_t* count);

/**
 * The number of named subsets that the set has.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_keypoint_set_subset_count(const posekit_keypoint_set* set, size_t* count);

/**
 * The name of a subset.
 *
 * @param index the names are sorted
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_keypoint_set_subset_name(const posekit_keypoint_set* set, size_t index, const char** name);

POSEKIT_C_API void posekit_keypoint_set_destroy(posekit_keypoint_set* set);

/* --- models: loaded once, used by any number of estimators and detectors --- */

typedef struct posekit_model posekit_model;

/**
 * In which type of numbers a model computes.
 *
 * AS_EXPORTED: no tensor of the network is cast, and crops are given to it in the dtype that its
 * metadata name. FP32, FP16 and BF16: weights and crops are converted. AUTO is AS_EXPORTED if that
 * dtype is fp16 or bf16, else FP32. A file in fp16 or bf16 is not cast to another type.
 */
typedef int32_t posekit_precision;
enum {
  POSEKIT_PRECISION_AUTO = 0,
  POSEKIT_PRECISION_AS_EXPORTED = 1,
  POSEKIT_PRECISION_FP32 = 2,
  POSEKIT_PRECISION_FP16 = 3,
  POSEKIT_PRECISION_BF16 = 4
};

/** CHECK: loading runs one black crop to check the model. NONE: the first batch is checked. */
typedef int32_t posekit_warm_up;
enum { POSEKIT_WARM_UP_CHECK = 0, POSEKIT_WARM_UP_NONE = 1 };

/**
 * AUTO: on a CPU in float32, a network of convolutions runs with fused operators, up to twice as
 * fast. Results differ in their last digits from those without, and the weights of convolutions are
 * held twice. Loading compiles the network, for the number of Torch threads that there are then: with
 * another number it runs without. NONE: never fused.
 */
typedef int32_t posekit_fuse;
enum { POSEKIT_FUSE_AUTO = 0, POSEKIT_FUSE_NONE = 1 };

/**
 * How a model is loaded.
 *
 * At most one of the three metadata members is set. Without any, the metadata are the sidecar
 * MODEL.posekit.json, or else the extra file posekit.json in the archive.
 *
 * The device "auto" is the first CUDA device, or the CPU where there is none. Several devices of
 * one kind, joined by commas ("cuda:0,cuda:1"), make a replica on each; the replicas share the
 * work.
 */
typedef struct posekit_model_options {
  size_t struct_size;
  const char* metadata_json;   /**< A metadata document. */
  const char* metadata_file;   /**< The path of a metadata document. */
  const char* metadata_preset; /**< The name of a preset. */
  const char* sha256;          /**< Expected checksum of the file, in hex. NULL: not checked. */
  const char* device;          /**< "auto" (NULL), "cpu", "cuda", "cuda:N", or several. */
  posekit_precision precision;
  posekit_warm_up warm_up;
  posekit_fuse fuse;
  int32_t reserved; /**< 0. */
} posekit_model_options;
/* clang-format off */
#define POSEKIT_MODEL_OPTIONS_INIT \
  {sizeof(posekit_model_options), NULL, NULL, NULL, NULL, NULL, POSEKIT_PRECISION_AUTO, POSEKIT_WARM_UP_CHECK, \
   POSEKIT_FUSE_AUTO, 0}
/* clang-format on */

/** What a loaded model is. The strings belong to the model. */
typedef struct posekit_model_info {
  size_t struct_size;    /**< Set by the caller (_INIT); only that much is written. */
  const char* name;      /**< From the metadata, or else the file's name. */
  const char* task;      /**< "pose" or "detect". */
  const char* codec;     /**< From the metadata, for example "udp_heatmap". */
  const char* device;    /**< "cpu" or "cuda:N"; replicas joined by commas. */
  size_t keypoint_count; /**< K of the model; 0 for a detector. */
  int32_t input_width;   /**< Pixels of a crop. */
  int32_t input_height;  /**< Pixels of a crop. */
  int32_t is_fused;      /**< 1: see posekit_fuse. */
  int32_t reserved;      /**< 0. */
} posekit_model_info;
/* clang-format off */
#define POSEKIT_MODEL_INFO_INIT {sizeof(posekit_model_info), NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0}
/* clang-format on */

/**
 * What a model takes of its device's memory, in bytes.
 *
 * Torch's tensors and the crops count. Memory that kernels take besides, and CUDA's own context,
 * do not.
 */
typedef struct posekit_memory_report {
  size_t struct_size;    /**< Set by the caller (_INIT); only that much is written. */
  uint64_t weights;      /**< Held while the model is loaded. */
  uint64_t batch;        /**< Taken by a batch, whatever the number of persons in it. */
  uint64_t person;       /**< Taken by each person of a batch; on a GPU, of two batches. */
  uint64_t available;    /**< Free beside the weights at the time of the measurement. */
  size_t largest_batch;  /**< The batch that fits into `available`; 0: none. */
  int32_t has_available; /**< 1: `available` and `largest_batch` are known. 0: both are 0. */
  int32_t reserved;
} posekit_memory_report;
/* clang-format off */
#define POSEKIT_MEMORY_REPORT_INIT {sizeof(posekit_memory_report), 0, 0, 0, 0, 0, 0, 0}
/* clang-format on */

/**
 * The number of metadata presets.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_model_preset_count(size_t* count);

/**
 * The name of a metadata preset.
 *
 * @param index the names are sorted
 * @param name a static string
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_model_preset_name(size_t index, const char** name);

/**
 * Loads a model file. docs/models.md names the formats.
 *
 * Loading runs code from the file: open only files that you trust.
 *
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_NOT_FOUND when the file, or a file or preset of the options, does not
 *         exist
 * @return POSEKIT_ERROR_IO when the file can't be read
 * @return POSEKIT_ERROR_UNSUPPORTED_MODEL when posekit does not run files of this kind
 * @return POSEKIT_ERROR_INVALID_MODEL when the file is broken or has another checksum, or its
 *         metadata are missing, wrong or contradict it
 * @return POSEKIT_ERROR_DEVICE_UNAVAILABLE when the device does not exist
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when an option is wrong
 * @return POSEKIT_ERROR_INTERNAL when another Torch runs than posekit was built for
 */
POSEKIT_C_API posekit_status posekit_model_load(const char* path, const posekit_model_options* options, posekit_model** model);

/**
 * Loads a model from memory. There is no sidecar then.
 *
 * @param data the bytes of a model file, borrowed for the call
 * @return as posekit_model_load
 */
POSEKIT_C_API posekit_status posekit_model_load_from_memory(const void* data, size_t size, const posekit_model_options* options,
                                                            posekit_model** model);

/**
 * Fills the struct, as much of it as its struct_size says.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_model_get_info(const posekit_model* model, posekit_model_info* info);

/**
 * All metadata as a document of format posekit-model/1.
 *
 * @param json destroy it with posekit_string_destroy
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_model_metadata_json(const posekit_model* model, char** json);

/**
 * Measures what the model takes of its device's memory: it runs batches of one and of two black
 * crops on the caller's thread. The struct is filled, as much of it as its struct_size says.
 *
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when the model runs on several devices
 * @return POSEKIT_ERROR_INVALID_MODEL when the model fails
 * @return POSEKIT_ERROR_FORKED when used in a forked child
 */
POSEKIT_C_API posekit_status posekit_model_measure_memory(const posekit_model* model, posekit_memory_report* report);

/** Destroys a model. The weights are freed when nothing uses it any more. */
POSEKIT_C_API void posekit_model_destroy(posekit_model* model);

/**
 * Loads a model on the CPU without running it, and reports what it is.
 *
 * Loading runs code from the file: open only files that you trust.
 *
 * @param json an object with path, file_bytes, parameters, parameter_bytes, metadata, origins and
 *         notes; destroy it with posekit_string_destroy
 * @return as posekit_model_load
 */
POSEKIT_C_API posekit_status posekit_inspect_model(const char* path, const posekit_model_options* options, char** json);

/* --- estimator --- */

typedef struct posekit_estimator posekit_estimator;
typedef struct posekit_result posekit_result;

/**
 * How an estimator works.
 *
 * While memory does not hold a batch, max_batch is halved, for the estimator's life.
 */
typedef struct posekit_estimator_options {
  size_t struct_size;
  const posekit_executor* executor; /**< Where crops are warped and decoded; NULL: serial. */
  size_t max_batch;                 /**< Persons in one forward; 0 = 1 on a CPU, 16 on a GPU. */
  double box_padding;               /**< > 0; 0: from the metadata. */
  const char* const* keypoints;     /**< Names of subsets or of keypoints; NULL: all. */
  size_t keypoint_count;            /**< The number of names. */
  int32_t flip_test;                /**< 1: average with the mirrored crop, for twice the time. */
  int32_t reserved;
} posekit_estimator_options;
/* clang-format off */
#define POSEKIT_ESTIMATOR_OPTIONS_INIT {sizeof(posekit_estimator_options), NULL, 0, 0, NULL, 0, 0, 0}
/* clang-format on */

/**
 * Makes an estimator that uses a pose model. The model may serve others too.
 *
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_NOT_FOUND when a keypoint of the options does not exist
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when the model is for another task, or an option is wrong
 *         or does not fit the model
 * @return POSEKIT_ERROR_FORKED when used in a forked child
 */
POSEKIT_C_API posekit_status posekit_estimator_create(const posekit_model* model, const posekit_estimator_options* options,
                                                      posekit_estimator** estimator);

/**
 * The keypoints of a result: the model's set, or the subset of the options.
 *
 * @param set the caller's own
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_estimator_keypoint_set(const posekit_estimator* estimator, posekit_keypoint_set** set);

/**
 * Estimates the people of one image.
 *
 * A box that can't be used is reported in the result. The other boxes get their poses.
 *
 * @param control NULL: nothing ends the call early
 * @param result of one image
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when the image can't be used
 * @return POSEKIT_ERROR_INVALID_MODEL when the model fails
 * @return POSEKIT_ERROR_OUT_OF_MEMORY when memory does not hold a batch of one
 * @return POSEKIT_ERROR_DEVICE_UNAVAILABLE when the device was lost
 * @return POSEKIT_ERROR_CANCELLED or POSEKIT_ERROR_DEADLINE_EXCEEDED when the control says so
 * @return POSEKIT_ERROR_FORKED when used in a forked child
 * @return another status when a custom executor returned it
 */
POSEKIT_C_API posekit_status posekit_estimator_estimate(const posekit_estimator* estimator, const posekit_image* image,
                                                        const posekit_box* boxes, size_t box_count, const posekit_control* control,
                                                        posekit_result** result);

/**
 * Estimates the people of several images, of any sizes. Batches are filled across the images.
 *
 * An error of one image or box is reported in the result; so are cancellation and a passed
 * deadline. What was finished is kept, and the call returns POSEKIT_OK.
 *
 * @param result one entry for each image, in order
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_FORKED when used in a forked child
 */
POSEKIT_C_API posekit_status posekit_estimator_estimate_batch(const posekit_estimator* estimator, const posekit_image_boxes* images,
                                                              size_t image_count, const posekit_control* control, posekit_result** result);

POSEKIT_C_API void posekit_estimator_destroy(posekit_estimator* estimator);

/* --- results of an estimator, a predictor or a pipeline --- */

/** Wall time of an image's stages, in milliseconds. A batch's time is divided among its persons. */
typedef struct posekit_timings {
  size_t struct_size; /**< Set by the caller (_INIT); only that much is written. */
  double decode;      /**< 0: the caller reads the images. */
  double detect;      /**< 0 from an estimator. */
  double preprocess;
  double inference;
  double postprocess;
} posekit_timings;
/* clang-format off */
#define POSEKIT_TIMINGS_INIT {sizeof(posekit_timings), 0, 0, 0, 0, 0}
/* clang-format on */

/**
 * The number of images in the result.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_result_image_count(const posekit_result* result, size_t* count);

/**
 * The number of keypoints that each person has, K.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_result_keypoint_count(const posekit_result* result, size_t* count);

/**
 * The outcome of one image.
 *
 * @param status not POSEKIT_OK: the image failed or was not finished; finished poses are kept
 * @param message empty if the status is POSEKIT_OK
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_result_status(const posekit_result* result, size_t image, posekit_status* status,
                                                   const char** message);

/**
 * The keypoints of one image: float [persons][K][3], each x and y in image pixels and the raw
 * score.
 *
 * Persons are in the order of their boxes. Boxes with errors have no person.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_result_keypoints(const posekit_result* result, size_t image, const float** keypoints, size_t* persons);

/**
 * The box of each person of one image.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_result_boxes(const posekit_result* result, size_t image, const posekit_box** boxes, size_t* persons);

/**
 * The position of each person's box among the boxes of one image, see posekit_result_input_boxes.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_result_box_indices(const posekit_result* result, size_t image, const size_t** indices,
                                                        size_t* persons);

/**
 * All boxes of one image, those without a person included: given, detected, held from an earlier
 * frame, or predicted by a tracker.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_result_input_boxes(const posekit_result* result, size_t image, const posekit_box** boxes,
                                                        size_t* count);

/**
 * Whether a detector ran on this very image.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_result_detected(const posekit_result* result, size_t image, int32_t* detected);

/**
 * The track id of each person of one image, from 1; 0: none.
 *
 * Only posekit_tracker_update and a pipeline with a tracker give ids.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_result_track_ids(const posekit_result* result, size_t image, const int64_t** track_ids,
                                                      size_t* persons);

/**
 * The number of boxes of one image that could not be used.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_result_box_error_count(const posekit_result* result, size_t image, size_t* count);

/**
 * A box of one image that could not be used.
 *
 * @param error below posekit_result_box_error_count
 * @param box_index the box's position among the boxes of the image
 * @param message what is wrong with the box
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_result_box_error(const posekit_result* result, size_t image, size_t error, size_t* box_index,
                                                      posekit_status* status, const char** message);

/**
 * Fills the struct, as much of it as its struct_size says.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_result_timings(const posekit_result* result, size_t image, posekit_timings* timings);

/**
 * Copies the keypoints of all images, in order: float [persons of all images][K][3].
 *
 * @param keypoints the buffer; NULL with capacity 0: only the count is given
 * @param capacity of the buffer, in floats
 * @param count floats that the keypoints need
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when the buffer is too small; nothing is written then
 */
POSEKIT_C_API posekit_status posekit_result_copy_keypoints(const posekit_result* result, float* keypoints, size_t capacity, size_t* count);

/**
 * One image's result as a document of format posekit-result/1 (docs/results.md).
 *
 * @param path how the document names the image; NULL: ""
 * @param json destroy it with posekit_string_destroy
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_result_json(const posekit_result* result, size_t image, const char* path, char** json);

/**
 * One image's entries of a COCO key point results file: JSON objects separated by ",\n"; empty
 * without poses. docs/results.md has the score's formula.
 *
 * @param image_id the image's number in the annotations; ignored if there is a file_name
 * @param file_name takes the number's place; NULL: the number
 * @param json destroy it with posekit_string_destroy
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_result_coco_entries(const posekit_result* result, size_t image, int64_t image_id,
                                                         const char* file_name, char** json);

POSEKIT_C_API void posekit_result_destroy(posekit_result* result);

/**
 * Object keypoint similarity of a pose with a labelled one: COCO's formula over the labelled
 * points.
 *
 * @param pose float [count][3]: x, y, score
 * @param labelled float [count][3]: x, y, visibility v; a point is labelled if v > 0
 * @param sigmas double [count], as posekit_keypoint_set_sigmas gives them
 * @param area of the annotation, in square pixels
 * @param similarity 0 to 1; 0 if no point is labelled
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_object_keypoint_similarity(const float* pose, const float* labelled, const double* sigmas,
                                                                size_t count, double area, double* similarity);

/* --- detector --- */

typedef struct posekit_detector posekit_detector;
typedef struct posekit_detections posekit_detections;

/** Bits of posekit_detector_options.set. */
enum { POSEKIT_DETECTOR_SET_SCORE_THRESHOLD = 1, POSEKIT_DETECTOR_SET_NMS_IOU = 2 };

/**
 * How a detector works.
 *
 * Of two boxes that overlap by more than nms_iou, the one of lower score is removed. Tiles are
 * half-overlapping squares, for small people; their sides are fractions of the image's longer
 * side, in [1/64, 1].
 */
typedef struct posekit_detector_options {
  size_t struct_size;
  const posekit_executor* executor; /**< Where inputs are made; NULL: serial. */
  size_t max_batch;                 /**< Windows in one forward; 0 = 1 on a CPU, 16 on a GPU. */
  uint64_t set;                     /**< Members whose bit is set count even if they are 0. */
  double score_threshold;           /**< Scores must exceed it; 0: from the metadata. */
  double nms_iou;                   /**< Most overlap of two people; 0: from the metadata. */
  size_t max_persons;               /**< At most that many, the best; 0: from the metadata. */
  const double* tiles;              /**< Sides of tiles that are searched too; NULL: none. */
  size_t tile_count;
} posekit_detector_options;
/* clang-format off */
#define POSEKIT_DETECTOR_OPTIONS_INIT {sizeof(posekit_detector_options), NULL, 0, 0, 0, 0, 0, NULL, 0}
/* clang-format on */

/**
 * Makes a detector that uses a detection model. The model may serve others too.
 *
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when the model is for another task or an option is wrong
 * @return POSEKIT_ERROR_FORKED when used in a forked child
 */
POSEKIT_C_API posekit_status posekit_detector_create(const posekit_model* model, const posekit_detector_options* options,
                                                     posekit_detector** detector);

/**
 * Detects the people of one image in host memory.
 *
 * @param control NULL: nothing ends the call early
 * @param detections of one image
 * @return as posekit_estimator_estimate
 */
POSEKIT_C_API posekit_status posekit_detector_detect(const posekit_detector* detector, const posekit_image* image,
                                                     const posekit_control* control, posekit_detections** detections);

/**
 * Detects the people of several images in host memory, of any sizes.
 *
 * An error of one image is reported in its entry, and the call returns POSEKIT_OK.
 *
 * @param detections one entry for each image, in order
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_FORKED when used in a forked child
 */
POSEKIT_C_API posekit_status posekit_detector_detect_batch(const posekit_detector* detector, const posekit_image* images,
                                                           size_t image_count, const posekit_control* control,
                                                           posekit_detections** detections);

POSEKIT_C_API void posekit_detector_destroy(posekit_detector* detector);

/**
 * The number of images in the detections.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_detections_image_count(const posekit_detections* detections, size_t* count);

/**
 * The outcome of one image.
 *
 * @param message empty if the status is POSEKIT_OK
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_detections_status(const posekit_detections* detections, size_t image, posekit_status* status,
                                                       const char** message);

/**
 * The people of one image: boxes inside the image, by falling score.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_detections_boxes(const posekit_detections* detections, size_t image, const posekit_box** boxes,
                                                      size_t* count);

/**
 * Fills the struct, as much of it as its struct_size says. Only `detect` is not 0.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_detections_timings(const posekit_detections* detections, size_t image, posekit_timings* timings);

POSEKIT_C_API void posekit_detections_destroy(posekit_detections* detections);

/* --- predictor: a detector, or none, and an estimator as one --- */

typedef struct posekit_predictor posekit_predictor;

/** One image of a predictor's batch call. (This struct never changes.) */
typedef struct posekit_predictor_input {
  posekit_image image;
  const posekit_box* boxes;
  size_t box_count;
  int32_t has_boxes; /**< 1: `boxes`, maybe none, are its people. 0: detect them. */
  int32_t reserved;
} posekit_predictor_input;

/**
 * Makes a predictor. It shares the estimator and the detector; others may use them too.
 *
 * @param detector NULL: every image comes with its boxes
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_predictor_create(const posekit_estimator* estimator, const posekit_detector* detector,
                                                      posekit_predictor** predictor);

/**
 * Detects the people of one image in host memory, and estimates their poses.
 *
 * @param control NULL: nothing ends the call early
 * @param result of one image; posekit_result_input_boxes has the detected boxes
 * @return as posekit_estimator_estimate
 * @return POSEKIT_ERROR_INVALID_ARGUMENT also when the predictor has no detector
 */
POSEKIT_C_API posekit_status posekit_predictor_predict(const posekit_predictor* predictor, const posekit_image* image,
                                                       const posekit_control* control, posekit_result** result);

/**
 * Estimates the people of several images, of any sizes; detects them where no boxes are given.
 *
 * An error of one image is reported in the result, and the call returns POSEKIT_OK.
 *
 * @param result one entry for each image, in order
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_FORKED when used in a forked child
 */
POSEKIT_C_API posekit_status posekit_predictor_predict_batch(const posekit_predictor* predictor, const posekit_predictor_input* images,
                                                             size_t image_count, const posekit_control* control, posekit_result** result);

POSEKIT_C_API void posekit_predictor_destroy(posekit_predictor* predictor);

/* --- tracker: stable ids and smooth keypoints, one object for one stream of images --- */

/** One thread at a time may use a tracker. docs/tracking.md has the rules. */
typedef struct posekit_tracker posekit_tracker;

/** What happens to keypoints. */
typedef int32_t posekit_smoothing;
enum { POSEKIT_SMOOTHING_ONE_EURO = 0, POSEKIT_SMOOTHING_NONE = 1 };

/** Bits of posekit_tracker_options.set. */
enum {
  POSEKIT_TRACKER_SET_HIGH_SCORE = 1,
  POSEKIT_TRACKER_SET_LOW_SCORE = 2,
  POSEKIT_TRACKER_SET_NEW_SCORE = 4,
  POSEKIT_TRACKER_SET_KEYPOINT_SCORE = 8,
  POSEKIT_TRACKER_SET_OKS_WEIGHT = 16,
  POSEKIT_TRACKER_SET_MIN_SIMILARITY = 32,
  POSEKIT_TRACKER_SET_BIRTH_S = 64,
  POSEKIT_TRACKER_SET_MAX_GAP_S = 128,
  POSEKIT_TRACKER_SET_SPEED_FACTOR = 256,
  POSEKIT_TRACKER_SET_SMOOTHING_GAP_S = 512
};

/**
 * How people are recognised, and how their keypoints are smoothed.
 *
 * Scores are those of boxes. Times are in seconds. A person's size is the square root of the area
 * of its box. Two people's similarity is (1 - oks_weight) * IoU + oks_weight * OKS.
 */
typedef struct posekit_tracker_options {
  size_t struct_size;
  uint64_t set;                /**< Members whose bit is set count even if they are 0. */
  double high_score;           /**< Boxes of at least this score are associated first; 0: 0.5. */
  double low_score;            /**< Boxes of at least this score are associated second; 0: 0.1. */
  double new_score;            /**< Least score of a new person, >= high_score; 0: 0.5. */
  double keypoint_score;       /**< Keypoints below it are not compared; 0: 0.3. */
  double oks_weight;           /**< In [0, 1], of OKS beside IoU; 0: 0.5. */
  double min_similarity;       /**< In [0, 1]; less similar people are different ones; 0: 0.3. */
  double birth_s;              /**< Time without a miss before a person gets an id; 0: 0.05. */
  double max_gap_s;            /**< A person unseen for longer is forgotten; 0: 1. */
  posekit_smoothing smoothing; /**< ONE_EURO, the default, or NONE: keypoints stay as they are. */
  int32_t reserved;
  double min_cutoff_hz;   /**< One-Euro filter: cut-off at rest, Hz; 0: 0.15. */
  double speed_factor;    /**< One-Euro filter: Hz for each size a second; 0: 4.5. */
  double speed_cutoff_hz; /**< One-Euro filter: cut-off of the speed, Hz; 0: 0.5. */
  double smoothing_gap_s; /**< A keypoint unseen for longer starts again; 0: 0.25. */
  double jump;            /**< Farther than expected, in sizes, starts again; 0: 0.2. */
} posekit_tracker_options;
/* clang-format off */
#define POSEKIT_TRACKER_OPTIONS_INIT \
  {sizeof(posekit_tracker_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, POSEKIT_SMOOTHING_ONE_EURO, 0, 0, 0, 0, 0, 0}
/* clang-format on */

/**
 * Makes a tracker that has seen nobody yet.
 *
 * @param set of the results that will come (posekit_estimator_keypoint_set); copied
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when an option is outside its range, or the set's sigmas
 *         can't be used
 */
POSEKIT_C_API posekit_status posekit_tracker_create(const posekit_keypoint_set* set, const posekit_tracker_options* options,
                                                    posekit_tracker** tracker);

/**
 * Recognises the people of the next frame and smooths their keypoints.
 *
 * The given result stays as it is. A person whose box is exactly one that posekit_tracker_predict
 * gave for this time counts as predicted: its keypoints then show where it moved. After an error
 * the tracker is as it was.
 *
 * @param time_s the frame's time in seconds, greater than the last call's
 * @param image which of the result's images
 * @param tracked of one image: the same persons in the same order, with ids and smooth keypoints
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when the time is not finite or not later than the last,
 *         or the result has another number of keypoints
 */
POSEKIT_C_API posekit_status posekit_tracker_update(posekit_tracker* tracker, double time_s, const posekit_result* result, size_t image,
                                                    posekit_result** tracked);

/**
 * Where the people of the last update should be at a time: boxes for an image without detection.
 *
 * @param time_s seconds, not before the last update
 * @param boxes the buffer; NULL with capacity 0: only the count is given
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when the time is not finite or before the last update, or
 *         the buffer is too small
 */
POSEKIT_C_API posekit_status posekit_tracker_predict(const posekit_tracker* tracker, double time_s, posekit_box* boxes, size_t capacity,
                                                     size_t* count);

/**
 * Forgets everybody. The next update may have any time, and ids begin at 1 again.
 *
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_tracker_reset(posekit_tracker* tracker);

/**
 * The tracker's state, without set and options, as a document of format posekit-tracker/1.
 *
 * @param json destroy it with posekit_string_destroy
 * @return POSEKIT_OK
 */
POSEKIT_C_API posekit_status posekit_tracker_save(const posekit_tracker* tracker, char** json);

/**
 * Continues from a saved state. The document is read strictly. After an error the tracker is as it
 * was.
 *
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when the document is wrong; the message names the key
 */
POSEKIT_C_API posekit_status posekit_tracker_restore(posekit_tracker* tracker, const char* json);

POSEKIT_C_API void posekit_tracker_destroy(posekit_tracker* tracker);

/* --- pipelines: streams of frames, all stages at work at once; docs/streams.md --- */

typedef struct posekit_pipeline posekit_pipeline;

/** What posekit_pipeline_submit does when the first queue is full. */
typedef int32_t posekit_overflow;
enum {
  POSEKIT_OVERFLOW_BLOCK = 0,  /**< It waits for room. */
  POSEKIT_OVERFLOW_REFUSE = 1, /**< It does not accept the frame, and reports that. */
  POSEKIT_OVERFLOW_LATEST = 2  /**< The oldest waiting frame is dropped for the new one. */
};

/**
 * How a pipeline works.
 *
 * A queue_frames of 0 means twice what a stage takes at once, at least 4; with
 * POSEKIT_OVERFLOW_LATEST it means just enough to keep every call busy. Frames that the detector
 * does not see keep the boxes of the frame before, or get the tracker's predictions.
 *
 * The tracker works in order, before the sink, on a thread of its own. The frames' times must
 * grow. Nobody else may use it until the pipeline has been closed or destroyed. It may be
 * destroyed at once.
 */
typedef struct posekit_pipeline_options {
  size_t struct_size;
  size_t queue_frames;       /**< Most frames before each stage; 0: see above. */
  size_t batch_frames;       /**< Most frames in one call of a model; 0 = 1 on a CPU, 8 on a GPU. */
  size_t detect_every;       /**< The detector sees every Nth frame; 0 = 1. */
  size_t detect_calls;       /**< Calls of the detector at once, up to 64; 0 = 1 on a CPU, 2 on a GPU. */
  size_t estimate_calls;     /**< The same of the estimator. */
  uint64_t batch_wait_us;    /**< Microseconds that a call waits for its batch to fill; 0: none. */
  uint64_t frame_timeout_us; /**< Microseconds after which an unfinished frame fails; 0: never. */
  posekit_overflow overflow;
  int32_t reserved;
  posekit_tracker* tracker; /**< Sets ids and smooths keypoints. NULL: no tracking. */
} posekit_pipeline_options;
/* clang-format off */
#define POSEKIT_PIPELINE_OPTIONS_INIT \
  {sizeof(posekit_pipeline_options), 0, 0, 0, 0, 0, 0, 0, POSEKIT_OVERFLOW_BLOCK, 0, NULL}
/* clang-format on */

/**
 * A frame that goes in.
 *
 * Its pixels are borrowed until `release` is called: exactly once, on any thread, also for a frame
 * that was not accepted or was dropped. It must not throw. Without `release`, the pixels must stay
 * until the sink has had the frame.
 */
typedef struct posekit_frame {
  size_t struct_size;
  posekit_image image;      /**< Borrowed until `release`. */
  const posekit_box* boxes; /**< Its people; copied. */
  size_t box_count;
  uint64_t index;                /**< Position in the stream. */
  double time_s;                 /**< Seconds from the stream's start. */
  void (*release)(void* opaque); /**< The pixels are no longer needed. NULL: nothing. */
  void* opaque;                  /**< Passed to `release` and to the sink. */
  int32_t has_boxes;             /**< 1: `boxes`, maybe none, are its people. 0: detect them. */
  int32_t reserved;
} posekit_frame;
/* clang-format off */
#define POSEKIT_FRAME_INIT \
  {sizeof(posekit_frame), {{NULL, NULL, NULL}, {0, 0, 0}, 0, 0, 0, 0, 0, 0, NULL}, NULL, 0, 0, 0, NULL, NULL, 0, 0}
/* clang-format on */

/**
 * Receives each frame that is not dropped exactly once, in the order of posekit_pipeline_submit,
 * one at a time, on one thread of the pipeline's.
 *
 * It must not throw. Of its pipeline it may call posekit_pipeline_cancel and
 * posekit_pipeline_metrics only. If memory for a result runs out it is not called: the frame
 * counts as failed, and posekit_pipeline_close returns POSEKIT_ERROR_OUT_OF_MEMORY.
 *
 * @param frame `image`, `index`, `time_s` and `opaque` as they went in, `boxes` as they were used;
 *         borrowed for the call
 * @param detected 1: the detector ran on this very frame
 * @param result of one image, whose status has any error of the frame; the sink destroys it
 * @return POSEKIT_OK; with another status the frame counts as failed, and posekit_pipeline_close
 *         returns the first such status
 */
typedef posekit_status (*posekit_sink)(void* context, const posekit_frame* frame, int32_t detected, posekit_result* result);

/**
 * How long something took, in milliseconds: the mean over all, the quantiles over the last 1024.
 * (This struct never changes.)
 */
typedef struct posekit_time_stats {
  size_t count;
  double mean;
  double p50;
  double p99;
} posekit_time_stats;

/** A stage of a pipeline. (This struct never changes.) */
typedef struct posekit_stage_metrics {
  size_t waiting;          /**< Frames that wait for the stage. */
  posekit_time_stats time; /**< One frame's share of the stage. */
} posekit_stage_metrics;

/** The stage of the estimator, with its parts. (This struct never changes.) */
typedef struct posekit_estimate_metrics {
  size_t waiting; /**< Frames that wait for the stage. */
  posekit_time_stats preprocess;
  posekit_time_stats inference;
  posekit_time_stats postprocess;
} posekit_estimate_metrics;

/** A pipeline's counts and times: accepted = delivered + failed + dropped + in_flight. */
typedef struct posekit_metrics {
  size_t struct_size; /**< Set by the caller (_INIT); only that much is written. */
  size_t accepted;    /**< Frames that were accepted. */
  size_t refused;     /**< Frames that were not accepted for lack of room. */
  size_t delivered;   /**< The sink had them, with an ok result. */
  size_t failed;      /**< The sink had them with an error, or failed itself. */
  size_t dropped;     /**< Dropped for a newer frame. The sink never sees them. */
  size_t in_flight;   /**< Not finished yet. */
  double fps;         /**< Frames a second at the sink, over the last 1024. */
  posekit_stage_metrics detect;
  posekit_estimate_metrics estimate;
  posekit_stage_metrics track; /**< `time`: one update of the tracker. */
  posekit_stage_metrics sink;  /**< `time`: one call of the sink. */
  posekit_time_stats age;      /**< From posekit_pipeline_submit to the sink. */
} posekit_metrics;
/* clang-format off */
#define POSEKIT_METRICS_INIT \
  {sizeof(posekit_metrics), 0, 0, 0, 0, 0, 0, 0, {0, {0, 0, 0, 0}}, {0, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}}, \
   {0, {0, 0, 0, 0}}, {0, {0, 0, 0, 0}}, {0, 0, 0, 0}}
/* clang-format on */

/**
 * Makes a pipeline and starts its threads: detect_calls + estimate_calls + 1, and one for a
 * tracker.
 *
 * @param predictor shared; others may use it too. Without a detector, every frame has its boxes
 * @param context passed to the sink
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_OUT_OF_MEMORY when a thread can't be started
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when an option is outside its range, or the tracker has
 *         another number of keypoints than the estimator
 */
POSEKIT_C_API posekit_status posekit_pipeline_create(const posekit_predictor* predictor, posekit_sink sink, void* context,
                                                     const posekit_pipeline_options* options, posekit_pipeline** pipeline);

/**
 * Submits a frame.
 *
 * @param control ends the wait for room, not the work on the frame
 * @param accepted 1: accepted; 0: refused (POSEKIT_OVERFLOW_REFUSE)
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_CLOSED when the pipeline was closed or cancelled
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when there are no boxes and no detector, or the sink
 *         calls it
 * @return POSEKIT_ERROR_CANCELLED or POSEKIT_ERROR_DEADLINE_EXCEEDED when the control ended the
 *         wait
 * @return POSEKIT_ERROR_FORKED when used in a forked child
 */
POSEKIT_C_API posekit_status posekit_pipeline_submit(posekit_pipeline* pipeline, const posekit_frame* frame, const posekit_control* control,
                                                     int32_t* accepted);

/**
 * Accepts no more frames, and returns when the sink has had all frames and the threads have ended.
 *
 * It may be called again.
 *
 * @param control ends the wait; the pipeline goes on with its frames
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_INVALID_ARGUMENT when the sink calls it
 * @return POSEKIT_ERROR_CANCELLED or POSEKIT_ERROR_DEADLINE_EXCEEDED when the control ended the
 *         wait
 * @return POSEKIT_ERROR_FORKED when used in a forked child
 * @return the first status other than POSEKIT_OK that the sink returned
 */
POSEKIT_C_API posekit_status posekit_pipeline_close(posekit_pipeline* pipeline, const posekit_control* control);

/**
 * Accepts no more frames and begins no more work. Does not wait.
 *
 * A batch in flight ends. Unfinished frames reach the sink as POSEKIT_ERROR_CANCELLED.
 *
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_FORKED when used in a forked child
 */
POSEKIT_C_API posekit_status posekit_pipeline_cancel(posekit_pipeline* pipeline);

/**
 * Fills the struct, as much of it as its struct_size says.
 *
 * @return POSEKIT_OK
 * @return POSEKIT_ERROR_FORKED when used in a forked child
 */
POSEKIT_C_API posekit_status posekit_pipeline_metrics(const posekit_pipeline* pipeline, posekit_metrics* metrics);

/** Cancels, then waits until the sink has had every frame. The sink must not call it. */
POSEKIT_C_API void posekit_pipeline_destroy(posekit_pipeline* pipeline);

#ifdef __cplusplus
}
#endif

#endif
