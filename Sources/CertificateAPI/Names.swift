/// The annotation, label and finalizer keys that users, tools and our own controllers agree on.
package enum Names {
    package static let group = "cert-manager.io"
    package static let acmeGroup = "acme.cert-manager.io"
    package static let version = "v1"

    package enum Annotation {
        // Written on target Secrets; several are also read from Ingress-like objects.
        package static let issuerName = "cert-manager.io/issuer-name"
        package static let issuerKind = "cert-manager.io/issuer-kind"
        package static let issuerGroup = "cert-manager.io/issuer-group"
        package static let certificateName = "cert-manager.io/certificate-name"
        package static let commonName = "cert-manager.io/common-name"
        package static let altNames = "cert-manager.io/alt-names"
        package static let ipSANs = "cert-manager.io/ip-sans"
        package static let uriSANs = "cert-manager.io/uri-sans"
        package static let emailSANs = "cert-manager.io/email-sans"
        package static let subjectOrganizations = "cert-manager.io/subject-organizations"
        package static let subjectOrganizationalUnits = "cert-manager.io/subject-organizationalunits"
        package static let subjectCountries = "cert-manager.io/subject-countries"
        package static let subjectProvinces = "cert-manager.io/subject-provinces"
        package static let subjectLocalities = "cert-manager.io/subject-localities"
        package static let subjectStreetAddresses = "cert-manager.io/subject-streetaddresses"
        package static let subjectPostalCodes = "cert-manager.io/subject-postalcodes"
        package static let subjectSerialNumber = "cert-manager.io/subject-serialnumber"
        package static let allowDirectInjection = "cert-manager.io/allow-direct-injection"

        // Written on CertificateRequests.
        package static let certificateRevision = "cert-manager.io/certificate-revision"
        package static let privateKeySecretName = "cert-manager.io/private-key-secret-name"

        // Read from Certificates.
        package static let issueTemporaryCertificate = "cert-manager.io/issue-temporary-certificate"

        // Read from Ingresses, Gateways and ListenerSets.
        package static let issuer = "cert-manager.io/issuer"
        package static let clusterIssuer = "cert-manager.io/cluster-issuer"
        package static let duration = "cert-manager.io/duration"
        package static let renewBefore = "cert-manager.io/renew-before"
        package static let renewBeforePercentage = "cert-manager.io/renew-before-percentage"
        package static let usages = "cert-manager.io/usages"
        package static let revisionHistoryLimit = "cert-manager.io/revision-history-limit"
        package static let privateKeyAlgorithm = "cert-manager.io/private-key-algorithm"
        package static let privateKeyEncoding = "cert-manager.io/private-key-encoding"
        package static let privateKeySize = "cert-manager.io/private-key-size"
        package static let privateKeyRotationPolicy = "cert-manager.io/private-key-rotation-policy"
        package static let secretTemplate = "cert-manager.io/secret-template"
        package static let ignoreTLSListeners = "cert-manager.io/ignore-tls-listeners"
        package static let tlsACME = "kubernetes.io/tls-acme"
        package static let http01EditInPlace = "acme.cert-manager.io/http01-edit-in-place"
        package static let http01IngressClass = "acme.cert-manager.io/http01-ingress-class"
        package static let http01IngressClassName = "acme.cert-manager.io/http01-ingress-ingressclassname"

        // Carried from Certificate to CertificateRequest to Order.
        package static let http01OverrideIngressName = "acme.cert-manager.io/http01-override-ingress-name"
        package static let http01OverrideIngressClass = "acme.cert-manager.io/http01-override-ingress-class"
        package static let http01OverrideIngressClassName =
            "acme.cert-manager.io/http01-override-ingress-ingressclassname"
        package static let http01ParentRefName = "acme.cert-manager.io/http01-parentrefname"
        package static let http01ParentRefKind = "acme.cert-manager.io/http01-parentrefkind"
        package static let http01ParentRefNamespace = "acme.cert-manager.io/http01-parentrefnamespace"
        package static let http01ParentRefFallback = "acme.cert-manager.io/http01-parentreffallback"

        // Venafi's, kept on CertificateRequests.
        package static let venafiCustomFields = "venafi.cert-manager.io/custom-fields"
        package static let venafiPickupID = "venafi.cert-manager.io/pickup-id"

        // Read from targets of CA injection.
        package static let injectCAFrom = "cert-manager.io/inject-ca-from"
        package static let injectCAFromSecret = "cert-manager.io/inject-ca-from-secret"
        package static let injectAPIServerCA = "cert-manager.io/inject-apiserver-ca"

        // Ours alone. On Orders: when what they replace runs out, until when the CA wants no order, which orders that
        // concerns, and what is in the way of one.
        package static let neededBefore = "certwright.dev/needed-before"
        package static let heldUntil = "certwright.dev/held-until"
        package static let heldScope = "certwright.dev/held-scope"
        package static let preflight = "certwright.dev/preflight"
        // Which of the Orders of one request it is, why its CA cannot certify now, and that another is asked instead.
        package static let stage = "certwright.dev/stage"
        package static let trouble = "certwright.dev/trouble"
        package static let givenUp = "certwright.dev/given-up"
        /// All that the controller writes on Orders, and believes: an Order takes none of them from its request.
        package static let ofOrders: Set<String> = [
            neededBefore, heldUntil, heldScope, preflight, stage, trouble, givenUp,
        ]
        // Ours alone. On Certificates: docs/acme.md. The last is written by the controller.
        package static let revoke = "certwright.dev/revoke"
        package static let revokeReissue = "certwright.dev/revoke-reissue"
        package static let revokeWith = "certwright.dev/revoke-with"
        package static let revokeOnDeletion = "certwright.dev/revoke-on-deletion"
        package static let revocation = "certwright.dev/revocation"
        /// Of all of those.
        package static let revocationPrefix = "certwright.dev/revo"
        // Ours alone. On ACME issuers: docs/acme.md.
        package static let preferredRoot = "certwright.dev/preferred-root"
        package static let preferredChain = "certwright.dev/preferred-chain"
        package static let profileMode = "certwright.dev/profile-mode"
        package static let orderLimit = "certwright.dev/order-limit"
        package static let sameNamesLimit = "certwright.dev/same-names-limit"
        package static let openOrders = "certwright.dev/open-orders"
        package static let openNames = "certwright.dev/open-names"
        package static let fallbackIssuers = "certwright.dev/fallback-issuers"
        package static let rehearsalIssuer = "certwright.dev/rehearsal-issuer"
        /// On Certificates too.
        package static let rehearse = "certwright.dev/rehearse"
        package static let rotateAccountKey = "certwright.dev/rotate-account-key"
        package static let rotateAccountKeyEvery = "certwright.dev/rotate-account-key-every"
        package static let deactivateAccount = "certwright.dev/deactivate-account"
        package static let acceptedTerms = "certwright.dev/accepted-terms"
        /// Also on Challenges, where it tells how this one is answered.
        package static let solverMode = "certwright.dev/solver-mode"
        package static let challengeTypes = "certwright.dev/challenge-types"
        /// Also on Challenges.
        package static let selfCheck = "certwright.dev/self-check"
        /// Also on Challenges.
        package static let tlsRouting = "certwright.dev/tls-alpn-route"
        // Ours alone. On Challenges: which challenge it is, where the API's two types do not tell.
        package static let challengeType = "certwright.dev/challenge-type"
        package static let accountLabel = "certwright.dev/account-label"
        // Ours alone. On ACME issuers.
        package static let persistWildcard = "certwright.dev/persist-wildcard"
        // Ours alone. On the Secret of an account's key: which wish for another key it answers, and when it was made.
        package static let accountKeyRotation = "certwright.dev/rotation"
        package static let accountKeyMadeAt = "certwright.dev/made-at"

        // Other projects' keys that solver objects carry or that select an ingress controller.
        package static let ingressClass = "kubernetes.io/ingress.class"
    }

    /// Ours alone. On Secrets that are credentials for accounts of our ACME server: docs/acme-server.md.
    package enum ACMECredential {
        /// A label, with the value `true`.
        package static let label = "certwright.dev/acme-credential"
        package static let namespace = "certwright.dev/acme-namespace"
        package static let issuers = "certwright.dev/acme-issuers"
        package static let names = "certwright.dev/acme-names"
        package static let addresses = "certwright.dev/acme-addresses"
        package static let wildcards = "certwright.dev/acme-wildcards"
        package static let challenges = "certwright.dev/acme-challenges"
        package static let duration = "certwright.dev/acme-duration"
        package static let accounts = "certwright.dev/acme-accounts"
        package static let orders = "certwright.dev/acme-orders-per-hour"
        /// In the data.
        package static let hmac = "key"
    }

    /// Ours alone. On CertificateRequests that our ACME server makes.
    package enum ACMERequest {
        /// Labels: the order, and the key of the certificate, by which it is found again.
        package static let order = "certwright.dev/acme-order"
        package static let publicKey = "certwright.dev/acme-public-key"
        // Annotations.
        package static let account = "certwright.dev/acme-account"
        package static let directory = "certwright.dev/acme-directory"
        package static let replaces = "certwright.dev/acme-replaces"
        package static let revoked = "certwright.dev/acme-revoked"
        package static let reason = "certwright.dev/acme-revocation-reason"
    }

    /// Annotations of Kubernetes' own CertificateSigningRequests.
    package enum SigningRequestAnnotation {
        package static let venafiCustomFields = "venafi.experimental.cert-manager.io/custom-fields"
        package static let venafiPickupID = "venafi.experimental.cert-manager.io/pickup-id"
        /// A Go duration; counts before `spec.expirationSeconds`.
        package static let duration = "experimental.cert-manager.io/request-duration"
        package static let isCA = "experimental.cert-manager.io/request-is-ca"
        /// The Secret with the key that a self-signed certificate is signed by.
        package static let privateKeySecretName = "experimental.cert-manager.io/private-key-secret-name"
    }

    package enum Label {
        /// On every Secret that a controller here reads whole, so that caches can select them.
        package static let filteredCache = "controller.cert-manager.io/fao"
        package static let nextPrivateKey = "cert-manager.io/next-private-key"
        package static let disableValidation = "cert-manager.io/disable-validation"
        package static let managedBy = "app.kubernetes.io/managed-by"
        package static let managedByValue = "cert-manager"
        package static let httpDomain = "acme.cert-manager.io/http-domain"
        package static let httpToken = "acme.cert-manager.io/http-token"
        package static let http01Solver = "acme.cert-manager.io/http01-solver"
        /// Ours alone: on what answers many HTTP-01 challenges, of which set (`SolverSet`).
        package static let solverSet = "certwright.dev/solver-set"
        /// Ours alone: on what answers a TLS-ALPN-01 challenge.
        package static let tlsALPN01Solver = "certwright.dev/tls-alpn-01-solver"
        /// An ApplySet's mark, never copied onto objects of ours.
        package static let applySetPartOf = "applyset.kubernetes.io/part-of"
    }

    package enum Finalizer {
        package static let challenge = "acme.cert-manager.io/finalizer"
        package static let challengeLegacy = "finalizer.acme.cert-manager.io"
        /// On Certificates that are revoked when they are deleted.
        package static let revocation = "certwright.dev/revocation"
    }

    /// Keys in the data of Secrets.
    package enum SecretKey {
        package static let certificate = "tls.crt"
        package static let privateKey = "tls.key"
        package static let ca = "ca.crt"
        package static let keyDER = "key.der"
        package static let combinedPEM = "tls-combined.pem"
        package static let keystoreJKS = "keystore.jks"
        package static let truststoreJKS = "truststore.jks"
        package static let keystorePKCS12 = "keystore.p12"
        package static let truststorePKCS12 = "truststore.p12"
        package static let keystores: Set<String> = [keystoreJKS, truststoreJKS, keystorePKCS12, truststorePKCS12]
        /// All that are there only where the spec asks for them.
        package static let optional = keystores.union([keyDER, combinedPEM])
    }

    package static let tlsSecretType = "kubernetes.io/tls"
    package static let opaqueSecretType = "Opaque"
}
