// Kernel calls that Node lacks: mount, umount2, loop devices, pidfds in the event loop, the timeout of a watchdog; and a start of programs that
// does not stop the event loop. Plain Node-API and libuv, so one file serves every Node from 18 on. No policy: each function makes
// its calls and throws { errno, syscall } when one of them fails. `native-kernel.ts` gives this its types.
//
// mount of tmpfs, overlays and binds runs on the calling thread: 0.1 ms, no disk involved. Setting up a loop device
// may wait tens of milliseconds on a busy system, umount2 writes back whole file systems, and a program is started
// only when the kernel gets to it: those three run in the thread pool.

#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/watchdog.h>
#include <node_api.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#ifndef LOOP_CONFIGURE
#define LOOP_CONFIGURE 0x4C0A
struct loop_config {
  __u32 fd;
  __u32 block_size;
  struct loop_info64 info;
  __u64 reserved[8];
};
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

enum { LOOP_ATTEMPTS = 64, LOOP_SEARCH = 4096 };

// A failed call of our own use of Node-API is a bug in this file.
#define MUST(call)                                                          \
  do {                                                                      \
    if ((call) != napi_ok) napi_fatal_error("sysx", NAPI_AUTO_LENGTH, #call, NAPI_AUTO_LENGTH); \
  } while (0)

static napi_value failure(napi_env env, int error, const char *call) {
  napi_value message, result, number, name;
  MUST(napi_create_string_utf8(env, call, NAPI_AUTO_LENGTH, &message));
  MUST(napi_create_error(env, NULL, message, &result));
  MUST(napi_create_int32(env, error, &number));
  MUST(napi_create_string_utf8(env, call, NAPI_AUTO_LENGTH, &name));
  MUST(napi_set_named_property(env, result, "errno", number));
  MUST(napi_set_named_property(env, result, "syscall", name));
  return result;
}

static napi_value throw_errno(napi_env env, int error, const char *call) {
  napi_throw(env, failure(env, error, call));
  return NULL;
}

static napi_value undefined(napi_env env) {
  napi_value value;
  MUST(napi_get_undefined(env, &value));
  return value;
}

// The string argument as a fresh C string; NULL for anything that is no string.
static char *string_of(napi_env env, napi_value value) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return NULL;
  char *text = malloc(length + 1);
  if (text == NULL) abort();
  MUST(napi_get_value_string_utf8(env, value, text, length + 1, &length));
  return text;
}

static int32_t int_of(napi_env env, napi_value value) {
  int32_t number = 0;
  MUST(napi_get_value_int32(env, value, &number));
  return number;
}

static napi_value number(napi_env env, int32_t value) {
  napi_value result;
  MUST(napi_create_int32(env, value, &result));
  return result;
}

// mount(source, target, fsType | null, flags, data | null)
static napi_value js_mount(napi_env env, napi_callback_info info) {
  napi_value argv[5];
  size_t argc = 5;
  MUST(napi_get_cb_info(env, info, &argc, argv, NULL, NULL));
  char *source = string_of(env, argv[0]), *target = string_of(env, argv[1]);
  char *type = string_of(env, argv[2]), *data = string_of(env, argv[4]);
  int error = mount(source, target, type, (unsigned)int_of(env, argv[3]), data) == 0 ? 0 : errno;
  free(source), free(target), free(type), free(data);
  return error == 0 ? undefined(env) : throw_errno(env, error, "mount");
}

// Binds `image` to the open loop device. Kernels before 5.8 lack LOOP_CONFIGURE and answer EINVAL.
static int configure(int device, int image, const char *path) {
  struct loop_config config;
  memset(&config, 0, sizeof config);
  config.fd = (unsigned)image;
  config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
  snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", path);
  if (ioctl(device, LOOP_CONFIGURE, &config) == 0) return 0;
  if (errno != EINVAL && errno != ENOTTY) return -1;
  if (ioctl(device, LOOP_SET_FD, image) != 0) return -1;
  if (ioctl(device, LOOP_SET_STATUS64, &config.info) == 0) return 0;
  int error = errno;
  ioctl(device, LOOP_CLR_FD, 0);
  errno = error;
  return -1;
}

