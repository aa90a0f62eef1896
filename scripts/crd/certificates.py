"""Certificate and CertificateRequest."""
from schema import *

USAGES = [
    "signing", "digital signature", "content commitment", "key encipherment", "key agreement", "data encipherment",
    "cert sign", "crl sign", "encipher only", "decipher only", "any", "server auth", "client auth", "code signing",
    "email protection", "s/mime", "ipsec end system", "ipsec tunnel", "ipsec user", "timestamping", "ocsp signing",
    "microsoft sgc", "netscape sgc",
]


def usages(text):
    return items(text, {"type": "string", "enum": USAGES})


def subtrees(text):
    return obj(
        text,
        dnsDomains=strings("DNS names, with all names below them."),
        emailAddresses=strings("Mailboxes, or hosts with all their mailboxes."),
        ipRanges=strings("Address ranges in CIDR notation."),
        uriDomains=strings("Hosts of URIs."))


def keystore(text, **more):
    return obj(
        text, ["create"],
        create=boolean("Whether to make the store."),
        password=string("The password as text; excludes passwordSecretRef."),
        passwordSecretRef=secret_key("The password; excludes password."), **more)


def names():
    return dict(
        commonName=string(
            "The subject's common name, at most 64 characters. It does not go with literalSubject.", maxLength=64),
        dnsNames=strings("DNS names the certificate is for."),
        emailAddresses=strings("Email addresses the certificate is for."),
        ipAddresses=strings("IP addresses the certificate is for."),
        otherNames=items(
            "Other names of the subject, by the OID of their type.",
            obj(
                "One other name.", oid=string("The OID of the name's type, dotted."),
                utf8Value=string("The name, a UTF-8 string."))),
        uris=strings("URIs the certificate is for."),
        subject=obj(
            "The subject's parts other than the common name.",
            countries=strings("C."), localities=strings("L."), organizationalUnits=strings("OU."),
            organizations=strings("O."), postalCodes=strings("postalCode."), provinces=strings("ST."),
            serialNumber=string("The serialNumber attribute, not the certificate's serial number."),
            streetAddresses=strings("street.")),
        literalSubject=string("The whole subject as RFC 4514 text, in the order wanted; excludes subject and commonName."))


def spec():
    return obj(
        "The certificate that is wanted.", ["issuerRef", "secretName"],
        rules(
            (
                "at least one of commonName, literalSubject, dnsNames, uris, emailAddresses, ipAddresses and otherNames"
                " must be set",
                " || ".join(
                    [filled("commonName"), filled("literalSubject")]
                    + [filled(f, "[]") for f in ("dnsNames", "uris", "emailAddresses", "ipAddresses", "otherNames")])),
            ("literalSubject and commonName exclude each other", f'!{filled("literalSubject")} || !{filled("commonName")}'),
            (
                "renewBefore and renewBeforePercentage exclude each other",
                f'!{filled("renewBefore")} || !has(self.renewBeforePercentage)'),
            ("nameConstraints need isCA", "!has(self.nameConstraints) || (has(self.isCA) && self.isCA)"),
            ("duration must be at least 1h", f'!{filled("duration")} || duration(self.duration) >= duration("1h")'),
            ("renewBefore must be at least 5m", f'!{filled("renewBefore")} || duration(self.renewBefore) >= duration("5m")')),
        **names(),
        additionalOutputFormats=items(
            "Further forms of the key and chain in the Secret.",
            obj(
                "One form.", ["type"],
                type=enum("DER adds key.der, CombinedPEM adds tls-combined.pem.", "DER", "CombinedPEM"))),
        duration=string("How long the certificate should be valid, a Go duration of at least 1h; 2160h when left out."),
        encodeUsagesInRequest=boolean("Whether the signing request carries the usages; true when left out."),
        isCA=boolean("Whether the certificate may sign others; adds the usage cert sign."),
        issuerRef=issuer_ref("Who signs."),
        keystores=obj(
            "Java and PKCS#12 key stores in the Secret.",
            jks=keystore(
                "A Java key store, keystore.jks; and truststore.jks where the CA is known.",
                alias=string("The alias of the key's entry; certificate when left out.")),
            pkcs12=keystore(
                "A PKCS#12 store, keystore.p12; and truststore.p12 where the CA is known.",
                profile=enum(
                    "Which ciphers protect the store; LegacyRC2 when left out.", "LegacyRC2", "LegacyDES", "Modern2023",
                    "Modern2026"))),
        nameConstraints=obj(
            "Names that a CA certificate may and may not sign for; needs isCA.",
            critical=boolean("Whether those who do not understand the constraints must refuse the certificate."),
            excluded=subtrees("Names it may not sign for."), permitted=subtrees("Names it may sign for, and no others.")),
        privateKey=obj(
            "How the private key is made and stored.",
            algorithm=enum("The kind of key; RSA when left out.", "RSA", "ECDSA", "Ed25519"),
            encoding=enum(
                "How tls.key is encoded; PKCS1 (for EC keys SEC 1) when left out. Ed25519 keys are always PKCS8.",
                "PKCS1", "PKCS8"),
            rotationPolicy=enum(
                "Whether a new certificate gets a new key; Always when left out.", "Never", "Always"),
            size=integer("RSA: bits, 2048 to 8192, 2048 when left out. ECDSA: 256, 384 or 521, 256 when left out.")),
        renewBefore=string("How long before expiry to renew, a Go duration of at least 5m; a third of the lifetime when left out."),
        renewBeforePercentage=integer("How much of the lifetime, in percent, is left at renewal; excludes renewBefore.", 32, minimum=1,
            maximum=99),
        renewal=obj(
            "When renewal may happen.",
            policy=enum("RenewBefore renews in time, Disabled never by itself.", "RenewBefore", "Disabled"),
            windows=items(
                "Times at which renewal is allowed.",
                obj(
                    "A recurring time.", ["cron", "windowDuration"],
                    cron=string("When it starts, as five fields of cron.", minLength=1),
                    timezone=string("The IANA time zone of cron; UTC when left out.", minLength=1),
                    windowDuration=string("How long it lasts.", pattern=r"^([0-9]+(\.[0-9]+)?(s|m|h))+$")))),
        revisionHistoryLimit=integer("How many CertificateRequests are kept, at least 1; 1 when left out.", 32, minimum=1),
        secretName=string(
            "The Secret, in the same namespace, that holds the key and the certificate.", minLength=1, maxLength=253),
        secretTemplate=obj(
            "Metadata kept on the Secret.",
            annotations=mapping("Annotations of the Secret; keys under cert-manager.io/ are refused."),
            labels=mapping("Labels of the Secret.")),
        signatureAlgorithm=enum(
            "How the signing request is signed; must suit the kind of key.", "SHA256WithRSA", "SHA384WithRSA",
            "SHA512WithRSA", "ECDSAWithSHA256", "ECDSAWithSHA384", "ECDSAWithSHA512", "PureEd25519"),
        usages=usages("What the certificate may be used for; digital signature and key encipherment when left out."))


