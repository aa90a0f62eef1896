#pragma once
#include <curl/curl.h>

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
static inline CURLcode certwright_easy_get_off_t(CURL *easy, CURLINFO info, curl_off_t *value) {
    return (curl_easy_getinfo)(easy, info, value);
}
static inline const char *certwright_easy_get_text(CURL *easy, CURLINFO info) {
    char *value = NULL;
    return (curl_easy_getinfo)(easy, info, &value) == CURLE_OK ? value : NULL;
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
