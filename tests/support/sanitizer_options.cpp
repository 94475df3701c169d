// Options of the sanitizers for test programs, as if set in the environment: what is known and not ours is suppressed.

extern "C" {

const char* __asan_default_options();
const char* __lsan_default_options();
const char* __ubsan_default_options();
const char* __tsan_default_options();

const char* __asan_default_options() {
  return "detect_leaks=1:fast_unwind_on_malloc=0:detect_stack_use_after_return=1:strict_init_order=1";
}

const char* __lsan_default_options() {
  return "print_suppressions=0:suppressions=" FOVEA_SOURCE_DIR "/tests/support/lsan.supp";
}

const char* __ubsan_default_options() { return "print_stacktrace=1:halt_on_error=1"; }

const char* __tsan_default_options() {
  return "halt_on_error=0:second_deadlock_stack=1:ignore_noninstrumented_modules=1:suppressions=" FOVEA_SOURCE_DIR
         "/tests/support/tsan.supp";
}
}
