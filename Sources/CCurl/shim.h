#pragma once
#include <curl/curl.h>
#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

// curl_easy_setopt, curl_multi_setopt and curl_easy_getinfo are variadic, which Swift cannot call: one stand-in
// for each type of argument.

static inline CURLcode certwright_easy_set_long(CURL *easy, CURLoption option, long value) {
    return (curl_easy_setopt)(easy, option, value);
}
// libcurl copies the text; NULL takes the option back.
static inline CURLcode certwright_easy_set_text(CURL *easy, CURLoption option, const char *value) {
    return (curl_easy_setopt)(easy, option, value);
}
static inline CURLcode certwright_easy_set_pointer(CURL *easy, CURLoption option, void *value) {
    return (curl_easy_setopt)(easy, option, value);
}
static inline CURLcode certwright_easy_set_body(CURL *easy, const void *bytes, size_t count) {
    CURLcode code = (curl_easy_setopt)(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)count);
    return code == CURLE_OK ? (curl_easy_setopt)(easy, CURLOPT_COPYPOSTFIELDS, bytes) : code;
}
static inline CURLcode certwright_easy_set_blob(CURL *easy, CURLoption option, const void *bytes, size_t count) {
    struct curl_blob blob = {(void *)bytes, count, CURL_BLOB_COPY};
    return (curl_easy_setopt)(easy, option, &blob);
}

typedef size_t (*certwright_receive)(char *bytes, size_t one, size_t count, void *context);
typedef int (*certwright_before_request)(void *context, char *, char *, int, int);

static inline CURLcode certwright_easy_set_receive(CURL *easy, CURLoption option, certwright_receive callback) {
    return (curl_easy_setopt)(easy, option, callback);
}
static inline CURLcode certwright_easy_set_before_request(CURL *easy, certwright_before_request callback) {
    return (curl_easy_setopt)(easy, CURLOPT_PREREQFUNCTION, callback);
}
static inline CURLMcode certwright_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return (curl_multi_setopt)(multi, option, value);
}
typedef int (*certwright_socket_changed)(CURL *easy, curl_socket_t socket, int interest, void *context, void *);
typedef int (*certwright_timer_changed)(CURLM *multi, long milliseconds, void *context);

static inline void certwright_multi_set_callbacks(
    CURLM *multi, certwright_socket_changed socket_changed, certwright_timer_changed timer_changed, void *context) {
    (curl_multi_setopt)(multi, CURLMOPT_SOCKETFUNCTION, socket_changed);
    (curl_multi_setopt)(multi, CURLMOPT_SOCKETDATA, context);
    (curl_multi_setopt)(multi, CURLMOPT_TIMERFUNCTION, timer_changed);
    (curl_multi_setopt)(multi, CURLMOPT_TIMERDATA, context);
}
static inline CURLcode certwright_easy_get_off_t(CURL *easy, CURLINFO info, curl_off_t *value) {
    return (curl_easy_getinfo)(easy, info, value);
}
static inline const char *certwright_easy_get_text(CURL *easy, CURLINFO info) {
    char *value = NULL;
    return (curl_easy_getinfo)(easy, info, &value) == CURLE_OK ? value : NULL;
}
// The certificates that the server showed, each a list of "Name:value" lines; NULL when they were not kept.
static inline const struct curl_certinfo *certwright_easy_get_certificates(CURL *easy) {
    struct curl_certinfo *value = NULL;
    return (curl_easy_getinfo)(easy, CURLINFO_CERTINFO, &value) == CURLE_OK ? value : NULL;
}
static inline void *certwright_easy_get_private(CURL *easy) {
    char *value = NULL;
    (curl_easy_getinfo)(easy, CURLINFO_PRIVATE, &value);
    return value;
}
// The next finished transfer and its result; NULL when there is none.
static inline CURL *certwright_multi_next_done(CURLM *multi, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left))) {
        if (message->msg == CURLMSG_DONE) {
            *result = message->data.result;
            return message->easy_handle;
        }
    }
    return NULL;
}

// What the engine sleeps on beside libcurl; Swift's Glibc module has neither epoll nor eventfd.

enum { CERTWRIGHT_READABLE = 1, CERTWRIGHT_WRITABLE = 2, CERTWRIGHT_BROKEN = 4 };

struct certwright_ready {
    int descriptor;
    int what;
};

static inline int certwright_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
static inline int certwright_epoll(void) { return epoll_create1(EPOLL_CLOEXEC); }

// Watches a descriptor for `what`, or no longer for 0; one that is closed already the kernel has forgotten by itself.
static inline void certwright_epoll_watch(int epoll, int descriptor, int what) {
    struct epoll_event event = {0};
    event.events = (what & CERTWRIGHT_READABLE ? EPOLLIN : 0) | (what & CERTWRIGHT_WRITABLE ? EPOLLOUT : 0);
    event.data.fd = descriptor;
    if (what == 0) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event);
    } else if (epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event) != 0 && errno == ENOENT) {
        epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
    }
}

// Fills at most `room` (up to 64) entries; returns how many.
static inline int certwright_epoll_wait(int epoll, struct certwright_ready *ready, int room, int milliseconds) {
    struct epoll_event events[64];
    int count = epoll_wait(epoll, events, room < 64 ? room : 64, milliseconds);
    for (int i = 0; i < count; i++) {
        uint32_t is = events[i].events;
        ready[i].descriptor = events[i].data.fd;
        ready[i].what = (is & EPOLLIN ? CERTWRIGHT_READABLE : 0) | (is & EPOLLOUT ? CERTWRIGHT_WRITABLE : 0) |
                        (is & (EPOLLERR | EPOLLHUP) ? CERTWRIGHT_BROKEN : 0);
    }
    return count < 0 ? 0 : count;
}
