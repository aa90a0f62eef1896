#!/usr/bin/env python3
"""dashboard-world.py PROXY    fills a cluster with what scripts/check-dashboard looks at.

PROXY is where `kubectl proxy` answers. Objects and their statuses are as a controller leaves them; none runs meanwhile.
"""
import datetime
import json
import sys
import urllib.error
import urllib.request

PROXY = sys.argv[1]
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def at(**ago):
    return (NOW - datetime.timedelta(**ago)).isoformat().replace("+00:00", "Z")


def call(method, path, body, kind="application/json"):
    request = urllib.request.Request(
        PROXY + path, json.dumps(body).encode(), {"Content-Type": kind}, method=method
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {path}: {error.read().decode()}")


GROUPS = {
    "Certificate": ("cert-manager.io", "certificates"),
    "CertificateRequest": ("cert-manager.io", "certificaterequests"),
    "Issuer": ("cert-manager.io", "issuers"),
    "ClusterIssuer": ("cert-manager.io", "clusterissuers"),
    "Order": ("acme.cert-manager.io", "orders"),
    "Challenge": ("acme.cert-manager.io", "challenges"),
}


def put(kind, namespace, name, spec, status, owner=None, annotations=None):
    group, plural = GROUPS[kind]
    metadata = {"name": name, "annotations": annotations or {}}
    if owner:
        metadata["ownerReferences"] = [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
            }
        ]
    place = f"/apis/{group}/v1" + (f"/namespaces/{namespace}" if namespace else "") + f"/{plural}"
    made = call(
        "POST", place, {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata, "spec": spec}
    )
    if status:
        made = call(
            "PATCH", f"{place}/{name}/status", {"status": status}, "application/merge-patch+json"
        )
    return made


def condition(kind, status, reason, message, **ago):
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": at(**(ago or {"days": 3})),
    }


READY = condition("Ready", "True", "Ready", "Certificate is up to date and has not expired")


def certificate(namespace, name, issuer, names=None, days=90, left=None, status=None):
    """One of `days` that has `left` days to go, renewed after two thirds; or with the status that is given."""
    spec = {
        "secretName": f"{name}-tls",
        "dnsNames": names or [f"{name}.{namespace}.example.com"],
        "issuerRef": issuer,
    }
    if left is not None:
        status = {
            "conditions": [READY],
            "notBefore": at(days=days - left),
            "notAfter": at(days=-left),
            "renewalTime": at(days=-(left - days / 3)),
            "revision": 3,
            **(status or {}),
        }
    return put("Certificate", namespace, name, spec, status)


PUBLIC = {"name": "letsencrypt", "kind": "ClusterIssuer"}
INSIDE = {"name": "internal-ca", "kind": "ClusterIssuer"}


def request(owner, revision, reason, message):
    name = owner["metadata"]["name"]
    return put(
        "CertificateRequest",
        owner["metadata"]["namespace"],
        f"{name}-{revision}",
        {"request": "bm9uZQ==", "issuerRef": owner["spec"]["issuerRef"]},
        {
            "conditions": [
                condition("Approved", "True", "cert-manager.io", "Certificate request has been approved"),
                condition("Ready", "False", reason, message),
            ]
        },
        owner,
        {"cert-manager.io/certificate-revision": str(revision)},
    )


def order(owner, names, state, reason="", annotations=None, isOwned=True, url="https://acme-v02.api.letsencrypt.org/acme/order/1/1"):
    return put(
        "Order",
        owner["metadata"]["namespace"],
        owner["metadata"]["name"] + "-1",
        {"request": "bm9uZQ==", "issuerRef": owner["spec"]["issuerRef"], "dnsNames": names},
        {
            **({"url": url} if url else {}),
            **({"state": state} if state else {}),
            "reason": reason,
            "authorizations": [
                {
                    "url": f"https://acme-v02.api.letsencrypt.org/acme/authz/{name}",
                    "identifier": name.removeprefix("*."),
                    "wildcard": name.startswith("*."),
                    "initialState": "pending",
                    "challenges": [
                        {"type": kind, "url": "https://acme-v02.api.letsencrypt.org/acme/chall/1", "token": "t0ken-of-a-challenge"}
                        for kind in (["dns-01"] if name.startswith("*.") else ["http-01", "dns-01"])
                    ],
                }
                for name in names
            ],
        },
        owner if isOwned else None,
        annotations,
    )


