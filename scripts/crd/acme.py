"""Order and Challenge."""
from schema import *
from solvers import solver

STATES = ["valid", "ready", "pending", "processing", "invalid", "expired", "errored"]


def order_spec():
    return obj(
        "What to order.", ["issuerRef", "request"],
        rules(("the spec never changes", "self == oldSelf")),
        commonName=string("The common name; ordered beside the names."),
        dnsNames=strings("DNS names to order."),
        duration=string("How long the certificate should be valid, a Go duration; sent only where it is set."),
        ipAddresses=strings("IP addresses to order (RFC 8738)."),
        issuerRef=issuer_ref("The ACME issuer."),
        profile=string("The CA's name for the kind of certificate wanted."),
        replaces=string("The identifier of the certificate that this one replaces (RFC 9773)."),
        request=data("The signing request."))


def order_status():
    return obj(
        "The order at the CA, mirrored.",
        authorizations=items(
            "What the CA wants proven.",
            obj(
                "One authorization.", ["url"],
                challenges=items(
                    "How it may be proven.",
                    obj(
                        "One challenge on offer.", ["token", "type", "url"],
                        token=string("The challenge's token."),
                        type=string("Its type as ACME spells it, such as http-01."),
                        url=string("Its URL."))),
                identifier=string("The name to be proven, without a wildcard's first label."),
                initialState=enum("Its state when first read; a valid one needs no challenge.", *STATES),
                url=string("Its URL."),
                wildcard=boolean("Whether it is for a wildcard name."))),
        certificate=data("The certificate and its chain, PEM, leaf first."),
        failureTime=time("When the order failed."),
        finalizeURL=string("Where the signing request goes."),
        reason=string("Why the order failed."),
        state=enum("Where the order stands.", *STATES),
        url=string("The order's URL."))


def challenge_spec():
    return obj(
        "What to prove and how; never changed after creation.",
        ["authorizationURL", "dnsName", "issuerRef", "key", "solver", "token", "type", "url"],
        rules(
            (
                "the spec never changes",
                " && ".join(
                    f"self.{f} == oldSelf.{f}" for f in ("authorizationURL", "dnsName", "key", "token", "type", "url")))),
        authorizationURL=string("The authorization's URL."),
        dnsName=string("The name, without a wildcard's first label; it may be an IP address."),
        issuerRef=issuer_ref("The ACME issuer."),
        key=string("HTTP-01: the key authorization. DNS-01: its digest, the text of the TXT record."),
        solver=solver("The solver, as the issuer had it."),
        token=string("The challenge's token."),
        type=enum("The kind of challenge.", "HTTP-01", "DNS-01"),
        url=string("The challenge's URL."),
        wildcard=boolean("Whether it is for a wildcard name."))


def challenge_status():
    return obj(
        "How far it is.",
        presented=boolean("Whether the answer has been put in place."),
        presentedAt=time("When it was put in place."),
        processing=boolean("Whether it is being worked on; it waits for its turn otherwise."),
        reason=string("What it waits for, or why it failed."),
        state=enum("Where the challenge stands.", *STATES))
