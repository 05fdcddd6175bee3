/* A library of the name and form of the one that runs models; it runs none. FAKE_VERSION: the posekit that it says it belongs to; none: it
 * has no entry. */

struct backend {
  const char* posekit_version;
  const char* torch_version;
  const void* functions;
};

#ifdef FAKE_VERSION
static const int marker = 0;

const struct backend* posekit_backend(void);
const struct backend* posekit_backend(void) {
  static const struct backend one = {FAKE_VERSION, "2.13.0", &marker};
  return &one;
}
#else
const int posekit_nothing = 0;
#endif