def challenge(owner, number, name, kind, solver, state, reason):
    return put(
        "Challenge",
        owner["metadata"]["namespace"],
        f"{owner['metadata']['name']}-{number}",
        {
            "url": "https://acme-v02.api.letsencrypt.org/acme/chall/1",
            "authorizationURL": f"https://acme-v02.api.letsencrypt.org/acme/authz/{name}",
            "dnsName": name,
            "type": kind,
            "token": "t0ken-of-a-challenge",
            "key": "t0ken-of-a-challenge.thumbprint",
            "solver": solver,
            "issuerRef": owner["spec"]["issuerRef"],
        },
        {"processing": True, "presented": True, "presentedAt": at(minutes=4), "state": state, "reason": reason},
        owner,
    )


HTTP = {"http01": {"ingress": {"ingressClassName": "nginx"}}}
DNS = {"dns01": {"cloudflare": {"apiTokenSecretRef": {"name": "cloudflare", "key": "token"}}}}


def issuing(**ago):
    return condition("Issuing", "True", "DoesNotExist", "The Secret does not exist yet", **ago)


def absent(**ago):
    return condition("Ready", "False", "DoesNotExist", "The Secret does not exist", **ago)


for namespace in ("edge", "internal", "media", "payments", "shop"):
    call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})

# --- issuers
account = {"uri": "https://acme-v02.api.letsencrypt.org/acme/acct/1", "lastRegisteredEmail": "ops@example.com"}
registered = condition("Ready", "True", "ACMEAccountRegistered", "The ACME account was registered with the ACME server")
put(
    "ClusterIssuer",
    None,
    "letsencrypt",
    {
        "acme": {
            "server": "https://acme-v02.api.letsencrypt.org/directory",
            "privateKeySecretRef": {"name": "letsencrypt"},
            "solvers": [HTTP, {"selector": {"dnsZones": ["shop.example.com", "edge.example.com"]}, **DNS}],
        }
    },
    {"conditions": [registered], "acme": account},
)
put(
    "ClusterIssuer",
    None,
    "internal-ca",
    {"ca": {"secretName": "internal-ca"}},
    {"conditions": [condition("Ready", "True", "KeyPairVerified", "Signing CA verified")]},
)
put(
    "Issuer",
    "payments",
    "vault",
    {
        "vault": {
            "server": "https://vault.internal:8200",
            "path": "pki/sign/payments",
            "auth": {"tokenSecretRef": {"name": "vault", "key": "token"}},
        }
    },
    {
        "conditions": [
            condition(
                "Ready",
                "False",
                "VaultError",
                "the policy of the token does not allow pki/sign/payments: give it the capability update there",
                hours=5,
            )
        ]
    },
)
put(
    "Issuer",
    "media",
    "zerossl",
    {
        "acme": {
            "server": "https://acme.zerossl.com/v2/DV90",
            "privateKeySecretRef": {"name": "zerossl"},
            "solvers": [HTTP],
        }
    },
    {"conditions": [registered], "acme": {"uri": "https://acme.zerossl.com/v2/DV90/account/1"}},
)

# --- certificates that are in order
apps = ["api", "app", "assets", "auth", "billing", "blog", "cart", "catalog", "cdn", "chat", "docs", "events", "feed", "files"]
count = 0
for place, namespace in enumerate(("edge", "media", "payments", "shop")):
    for number, app in enumerate(apps + [f"{app}-eu" for app in apps[:11]]):
        left = 31 + (number * 7 + place * 13) % 58
        names = [f"{app}.{namespace}.example.com"]
        if number % 6 == 0:
            names += [f"www.{names[0]}", f"m.{names[0]}", f"old.{names[0]}"]
        issuer = {"name": "zerossl"} if namespace == "media" else PUBLIC
        certificate(namespace, app, issuer, names, left=left)
        count += 1