// Number of a loop device that may be free: the kernel's choice, or, where the search has a beginning, the next one from
// there, made when there is none.
static int candidate(int control, int base, int attempt, bool *made, const char **call) {
  *made = false;
  if (base < 0) {
    *call = "LOOP_CTL_GET_FREE";
    return ioctl(control, LOOP_CTL_GET_FREE);
  }
  *call = "LOOP_CTL_ADD";
  *made = ioctl(control, LOOP_CTL_ADD, base + attempt) >= 0;
  return *made || errno == EEXIST ? base + attempt : -1;
}

// A loop device showing the open image; -1, errno and `call` otherwise. Somebody else may take the device that
// was free a moment ago, or be just making it: then the next one is tried.
static int attach(int image, const char *path, int base, char *name, size_t size, const char **call) {
  int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  *call = "open /dev/loop-control";
  if (control < 0) return -1;
  int device = -1;
  for (int attempt = 0; attempt < (base < 0 ? LOOP_ATTEMPTS : LOOP_SEARCH); attempt++) {
    bool made;
    int index = candidate(control, base, attempt, &made, call);
    if (index < 0) break;
    *call = "open loop device";
    snprintf(name, size, "/dev/loop%d", index);
    device = open(name, O_RDONLY | O_CLOEXEC);
    if (device < 0 && base >= 0 && !made && (errno == ENOENT || errno == ENXIO)) continue;
    if (device < 0) break;
    *call = "LOOP_CONFIGURE";
    if (configure(device, image, path) == 0) break;
    int error = errno;
    close(device);
    device = -1;
    errno = error;
    if (error != EBUSY) break;
  }
  int error = errno;
  close(control);
  errno = error;
  return device;
}

// detachLoop(device)
static napi_value js_detach_loop(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  MUST(napi_get_cb_info(env, info, &argc, argv, NULL, NULL));
  char *path = string_of(env, argv[0]);
  const char *call = "open";
  int device = open(path, O_RDONLY | O_CLOEXEC);
  int error = device < 0 ? errno : 0;
  if (device >= 0) {
    call = "LOOP_CLR_FD";
    if (ioctl(device, LOOP_CLR_FD, 0) != 0) error = errno;
    close(device);
  }
  free(path);
  return error == 0 ? undefined(env) : throw_errno(env, error, call);
}

// A call that may wait for a disk, made in the thread pool; its promise gets undefined or the failure.
struct task {
  napi_async_work work;
  napi_deferred deferred;
  char *image, *target, *type;
  // Where the search for a loop device begins; -1: anywhere.
  int loop_base;
  char **argv;
  const char *call;
  int error;
  // What the promise gets; 0 for undefined.
  int result;
};

static void unmount_now(napi_env env, void *data) {
  (void)env;
  struct task *task = data;
  task->call = "umount2";
  task->error = umount2(task->target, UMOUNT_NOFOLLOW) == 0 ? 0 : errno;
}

// The device frees itself at its last close, so it must stay open until it is mounted.
static void mount_image_now(napi_env env, void *data) {
  (void)env;
  struct task *task = data;
  char name[32];
  int device = -1;
  task->call = "open";
  int image = open(task->image, O_RDONLY | O_CLOEXEC);
  if (image >= 0) device = attach(image, task->image, task->loop_base, name, sizeof name, &task->call);
  if (device < 0) {
    task->error = errno;
  } else if (mount(name, task->target, task->type, MS_RDONLY, NULL) != 0) {
    task->error = errno;
    task->call = "mount";
  }
  if (device >= 0) close(device);
  if (image >= 0) close(image);
}

static void task_done(napi_env env, napi_status status, void *data) {
  (void)status;
  struct task *task = data;
  napi_value result = task->result == 0 ? undefined(env) : number(env, task->result);
  if (task->error == 0) MUST(napi_resolve_deferred(env, task->deferred, result));
  else MUST(napi_reject_deferred(env, task->deferred, failure(env, task->error, task->call)));
  MUST(napi_delete_async_work(env, task->work));
  free(task->image), free(task->target), free(task->type);
  for (char **word = task->argv; word != NULL && *word != NULL; word++) free(*word);
  free(task->argv);
  free(task);
}

