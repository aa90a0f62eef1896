"""CertificatePolicy."""
from schema import *

USAGES = [
    "signing", "digital signature", "content commitment", "key encipherment", "key agreement", "data encipherment",
    "cert sign", "crl sign", "encipher only", "decipher only", "any", "server auth", "client auth", "code signing",
    "email protection", "s/mime", "ipsec end system", "ipsec tunnel", "ipsec user", "timestamping", "ocsp signing",
    "microsoft sgc", "netscape sgc",
]
DURATION = {"pattern": r"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$", "maxLength": 64}


def patterns(what):
    return strings(f"{what} Absent or empty: none. `*` stands for any characters up to the next separator, `**` for any at all.",
                   maxLength=1024)


def spec():
    return obj(
        "What requests are judged, and what they may ask for.",
        allowed=obj(
            "What a request may ask for; it must fit in everything. Absent, requests may ask for no name.",
            commonNames=patterns("Common names; the separator is the dot."),
            dnsNames=patterns("DNS names; the separator is the dot."),
            emailAddresses=patterns("Email addresses; the separator is the at sign."),
            ipAddresses=strings("IP addresses, and ranges of them such as 10.0.0.0/8. Absent or empty: none.", maxLength=64),
            isCA=boolean("Whether a CA may be asked for; absent, it may not."),
            maxDuration=string("The longest duration; not bounded when absent.", **DURATION),
            minDuration=string("The shortest duration; not bounded when absent.", **DURATION),
            organizationalUnits=patterns("Organizational units of the subject; there is no separator."),
            organizations=patterns("Organizations of the subject; there is no separator."),
            otherSubjectAttributes=boolean(
                "Whether the subject may have anything else, such as a country; absent, it may not."),
            privateKeys=items(
                "Kinds of private keys; absent, any.", obj(
                    "One kind of key.", ["algorithm"],
                    algorithm=enum("The algorithm.", "RSA", "ECDSA", "Ed25519"),
                    maxSize=integer("The most bits.", 32, minimum=1), minSize=integer("The fewest bits.", 32, minimum=1))),
            uris=patterns("URIs; the separator is the slash."),
            usages=items("Usages, of which the request may have any; absent, all.", enum("A usage.", *USAGES))),
        selector=obj(
            "Which requests are judged; absent, all.",
            issuers=items(
                "Issuers, of which the request names one; absent or empty, any.", obj(
                    "Patterns; what is left out fits everything.",
                    group=string("The API group of the issuer's kind.", maxLength=253),
                    kind=string("The issuer's kind.", maxLength=253), name=string("The issuer's name.", maxLength=253))),
            namespaces=strings("Patterns of namespaces, of which the request lies in one; absent or empty, any.", maxLength=253)))
