/* Loads the library while it runs, finds each listed function, and uses some: dlopen LIBRARY SYMBOLS POSE_MODEL */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <posekit_c.h>
#include <stdio.h>
#include <string.h>

static void* library;

/* The address of a function as a pointer of any kind: ISO C has no cast for it. */
static void find(const char* name, void* function) {
  void* address = dlsym(library, name);
  memcpy(function, &address, sizeof address);
}

int main(int argc, char** argv) {
  char name[256];
  int found = 0;
  FILE* symbols = NULL;
  posekit_status (*load)(const char*, const posekit_model_options*, posekit_model**);
  posekit_status (*get_info)(const posekit_model*, posekit_model_info*);
  void (*destroy)(posekit_model*);
  const char* (*message)(void);
  posekit_model* model = NULL;
  posekit_model_info info = POSEKIT_MODEL_INFO_INIT;
  if (argc != 4) return 2;
  library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return fprintf(stderr, "%s\n", dlerror()), 1;
  symbols = fopen(argv[2], "r");
  if (symbols == NULL) return 1;
  while (fscanf(symbols, "%255s", name) == 1) {
    if (dlsym(library, name) == NULL) return fprintf(stderr, "%s is not there\n", name), 1;
    ++found;
  }
  fclose(symbols);

  find("posekit_model_load", &load);
  find("posekit_model_get_info", &get_info);
  find("posekit_model_destroy", &destroy);
  find("posekit_last_error_message", &message);
  if (load("missing.pt", NULL, &model) != POSEKIT_ERROR_NOT_FOUND || strstr(message(), "missing.pt") == NULL) return 1;
  if (load(argv[3], NULL, &model) != POSEKIT_OK) return fprintf(stderr, "%s\n", message()), 1;
  if (get_info(model, &info) != POSEKIT_OK || info.keypoint_count == 0) return 1;
  destroy(model);
  printf("%d functions found\n", found);
  return found > 60 ? 0 : 1;
}