static napi_value begin(napi_env env, struct task parts, napi_async_execute_callback now) {
  napi_value name, promise;
  struct task *task = malloc(sizeof *task);
  if (task == NULL) abort();
  *task = parts;
  MUST(napi_create_promise(env, &task->deferred, &promise));
  MUST(napi_create_string_utf8(env, "sysx", NAPI_AUTO_LENGTH, &name));
  MUST(napi_create_async_work(env, NULL, name, now, task_done, task, &task->work));
  MUST(napi_queue_async_work(env, task->work));
  return promise;
}

// unmount(target): Promise
static napi_value js_unmount(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  MUST(napi_get_cb_info(env, info, &argc, argv, NULL, NULL));
  return begin(env, (struct task){.target = string_of(env, argv[0])}, unmount_now);
}

// mountImage(image, target, fsType, loopBase = -1): Promise
static napi_value js_mount_image(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  size_t argc = 4;
  MUST(napi_get_cb_info(env, info, &argc, argv, NULL, NULL));
  struct task task = {
      .image = string_of(env, argv[0]),
      .target = string_of(env, argv[1]),
      .type = string_of(env, argv[2]),
      .loop_base = argc > 3 ? int_of(env, argv[3]) : -1};
  return begin(env, task, mount_image_now);
}

// In a session of its own, from the root directory and without a file of ours, so that it outlives us. Only the
// worker's thread waits for the exec.
static void launch_now(napi_env env, void *data) {
  (void)env;
  struct task *task = data;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  task->call = "posix_spawn";
  task->error = posix_spawnattr_init(&attributes);
  if (task->error != 0) return;
  task->error = posix_spawn_file_actions_init(&actions);
  if (task->error != 0) {
    posix_spawnattr_destroy(&attributes);
    return;
  }
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  task->error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
  if (task->error == 0) task->error = posix_spawn_file_actions_adddup2(&actions, 0, 1);
  if (task->error == 0) task->error = posix_spawn_file_actions_adddup2(&actions, 0, 2);
  if (task->error == 0) task->error = posix_spawn_file_actions_addchdir_np(&actions, "/");
  if (task->error == 0) {
    task->error = posix_spawnp(&task->result, task->argv[0], &actions, &attributes, task->argv, environ);
  }
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
}

// launch(argv): Promise of the pid, which must be reaped
static napi_value js_launch(napi_env env, napi_callback_info info) {
  napi_value argv[1], word;
  size_t argc = 1;
  uint32_t length;
  MUST(napi_get_cb_info(env, info, &argc, argv, NULL, NULL));
  MUST(napi_get_array_length(env, argv[0], &length));
  char **words = calloc(length + 1, sizeof *words);
  if (words == NULL) abort();
  for (uint32_t i = 0; i < length; i++) {
    MUST(napi_get_element(env, argv[0], i, &word));
    words[i] = string_of(env, word);
  }
  return begin(env, (struct task){.argv = words}, launch_now);
}

// A watched pidfd. Freed when both the event loop and JavaScript have let go of it.
struct watch {
  uv_poll_t poll;
  napi_env env;
  napi_ref callback;
  napi_async_context context;
  int fd;
  int owners;
};

static void disown(struct watch *watch) {
  if (--watch->owners == 0) free(watch);
}

static void watch_closed(uv_handle_t *handle) {
  struct watch *watch = handle->data;
  disown(watch);
}

static void watch_end(struct watch *watch) {
  if (watch->fd < 0) return;
  uv_poll_stop(&watch->poll);
  close(watch->fd);
  watch->fd = -1;
  MUST(napi_delete_reference(watch->env, watch->callback));
  MUST(napi_async_destroy(watch->env, watch->context));
  uv_close((uv_handle_t *)&watch->poll, watch_closed);
}

static void watch_fired(uv_poll_t *handle, int status, int events) {
  (void)status, (void)events;
  struct watch *watch = handle->data;
  napi_env env = watch->env;
  napi_handle_scope scope;
  napi_value callback, receiver, thrown;
  MUST(napi_open_handle_scope(env, &scope));
  MUST(napi_get_reference_value(env, watch->callback, &callback));
  MUST(napi_get_global(env, &receiver));
  uv_poll_stop(handle);
  if (napi_make_callback(env, watch->context, receiver, callback, 0, NULL, NULL) == napi_pending_exception) {
    if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) napi_fatal_exception(env, thrown);
  }
  watch_end(watch);
  napi_close_handle_scope(env, scope);
}

