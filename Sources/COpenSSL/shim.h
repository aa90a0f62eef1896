#pragma once
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// Swift cannot call macros. Each function below stands in for the macro of the same name.

static inline STACK_OF(X509) *cw_x509_stack_new(void) { return sk_X509_new_null(); }
static inline int cw_x509_stack_push(STACK_OF(X509) *stack, X509 *certificate) {
    return sk_X509_push(stack, certificate);
}
/// Frees the stack and the reference it holds to each certificate.
static inline void cw_x509_stack_free(STACK_OF(X509) *stack) { sk_X509_pop_free(stack, X509_free); }

static inline int cw_ssl_ctx_set_min_proto_version(SSL_CTX *context, int version) {
    return SSL_CTX_set_min_proto_version(context, version);
}
static inline void cw_ssl_ctx_set_release_buffers(SSL_CTX *context) { SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS); }
static inline void cw_ssl_ctx_set_safe_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}
static inline void cw_ssl_ctx_disable_session_cache(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}
/// The context takes a reference of its own.
static inline int cw_ssl_ctx_add1_chain_cert(SSL_CTX *context, X509 *certificate) {
    return SSL_CTX_add1_chain_cert(context, certificate);
}

/// An SSL_CTX_alpn_select_cb_func: http/1.1 where the client offers it, otherwise the handshake ends (RFC 7301 §3.2).
static inline int cw_select_http11(SSL *connection, const unsigned char **chosen, unsigned char *length,
                                   const unsigned char *offered, unsigned int offered_length, void *argument) {
    static const unsigned char wanted[] = "\x08http/1.1";
    int result = SSL_select_next_proto((unsigned char **)chosen, length, wanted, sizeof wanted - 1, offered,
                                       offered_length);
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}
static inline void cw_ssl_ctx_serve_http11(SSL_CTX *context) {
    SSL_CTX_set_alpn_select_cb(context, cw_select_http11, NULL);
}