for number in range(18):
    certificate("internal", f"node-{number + 1:02}", INSIDE, [f"node-{number + 1}.internal"], days=30, left=11 + number)
    count += 1

# --- and some that are not
certificate("edge", "legacy", PUBLIC, ["legacy.example.com"], left=-2, status={"conditions": [
    condition("Ready", "False", "Expired", "The certificate has expired", days=2)]})
certificate("media", "stream", {"name": "zerossl"}, left=21)
certificate("payments", "ledger", {"name": "vault"}, left=12, status={
    "conditions": [READY, condition("Issuing", "False", "Failed", "The issuer is not ready", hours=4)],
    "lastFailureTime": at(hours=4), "failedIssuanceAttempts": 3})
evil = certificate("edge", "odd", {"name": "nowhere"}, ['odd.example.com'], status={"conditions": [
    condition("Ready", "False", "DoesNotExist", '<script>alert(1)</script>" onmouseover="alert(2)', hours=7),
    condition("Issuing", "False", "Failed", '<script>alert(1)</script>" onmouseover="alert(2)', hours=7)]})

checkout = certificate("shop", "checkout", PUBLIC, ["checkout.shop.example.com", "*.checkout.shop.example.com"],
                       status={"conditions": [absent(minutes=12), issuing(minutes=12)]})
asked = request(checkout, 1, "Pending", "Waiting on certificate issuance from order shop/checkout-1-1: \"pending\"")
made = order(asked, ["checkout.shop.example.com", "*.checkout.shop.example.com"], "pending")
challenge(made, 1, "checkout.shop.example.com", "DNS-01", DNS, "valid", "Successfully authorized domain")
challenge(made, 2, "checkout.shop.example.com", "DNS-01", DNS, "pending",
          "Error presenting challenge: the Secret cert-manager/cloudflare does not exist")

launch = certificate("shop", "launch", PUBLIC, ["launch.shop.example.com"],
                     status={"conditions": [absent(minutes=3), issuing(minutes=3)]})
asked = request(launch, 1, "Pending", "Waiting on certificate issuance from order shop/launch-1-1: \"pending\"")
made = order(asked, ["launch.shop.example.com"], "pending")
challenge(made, 1, "launch.shop.example.com", "HTTP-01", HTTP, "pending", "Waiting for HTTP-01 challenge propagation")

until = at(hours=-2)
queue = certificate("edge", "queue", PUBLIC, ["queue.edge.example.com"],
                    status={"conditions": [absent(minutes=40), issuing(minutes=40)]})
asked = request(queue, 1, "Pending", "Waiting on certificate issuance from order edge/queue-1-1: \"\"")
order(asked, ["queue.edge.example.com"], None, f"Waiting to create the ACME order: the CA's limit for the account is used up; next attempt at {until}",
      {"certwright.dev/held-until": until, "certwright.dev/held-scope": "account"}, url="")

fresh = certificate("internal", "metrics", INSIDE, ["metrics.internal"],
                    status={"conditions": [absent(seconds=20), issuing(seconds=20)]})
request(fresh, 1, "Pending", "Waiting")

certificate("payments", "reports", PUBLIC, left=26)
certificate("payments", "ops", PUBLIC, left=200, days=365)
certificate("shop", "partners", PUBLIC, left=320, days=365)

# --- what was ordered in the last hours counts
for app in apps:
    owner = {"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest",
             "metadata": {"name": f"{app}-3", "namespace": "shop"},
             "spec": {"issuerRef": PUBLIC}}
    order(owner, [f"{app}.shop.example.com"], "valid", isOwned=False)
print(count + 11)
