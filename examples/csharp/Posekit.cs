// posekit's C interface (posekit_c.h) for C# (.NET 6 or later, 64-bit): declarations only, each as in the header, which has the promises.
//
// Put libposekit_c.so where the loader finds it. A status other than Ok throws nothing: pass it to Posekit.Check. Texts and arrays that come
// out as IntPtr live as long as the object that gave them; texts for which posekit_string_destroy is named in the header are the caller's.
// Delegates that are handed to posekit (log, executor) must be kept from the garbage collector for as long as posekit may call them.
//
//     Posekit.Check(Posekit.posekit_model_load("pose.pt", null, out IntPtr model));
//     Posekit.Check(Posekit.posekit_estimator_create(model, null, out IntPtr estimator));
//     var image = new Posekit.Image { planes = new[] { pixels, IntPtr.Zero, IntPtr.Zero }, strides = new nuint[3], width = 640, height = 480, format = Posekit.PixelFormat.Bgr8 };
//     var boxes = new[] { new Posekit.Box { x1 = 20, y1 = 10, x2 = 375, y2 = 510 } };
//     Posekit.Check(Posekit.posekit_estimator_estimate(estimator, in image, boxes, 1, IntPtr.Zero, out IntPtr result));
//     Posekit.Check(Posekit.posekit_result_copy_keypoints(result, null, 0, out nuint count));
//     var keypoints = new float[count];
//     Posekit.Check(Posekit.posekit_result_copy_keypoints(result, keypoints, count, out count));
//     Posekit.posekit_result_destroy(result);
//     Posekit.posekit_estimator_destroy(estimator);
//     Posekit.posekit_model_destroy(model);
#nullable enable
using System;
using System.Runtime.InteropServices;

public static class Posekit
{
    private const string Library = "posekit_c";

    public enum Status : int
    {
        Ok = 0, InvalidArgument = 1, NotFound = 2, UnsupportedModel = 3, InvalidModel = 4, DeviceUnavailable = 5, OutOfMemory = 6, Io = 7,
        Cancelled = 8, DeadlineExceeded = 9, Forked = 10, Closed = 11, Internal = 12
    }

    public enum LogLevel : int { Info = 0, Warning = 1 }
    public enum PixelFormat : int { Bgr8 = 0, Rgb8 = 1, Gray8 = 2, Bgra8 = 3, Rgba8 = 4 }
    public enum DeviceKind : int { Cpu = 0, Cuda = 1 }
    public enum Precision : int { Auto = 0, AsExported = 1, Fp32 = 2, Fp16 = 3, Bf16 = 4 }
    public enum WarmUp : int { Check = 0, None = 1 }
    public enum Fuse : int { Auto = 0, None = 1 }
    public enum Smoothing : int { OneEuro = 0, None = 1 }
    [Flags] public enum DetectorSet : ulong { None = 0, ScoreThreshold = 1, NmsIou = 2 }
    [Flags] public enum TrackerSet : ulong
    {
        None = 0, HighScore = 1, LowScore = 2, NewScore = 4, KeypointScore = 8, OksWeight = 16, MinSimilarity = 32, BirthS = 64,
        MaxGapS = 128, SpeedFactor = 256, SmoothingGapS = 512
    }
    public enum Overflow : int { Block = 0, Refuse = 1, Latest = 2 }

    public const ulong NoDeadline = ulong.MaxValue;
    public static readonly nuint NoIndex = nuint.MaxValue;

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate void LogFunction(IntPtr context, LogLevel level, IntPtr message);
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate void Task(IntPtr context, nuint index, nuint slot);
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate Status Run(IntPtr opaque, nuint count, IntPtr task, IntPtr taskContext);
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate void Destroy(IntPtr opaque);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate Status Sink(IntPtr context, in Frame frame, int detected, IntPtr result);

