/// The C program as C++17.
#include "every_function.c"