def status():
    return obj(
        "What was observed.",
        acme=obj(
            "Facts that only ACME issuers have.",
            ari=obj(
                "When the CA suggests to renew (RFC 9773).",
                explanationURL=string("A page where the CA explains the suggestion."),
                lastChecked=time("When the CA was last asked."),
                lastError=string("Why asking failed last."),
                nextCheck=time("When the CA will be asked again."),
                suggestedWindow=obj(
                    "The interval in which to renew.", ["end", "start"],
                    end=time("Its end, exclusive."), start=time("Its start.")))),
        conditions=conditions("Conditions of type Ready and Issuing."),
        failedIssuanceAttempts=integer("How many attempts in a row have failed; absent after success."),
        lastFailureTime=time("When the last attempt failed; absent after success."),
        nextPrivateKeySecretName=string("The Secret holding the key of an issuance that is under way."),
        notAfter=time("When the certificate in the Secret expires."),
        notBefore=time("When the certificate in the Secret begins to be valid."),
        renewalTime=time("When renewal is planned."),
        revision=integer("How many times a certificate was issued."))


def request_spec():
    return obj(
        "The request; never changed after creation.", ["issuerRef", "request"],
        rules(("the spec never changes; make a new CertificateRequest", "self == oldSelf")),
        duration=string("How long the certificate should be valid, a Go duration."),
        extra=mapping(
            "Further attributes of who made the request; set by the webhook.",
            {"type": "array", "items": {"type": "string"}}),
        groups=strings("Groups of who made the request; set by the webhook."),
        isCA=boolean("Whether a CA certificate is wanted; must agree with the signing request."),
        issuerRef=issuer_ref("Who signs."),
        request=data("The signing request, PEM."),
        uid=string("UID of who made the request; set by the webhook."),
        usages=usages("What the certificate may be used for; must agree with the signing request where that says it."),
        username=string("Name of who made the request; set by the webhook."))


def request_status():
    return obj(
        "The answer.",
        ca=data("The root of the chain, PEM, where the issuer knows it."),
        certificate=data("The certificate and its chain, PEM, leaf first."),
        conditions=conditions("Conditions of type Approved, Denied, InvalidRequest and Ready.", generation=False),
        failureTime=time("When the request failed for good."))