    [StructLayout(LayoutKind.Sequential)]
    public struct Image
    {
        [MarshalAs(UnmanagedType.ByValArray, SizeConst = 3)] public IntPtr[] planes;
        [MarshalAs(UnmanagedType.ByValArray, SizeConst = 3)] public nuint[] strides;
        public int width;
        public int height;
        public PixelFormat format;
        public DeviceKind device;
        public int device_index;
        public int reserved;
        public IntPtr stream;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Box { public double x1; public double y1; public double x2; public double y2; public float score; public int reserved; }

    [StructLayout(LayoutKind.Sequential)]
    public struct ImageBoxes { public Image image; public IntPtr boxes; public nuint box_count; }

    [StructLayout(LayoutKind.Sequential)]
    public struct PredictorInput { public Image image; public IntPtr boxes; public nuint box_count; public int has_boxes; public int reserved; }

    [StructLayout(LayoutKind.Sequential)]
    public struct Link { public nuint a; public nuint b; }

    // Structs that grow are classes here: null means all defaults, and the constructor sets struct_size as _INIT does in C.

    [StructLayout(LayoutKind.Sequential)]
    public sealed class ExecutorCallbacks
    {
        public nuint struct_size = (nuint)Marshal.SizeOf<ExecutorCallbacks>();
        public IntPtr opaque;
        public nuint slots;
        public Run? run;
        public Destroy? destroy;
    }

    [StructLayout(LayoutKind.Sequential)]
    public sealed class ModelOptions
    {
        public nuint struct_size = (nuint)Marshal.SizeOf<ModelOptions>();
        [MarshalAs(UnmanagedType.LPUTF8Str)] public string? metadata_json;
        [MarshalAs(UnmanagedType.LPUTF8Str)] public string? metadata_file;
        [MarshalAs(UnmanagedType.LPUTF8Str)] public string? metadata_preset;
        [MarshalAs(UnmanagedType.LPUTF8Str)] public string? sha256;
        [MarshalAs(UnmanagedType.LPUTF8Str)] public string? device;
        public Precision precision;
        public WarmUp warm_up;
        public Fuse fuse;
        public int reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    public sealed class TrackerOptions
    {
        public nuint struct_size = (nuint)Marshal.SizeOf<TrackerOptions>();
        public TrackerSet set;
        public double high_score;
        public double low_score;
        public double new_score;
        public double keypoint_score;
        public double oks_weight;
        public double min_similarity;
        public double birth_s;
        public double max_gap_s;
        public Smoothing smoothing;
        public int reserved;
        public double min_cutoff_hz;
        public double speed_factor;
        public double speed_cutoff_hz;
        public double smoothing_gap_s;
        public double jump;
    }

