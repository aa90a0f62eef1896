#pragma once
#include <string.h>
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

static inline EVP_PKEY *cw_generate_p256(void) { return EVP_EC_gen("P-256"); }

/// An SSL_client_hello_cb_fn: a client that offers no application protocol is sent away before it sees a certificate.
static inline int cw_demand_alpn(SSL *connection, int *alert, void *argument) {
    const unsigned char *data;
    size_t length;
    if (SSL_client_hello_get0_ext(connection, TLSEXT_TYPE_application_layer_protocol_negotiation, &data, &length))
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}
/// An SSL_CTX_alpn_select_cb_func: acme-tls/1 and nothing else, for one server name (RFC 8737 §3). `argument` is that
/// name; it may come with the root's dot.
static inline int cw_select_acme(SSL *connection, const unsigned char **chosen, unsigned char *length,
                                 const unsigned char *offered, unsigned int offered_length, void *argument) {
    static const unsigned char wanted[] = "\x0a" "acme-tls/1";
    const char *name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name), *expected = argument;
    size_t count = name ? strlen(name) : 0;
    if (count && name[count - 1] == '.') count--;
    if (count != strlen(expected) || OPENSSL_strncasecmp(name, expected, count)) return SSL_TLSEXT_ERR_ALERT_FATAL;
    int result = SSL_select_next_proto((unsigned char **)chosen, length, wanted, sizeof wanted - 1, offered,
                                       offered_length);
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}
/// `name` stays the caller's, who keeps it as long as the context.
static inline void cw_ssl_ctx_serve_acme(SSL_CTX *context, char *name) {
    SSL_CTX_set_client_hello_cb(context, cw_demand_alpn, NULL);
    SSL_CTX_set_alpn_select_cb(context, cw_select_acme, name);
}
static inline int cw_ssl_set_server_name(SSL *connection, const char *name) {
    return SSL_set_tlsext_host_name(connection, name);
}
