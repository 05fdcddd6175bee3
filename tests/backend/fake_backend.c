/* A library of the name and form of the one that runs models; it runs none. FAKE_VERSION: the posekit that it says it belongs to; none: it
   has no entry. FAKE_BUILT_FOR: the Torch that it says it was built for; none: the one that its file's name says. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

struct backend {
  const char* posekit_version;
  const char* torch_version;
  const void* functions;
};

#ifdef FAKE_VERSION
static const int marker = 0;

const struct backend* posekit_backend(void);
const struct backend* posekit_backend(void) {
#ifdef FAKE_BUILT_FOR
  static const char torch[] = FAKE_BUILT_FOR;
#else
  static char torch[32];
  Dl_info info;
  int minor = 0;
  if (dladdr(&marker, &info) == 0 || sscanf(strrchr(info.dli_fname, '-'), "-2.%d.so", &minor) != 1) return NULL;
  (void)snprintf(torch, sizeof torch, "2.%d.0", minor);
#endif
  static struct backend one = {FAKE_VERSION, torch, &marker};
  return &one;
}
#else
const int posekit_nothing = 0;
#endif