    [StructLayout(LayoutKind.Sequential)]
    public sealed class ModelInfo
    {
        public nuint struct_size = (nuint)Marshal.SizeOf<ModelInfo>();
        public IntPtr name;
        public IntPtr task;
        public IntPtr codec;
        public IntPtr device;
        public nuint keypoint_count;
        public int input_width;
        public int input_height;
        public int is_fused;
        public int reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    public sealed class EstimatorOptions
    {
        public nuint struct_size = (nuint)Marshal.SizeOf<EstimatorOptions>();
        public IntPtr executor;
        public nuint max_batch;
        public double box_padding;
        public IntPtr keypoints; // of UTF-8 texts that end with 0
        public nuint keypoint_count;
        public int flip_test;
        public int reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    public sealed class DetectorOptions
    {
        public nuint struct_size = (nuint)Marshal.SizeOf<DetectorOptions>();
        public IntPtr executor;
        public nuint max_batch;
        public DetectorSet set;
        public double score_threshold;
        public double nms_iou;
        public nuint max_persons;
        public IntPtr tiles; // of doubles
        public nuint tile_count;
    }

    [StructLayout(LayoutKind.Sequential)]
    public sealed class MemoryReport
    {
        public nuint struct_size = (nuint)Marshal.SizeOf<MemoryReport>();
        public ulong weights;
        public ulong batch;
        public ulong person;
        public ulong available;
        public nuint largest_batch;
        public int has_available;
        public int reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    public sealed class Timings
    {
        public nuint struct_size = (nuint)Marshal.SizeOf<Timings>();
        public double decode;
        public double detect;
        public double preprocess;
        public double inference;
        public double postprocess;
    }

    public sealed class Error : Exception
    {
        public Status Code { get; }
        public Error(Status code, string message) : base(message) => Code = code;
    }

    /// <summary>Throws what the last call of this thread says, unless it went well.</summary>
    public static void Check(Status status)
    {
        if (status != Status.Ok) throw new Error(status, Marshal.PtrToStringUTF8(posekit_last_error_message()) ?? "");
    }

    [DllImport(Library)] public static extern IntPtr posekit_last_error_message();
    [DllImport(Library)] public static extern IntPtr posekit_status_name(Status status);
    [DllImport(Library)] public static extern IntPtr posekit_version();
    [DllImport(Library)] public static extern int posekit_version_number();
    [DllImport(Library)] public static extern Status posekit_torch_versions(out IntPtr builtFor, out IntPtr running);
    [DllImport(Library)] public static extern Status posekit_set_backend_folder([MarshalAs(UnmanagedType.LPUTF8Str)] string folder);
    [DllImport(Library)] public static extern Status posekit_built_with_cuda(out int builtWithCuda);
    [DllImport(Library)] public static extern Status posekit_usable_cpus(out nuint cpus);
    [DllImport(Library)] public static extern Status posekit_set_torch_threads(int threads);
    [DllImport(Library)] public static extern Status posekit_torch_threads(out int threads);
    [DllImport(Library)] public static extern Status posekit_torch_tf32(out int allowed);
    [DllImport(Library)] public static extern Status posekit_set_torch_tf32(int allowed);
    [DllImport(Library)] public static extern Status posekit_keep_freed_memory(out int applied);
    [DllImport(Library)] public static extern Status posekit_set_device_memory_limit([MarshalAs(UnmanagedType.LPUTF8Str)] string device, ulong bytes);
    [DllImport(Library)] public static extern Status posekit_set_log_callback(LogFunction? function, IntPtr context);
    [DllImport(Library)] public static extern void posekit_string_destroy(IntPtr text);
    [DllImport(Library)] public static extern Status posekit_executor_create_serial(out IntPtr executor);
    [DllImport(Library)] public static extern Status posekit_executor_create_thread_pool(nuint threads, out IntPtr executor);
    [DllImport(Library)] public static extern Status posekit_executor_create_custom([In] ExecutorCallbacks callbacks, out IntPtr executor);
    [DllImport(Library)] public static extern Status posekit_executor_slots(IntPtr executor, out nuint slots);
    [DllImport(Library)] public static extern Status posekit_executor_parallel_for(IntPtr executor, nuint count, Task task, IntPtr context);
    [DllImport(Library)] public static extern void posekit_executor_destroy(IntPtr executor);
    [DllImport(Library)] public static extern Status posekit_control_create(out IntPtr control);
    [DllImport(Library)] public static extern Status posekit_control_cancel(IntPtr control);
    [DllImport(Library)] public static extern Status posekit_control_set_deadline(IntPtr control, ulong nanosecondsFromNow);
    [DllImport(Library)] public static extern void posekit_control_destroy(IntPtr control);
    [DllImport(Library)] public static extern Status posekit_builtin_keypoint_set_count(out nuint count);
    [DllImport(Library)] public static extern Status posekit_builtin_keypoint_set_name(nuint index, out IntPtr name);
    [DllImport(Library)] public static extern Status posekit_keypoint_set_create_builtin([MarshalAs(UnmanagedType.LPUTF8Str)] string? name,
        out IntPtr set);
    [DllImport(Library)] public static extern Status posekit_keypoint_set_create_from_json([MarshalAs(UnmanagedType.LPUTF8Str)] string? json,
        out IntPtr set);
    [DllImport(Library)] public static extern Status posekit_keypoint_set_create_subset(IntPtr set, nuint[]? indices, nuint count,
        out IntPtr subset);
    [DllImport(Library)] public static extern Status posekit_keypoint_set_select(IntPtr set, IntPtr[]? names, nuint nameCount,
        [Out] nuint[]? indices, nuint capacity, out nuint count);
    [DllImport(Library)] public static extern Status posekit_keypoint_set_name(IntPtr set, out IntPtr name);
    [DllImport(Library)] public static extern Status posekit_keypoint_set_provenance(IntPtr set, out IntPtr provenance);
    [DllImport(Library)] public static extern Status posekit_keypoint_set_size(IntPtr set, out nuint size);
    [DllImport(Library)] public static extern Status posekit_keypoint_set_keypoint_name(IntPtr set, nuint index, out IntPtr name);
    [DllImport(Library)] public static extern Status posekit_keypoint_set_keypoint_swap(IntPtr set, nuint index, out nuint swap);
    [DllImport(Library)] public static extern Status posekit_keypoint_set_can_mirror(IntPtr set, out int canMirror);
    [DllImport(Library)] public static extern Status posekit_keypoint_set_links(IntPtr set, out IntPtr links, out nuint count);
    [DllImport(Library)] public static extern Status posekit_keypoint_set_sigmas(IntPtr set, out IntPtr sigmas, out nuint count);
    [DllImport(Library)] public static extern Status posekit_keypoint_set_subset_count(IntPtr set, out nuint count);
    [DllImport(Library)] public static extern Status posekit_keypoint_set_subset_name(IntPtr set, nuint index, out IntPtr name);
    [DllImport(Library)] public static extern void posekit_keypoint_set_destroy(IntPtr set);
    [DllImport(Library)] public static extern Status posekit_model_preset_count(out nuint count);
    [DllImport(Library)] public static extern Status posekit_model_preset_name(nuint index, out IntPtr name);
    [DllImport(Library)] public static extern Status posekit_model_load([MarshalAs(UnmanagedType.LPUTF8Str)] string? path,
        [In] ModelOptions? options, out IntPtr model);
    [DllImport(Library)] public static extern Status posekit_model_load_from_memory(byte[] data, nuint size, [In] ModelOptions? options,
        out IntPtr model);
    [DllImport(Library)] public static extern Status posekit_model_get_info(IntPtr model, [In, Out] ModelInfo info);
    [DllImport(Library)] public static extern Status posekit_model_metadata_json(IntPtr model, out IntPtr json);
    [DllImport(Library)] public static extern Status posekit_model_measure_memory(IntPtr model, [In, Out] MemoryReport report);
    [DllImport(Library)] public static extern void posekit_model_destroy(IntPtr model);
    [DllImport(Library)] public static extern Status posekit_inspect_model([MarshalAs(UnmanagedType.LPUTF8Str)] string? path,
        [In] ModelOptions? options, out IntPtr json);
    [DllImport(Library)] public static extern Status posekit_estimator_create(IntPtr model, [In] EstimatorOptions? options,
        out IntPtr estimator);
    [DllImport(Library)] public static extern Status posekit_estimator_keypoint_set(IntPtr estimator, out IntPtr set);
    [DllImport(Library)] public static extern Status posekit_estimator_estimate(IntPtr estimator, in Image image, Box[]? boxes,
        nuint boxCount, IntPtr control, out IntPtr result);
    [DllImport(Library)] public static extern Status posekit_estimator_estimate_batch(IntPtr estimator, ImageBoxes[]? images,
        nuint imageCount, IntPtr control, out IntPtr result);
    [DllImport(Library)] public static extern void posekit_estimator_destroy(IntPtr estimator);
    [DllImport(Library)] public static extern Status posekit_result_image_count(IntPtr result, out nuint count);
    [DllImport(Library)] public static extern Status posekit_result_keypoint_count(IntPtr result, out nuint count);
    [DllImport(Library)] public static extern Status posekit_result_status(IntPtr result, nuint image, out Status status,
        out IntPtr message);
    [DllImport(Library)] public static extern Status posekit_result_keypoints(IntPtr result, nuint image, out IntPtr keypoints,
        out nuint persons);
    [DllImport(Library)] public static extern Status posekit_result_boxes(IntPtr result, nuint image, out IntPtr boxes, out nuint persons);
    [DllImport(Library)] public static extern Status posekit_result_box_indices(IntPtr result, nuint image, out IntPtr indices,
        out nuint persons);
    [DllImport(Library)] public static extern Status posekit_result_input_boxes(IntPtr result, nuint image, out IntPtr boxes,
        out nuint count);
    [DllImport(Library)] public static extern Status posekit_result_detected(IntPtr result, nuint image, out int detected);
    [DllImport(Library)] public static extern Status posekit_result_track_ids(IntPtr result, nuint image, out IntPtr trackIds,
        out nuint persons);
    [DllImport(Library)] public static extern Status posekit_result_box_error_count(IntPtr result, nuint image, out nuint count);
    [DllImport(Library)] public static extern Status posekit_result_box_error(IntPtr result, nuint image, nuint error,
        out nuint boxIndex, out Status status, out IntPtr message);
    [DllImport(Library)] public static extern Status posekit_result_timings(IntPtr result, nuint image, [In, Out] Timings timings);
    [DllImport(Library)] public static extern Status posekit_result_copy_keypoints(IntPtr result, [Out] float[]? keypoints, nuint capacity,
        out nuint count);
    [DllImport(Library)] public static extern Status posekit_result_json(IntPtr result, nuint image,
        [MarshalAs(UnmanagedType.LPUTF8Str)] string? path, out IntPtr json);
    [DllImport(Library)] public static extern Status posekit_result_coco_entries(IntPtr result, nuint image, long imageId,
        [MarshalAs(UnmanagedType.LPUTF8Str)] string? fileName, out IntPtr json);
    [DllImport(Library)] public static extern void posekit_result_destroy(IntPtr result);
    [DllImport(Library)] public static extern Status posekit_object_keypoint_similarity(float[]? pose, float[]? labelled,
        double[]? sigmas, nuint count, double area, out double similarity);
    [DllImport(Library)] public static extern Status posekit_detector_create(IntPtr model, [In] DetectorOptions? options,
        out IntPtr detector);
    [DllImport(Library)] public static extern Status posekit_detector_detect(IntPtr detector, in Image image, IntPtr control,
        out IntPtr detections);
    [DllImport(Library)] public static extern Status posekit_detector_detect_batch(IntPtr detector, Image[]? images, nuint imageCount,
        IntPtr control, out IntPtr detections);
    [DllImport(Library)] public static extern void posekit_detector_destroy(IntPtr detector);
    [DllImport(Library)] public static extern Status posekit_detections_image_count(IntPtr detections, out nuint count);
    [DllImport(Library)] public static extern Status posekit_detections_status(IntPtr detections, nuint image, out Status status,
        out IntPtr message);
    [DllImport(Library)] public static extern Status posekit_detections_boxes(IntPtr detections, nuint image, out IntPtr boxes,
        out nuint count);
    [DllImport(Library)] public static extern Status posekit_detections_timings(IntPtr detections, nuint image, [In, Out] Timings timings);
    [DllImport(Library)] public static extern void posekit_detections_destroy(IntPtr detections);
    [DllImport(Library)] public static extern Status posekit_predictor_create(IntPtr estimator, IntPtr detector, out IntPtr predictor);
    [DllImport(Library)] public static extern Status posekit_predictor_predict(IntPtr predictor, in Image image, IntPtr control,
        out IntPtr result);
    [DllImport(Library)] public static extern Status posekit_predictor_predict_batch(IntPtr predictor, PredictorInput[]? images,
        nuint imageCount, IntPtr control, out IntPtr result);
    [DllImport(Library)] public static extern void posekit_predictor_destroy(IntPtr predictor);
    [DllImport(Library)] public static extern Status posekit_tracker_create(IntPtr set, [In] TrackerOptions? options, out IntPtr tracker);
    [DllImport(Library)] public static extern Status posekit_tracker_update(IntPtr tracker, double timeS, IntPtr result, nuint image,
        out IntPtr tracked);
    [DllImport(Library)] public static extern Status posekit_tracker_predict(IntPtr tracker, double timeS, [Out] Box[]? boxes,
        nuint capacity, out nuint count);
    [DllImport(Library)] public static extern Status posekit_tracker_reset(IntPtr tracker);
    [DllImport(Library)] public static extern Status posekit_tracker_save(IntPtr tracker, out IntPtr json);
    [DllImport(Library)] public static extern Status posekit_tracker_restore(IntPtr tracker,
        [MarshalAs(UnmanagedType.LPUTF8Str)] string? json);
    [DllImport(Library)] public static extern void posekit_tracker_destroy(IntPtr tracker);

    [StructLayout(LayoutKind.Sequential)]
    public class PipelineOptions
    {
        public nuint struct_size = (nuint)Marshal.SizeOf<PipelineOptions>();
        public nuint queue_frames;
        public nuint batch_frames;
        public nuint detect_every;
        public nuint detect_calls;
        public nuint estimate_calls;
        public ulong batch_wait_us;
        public ulong frame_timeout_us;
        public Overflow overflow;
        public int reserved;
        public IntPtr tracker;
    }

    // Pixels, boxes, release and opaque are unmanaged: pin or copy what they point to until release was called.
    [StructLayout(LayoutKind.Sequential)]
    public struct Frame
    {
        public nuint struct_size;
        public Image image;
        public IntPtr boxes;
        public nuint box_count;
        public ulong index;
        public double time_s;
        public IntPtr release;
        public IntPtr opaque;
        public int has_boxes;
        public int reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct TimeStats { public nuint count; public double mean; public double p50; public double p99; }

    [StructLayout(LayoutKind.Sequential)]
    public struct StageMetrics { public nuint waiting; public TimeStats time; }

    [StructLayout(LayoutKind.Sequential)]
    public struct EstimateMetrics { public nuint waiting; public TimeStats preprocess; public TimeStats inference; public TimeStats postprocess; }

    [StructLayout(LayoutKind.Sequential)]
    public class Metrics
    {
        public nuint struct_size = (nuint)Marshal.SizeOf<Metrics>();
        public nuint accepted;
        public nuint refused;
        public nuint delivered;
        public nuint failed;
        public nuint dropped;
        public nuint in_flight;
        public double fps;
        public StageMetrics detect;
        public EstimateMetrics estimate;
        public StageMetrics track;
        public StageMetrics sink;
        public TimeStats age;
    }

    [DllImport(Library)] public static extern Status posekit_pipeline_create(IntPtr predictor, Sink sink, IntPtr context,
        PipelineOptions? options, out IntPtr pipeline);
    [DllImport(Library)] public static extern Status posekit_pipeline_submit(IntPtr pipeline, in Frame frame, IntPtr control,
        out int accepted);
    [DllImport(Library)] public static extern Status posekit_pipeline_close(IntPtr pipeline, IntPtr control);
    [DllImport(Library)] public static extern Status posekit_pipeline_cancel(IntPtr pipeline);
    [DllImport(Library)] public static extern Status posekit_pipeline_metrics(IntPtr pipeline, [In, Out] Metrics metrics);
    [DllImport(Library)] public static extern void posekit_pipeline_destroy(IntPtr pipeline);
}