static void watch_forgotten(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  disown(data);
}

// watch(pid, gone): handle for `unwatch` and `signal`
static napi_value js_watch(napi_env env, napi_callback_info info) {
  napi_value argv[2], name, handle;
  size_t argc = 2;
  MUST(napi_get_cb_info(env, info, &argc, argv, NULL, NULL));
  int fd = (int)syscall(SYS_pidfd_open, int_of(env, argv[0]), 0);
  if (fd < 0) return throw_errno(env, errno, "pidfd_open");
  struct watch *watch = calloc(1, sizeof *watch);
  if (watch == NULL) abort();
  uv_loop_t *loop;
  MUST(napi_get_uv_event_loop(env, &loop));
  int status = uv_poll_init(loop, &watch->poll, fd);
  if (status != 0) {
    free(watch);
    close(fd);
    return throw_errno(env, -status, "uv_poll_init");
  }
  watch->poll.data = watch;
  watch->env = env;
  watch->fd = fd;
  watch->owners = 2;
  MUST(napi_create_reference(env, argv[1], 1, &watch->callback));
  MUST(napi_create_string_utf8(env, "pidfd", NAPI_AUTO_LENGTH, &name));
  MUST(napi_async_init(env, NULL, name, &watch->context));
  MUST(napi_create_external(env, watch, watch_forgotten, NULL, &handle));
  uv_poll_start(&watch->poll, UV_READABLE, watch_fired);
  return handle;
}

static struct watch *watch_of(napi_env env, napi_value value) {
  void *watch;
  MUST(napi_get_value_external(env, value, &watch));
  return watch;
}

// unwatch(handle)
static napi_value js_unwatch(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  MUST(napi_get_cb_info(env, info, &argc, argv, NULL, NULL));
  watch_end(watch_of(env, argv[0]));
  return undefined(env);
}

// signal(handle, number): the process that is watched, never one that took over its pid
static napi_value js_signal(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  size_t argc = 2;
  MUST(napi_get_cb_info(env, info, &argc, argv, NULL, NULL));
  struct watch *watch = watch_of(env, argv[0]);
  if (watch->fd < 0) return throw_errno(env, ESRCH, "pidfd_send_signal");
  long result = syscall(SYS_pidfd_send_signal, watch->fd, int_of(env, argv[1]), NULL, 0);
  return result == 0 ? undefined(env) : throw_errno(env, errno, "pidfd_send_signal");
}

// reap(pid): the wait status of a child that `launch` started and that has ended
static napi_value js_reap(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  MUST(napi_get_cb_info(env, info, &argc, argv, NULL, NULL));
  int status = 0;
  if (waitpid(int_of(env, argv[0]), &status, WNOHANG) <= 0) return throw_errno(env, errno, "waitpid");
  return number(env, status);
}

// setWatchdogTimeout(fd, seconds): the seconds that the device has made of it
static napi_value js_set_watchdog_timeout(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  size_t argc = 2;
  MUST(napi_get_cb_info(env, info, &argc, argv, NULL, NULL));
  int seconds = int_of(env, argv[1]);
  if (ioctl(int_of(env, argv[0]), WDIOC_SETTIMEOUT, &seconds) != 0) {
    return throw_errno(env, errno, "WDIOC_SETTIMEOUT");
  }
  return number(env, seconds);
}

static napi_value init(napi_env env, napi_value exports) {
  static const struct {
    const char *name;
    napi_callback call;
  } functions[] = {
      {"mount", js_mount},         {"mountImage", js_mount_image},
      {"detachLoop", js_detach_loop}, {"unmount", js_unmount},
      {"watch", js_watch},         {"unwatch", js_unwatch},
      {"signal", js_signal},       {"launch", js_launch},
      {"reap", js_reap},           {"setWatchdogTimeout", js_set_watchdog_timeout},
  };
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    napi_value function;
    MUST(napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &function));
    MUST(napi_set_named_property(env, exports, functions[i].name, function));
  }
  return exports;
}

NAPI_MODULE(sysx, init)
