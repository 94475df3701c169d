// Tells ThreadSanitizer what GLib's locks and queues order: they are futexes of GLib's own, which it does not see.
// Calls from GStreamer and from tests come here first, because the program's symbols win over those of libraries.

#include <dlfcn.h>
#include <glib.h>

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}

namespace {

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#define FOVEA_REAL(name) static auto* const next = real<decltype(name)>(#name)

extern "C" {

void g_mutex_lock(GMutex* mutex) {
  FOVEA_REAL(g_mutex_lock);
  next(mutex);
  __tsan_acquire(mutex);
}

gboolean g_mutex_trylock(GMutex* mutex) {
  FOVEA_REAL(g_mutex_trylock);
  const gboolean locked = next(mutex);
  if (locked != FALSE) {
    __tsan_acquire(mutex);
  }
  return locked;
}

void g_mutex_unlock(GMutex* mutex) {
  FOVEA_REAL(g_mutex_unlock);
  __tsan_release(mutex);
  next(mutex);
}

void g_rec_mutex_lock(GRecMutex* mutex) {
  FOVEA_REAL(g_rec_mutex_lock);
  next(mutex);
  __tsan_acquire(mutex);
}

gboolean g_rec_mutex_trylock(GRecMutex* mutex) {
  FOVEA_REAL(g_rec_mutex_trylock);
  const gboolean locked = next(mutex);
  if (locked != FALSE) {
    __tsan_acquire(mutex);
  }
  return locked;
}

void g_rec_mutex_unlock(GRecMutex* mutex) {
  FOVEA_REAL(g_rec_mutex_unlock);
  __tsan_release(mutex);
  next(mutex);
}

void g_cond_wait(GCond* condition, GMutex* mutex) {
  FOVEA_REAL(g_cond_wait);
  __tsan_release(mutex);
  next(condition, mutex);
  __tsan_acquire(mutex);
}

gboolean g_cond_wait_until(GCond* condition, GMutex* mutex, gint64 end) {
  FOVEA_REAL(g_cond_wait_until);
  __tsan_release(mutex);
  const gboolean woken = next(condition, mutex, end);
  __tsan_acquire(mutex);
  return woken;
}

void g_async_queue_push(GAsyncQueue* queue, gpointer data) {
  FOVEA_REAL(g_async_queue_push);
  __tsan_release(queue);
  next(queue, data);
}

gpointer g_async_queue_try_pop(GAsyncQueue* queue) {
  FOVEA_REAL(g_async_queue_try_pop);
  gpointer data = next(queue);
  __tsan_acquire(queue);
  return data;
}

gpointer g_async_queue_pop(GAsyncQueue* queue) {
  FOVEA_REAL(g_async_queue_pop);
  gpointer data = next(queue);
  __tsan_acquire(queue);
  return data;
}

gpointer g_async_queue_timeout_pop(GAsyncQueue* queue, guint64 timeout) {
  FOVEA_REAL(g_async_queue_timeout_pop);
  gpointer data = next(queue, timeout);
  __tsan_acquire(queue);
  return data;
}
}
