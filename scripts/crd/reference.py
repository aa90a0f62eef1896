"""docs/api.md: every field of the definitions, with what the schema cannot say.

Defaults, rules and examples stand here under `kind:path`, or under the end of a path (`*` begins inside a name), of which the
longest that fits counts.
"""
import json

# What the controllers assume where a field is left out; the API server stores nothing in its place.
DEFAULTS = {
    "issuerRef.kind": "`Issuer`",
    "issuerRef.group": "`cert-manager.io`",
    "Certificate:spec.duration": "`2160h`",
    "CertificateRequest:spec.duration": "`2160h`, or what the issuer gives",
    "spec.encodeUsagesInRequest": "`true`",
    "Certificate:spec.isCA": "`false`",
    "CertificateRequest:spec.isCA": "`false`",
    "keystores.jks.alias": "`certificate`",
    "keystores.pkcs12.profile": "`LegacyRC2`",
    "privateKey.algorithm": "`RSA`",
    "privateKey.encoding": "`PKCS1`",
    "privateKey.rotationPolicy": "`Always`",
    "privateKey.size": "`2048` for RSA, `256` for ECDSA",
    "spec.renewBefore": "a third of the lifetime",
    "windows[].timezone": "`UTC`",
    "spec.revisionHistoryLimit": "`1`",
    "spec.usages": "`digital signature`, `key encipherment`",
    "acme.disableAccountKeyGeneration": "`false`",
    "acme.enableDurationFeature": "`false`",
    "acme.skipTLSVerify": "`false`",
    "acme.privateKeySecretRef.key": "`tls.key`",
    "aws.mountPath": "`/v1/auth/aws`",
    "clientCertificate.mountPath": "`/v1/auth/cert`",
    "kubernetes.mountPath": "`/v1/auth/kubernetes`",
    "vault.auth.kubernetes.secretRef.key": "`token`",
    "vault.auth.tokenSecretRef.key": "`token`",
    "caBundleSecretRef.key": "`ca.crt`",
    "cloud.apiTokenSecretRef.key": "`api-key`",
    "dns01.cnameStrategy": "`None`",
    "rfc2136.tsigAlgorithm": "`HMACMD5`",
    "http01.ingress.serviceType": "`NodePort`",
    "gatewayHTTPRoute.serviceType": "`NodePort`",
    "azureDNS.environment": "`AzurePublicCloud`",
    "tolerations[].operator": "`Equal`",
}

# What the webhook and the controllers refuse beyond the schema.
RULES = {
    "Certificate:spec": "at least one name: commonName or literalSubject, dnsNames, ipAddresses, uris, emailAddresses, otherNames",
    "spec.secretName": "a DNS-1123 subdomain; one Certificate for each Secret",
    "issuerRef.name": "not empty",
    "issuerRef.kind": "`Issuer` or `ClusterIssuer` in the group `cert-manager.io`; anything in others",
    "Certificate:spec.commonName": "at most 64 characters; not with literalSubject",
    "Certificate:spec.dnsNames": "labels of letters, digits and `-`, a first label `*`, or Unicode, which is encoded",
    "Certificate:spec.ipAddresses": "IPv4 or IPv6 text",
    "Certificate:spec.uris": "ASCII, with a scheme",
    "Certificate:spec.emailAddresses": "bare addresses in ASCII",
    "Certificate:spec.duration": "a Go duration, at least `1h`",
    "spec.renewBefore": "a Go duration, at least `5m` and shorter than duration; not with renewBeforePercentage",
    "spec.renewBeforePercentage": "1 to 99, and at least 5 minutes of duration; not with renewBefore",
    "spec.renewal.policy": "required in renewal",
    "spec.renewal.windows": "not with policy `Disabled`",
    "windows[].cron": "minute, hour, day of month, month, day of week, or `@yearly`, `@annually`, `@monthly`, `@weekly`, "
        "`@daily`, `@midnight`, `@hourly`; days of week are 0 to 6",
    "windows[].timezone": "a name in the IANA database of the controller's machine",
    "windows[].windowDuration": "a Go duration, at least `1m`",
    "spec.revisionHistoryLimit": "at least 1",
    "spec.literalSubject": "RFC 4514; not with subject or commonName",
    "otherNames[].oid": "a dotted OID",
    "otherNames[].utf8Value": "not empty",
    "spec.nameConstraints": "needs isCA, and permitted or excluded",
    "ipRanges": "CIDR notation",
    "additionalOutputFormats[].type": "each at most once",
    "keystores.jks.password": "not empty; exactly one of password and passwordSecretRef",
    "keystores.pkcs12.password": "not empty; exactly one of password and passwordSecretRef",
    "privateKey.size": "RSA 2048 to 8192, ECDSA 256, 384 or 521; ignored for Ed25519",
    "privateKey.encoding": "Ed25519 keys are always PKCS#8",
    "spec.signatureAlgorithm": "must suit privateKey.algorithm",
    "secretTemplate.annotations": "no `cert-manager.io/` keys but `cert-manager.io/allow-direct-injection`",
    "secretTemplate.labels": "legal labels",
    "CertificateRequest:spec": "never changed after creation",
    "CertificateRequest:spec.request": "a PEM request whose own signature is good",
    "CertificateRequest:spec.usages": "must agree with the request where that carries usages",
    "CertificateRequest:spec.isCA": "must agree with the request where that carries basic constraints",
    "CertificateRequest:spec.username": "set by the webhook, whatever is written",
    "CertificateRequest:spec.uid": "set by the webhook, whatever is written",
    "CertificateRequest:spec.groups": "set by the webhook, whatever is written",
    "CertificateRequest:spec.extra": "set by the webhook, whatever is written",
    "CertificateRequest:status.conditions": "Approved and Denied: `True` only, never both, never taken back",
    "Issuer:spec": "exactly one of acme, ca, selfSigned, vault, venafi",
    "spec.acme.caBundle": "at least one certificate; not with skipTLSVerify",
    "spec.acme.privateKeySecretRef.name": "not empty",
    "spec.acme.server": "not empty",
    "externalAccountBinding.keyID": "not empty",
    "externalAccountBinding.keySecretRef.key": "required",
    "solvers[]": "exactly one of http01, dns01",
    "solvers[].waitInsteadOfSelfCheck": "not negative",
    "solvers[].http01": "exactly one of ingress, gatewayHTTPRoute",
    "solvers[].dns01": "exactly one provider",
    "http01.ingress.class": "one of class, ingressClassName and name",
    "http01.ingress.ingressClassName": "a DNS-1123 subdomain; one of class, ingressClassName and name",
    "http01.ingress.name": "one of class, ingressClassName and name",
    "serviceType": "`ClusterIP` or `NodePort`",
    "dns01.nameservers": "`host:port`, or an `https://` URL",
    "route53.accessKeyID": "not with accessKeyIDSecretRef",
    "cloudflare.apiKeySecretRef": "exactly one of apiKeySecretRef (with email) and apiTokenSecretRef",
    "rfc2136.nameserver": "`host` or `host:port`, IPv6 in brackets",
    "rfc2136.tsigAlgorithm": "`HMACMD5`, `HMACSHA1`, `HMACSHA256`, `HMACSHA512`, in any case",
    "rfc2136.tsigKeyName": "with tsigSecretSecretRef",
    "spec.ca.ocspServers": "no empty text",
    "spec.ca.issuingCertificateURLs": "no empty text",
    "spec.vault.caBundle": "at least one certificate; not with caBundleSecretRef",
    "spec.vault.clientCertSecretRef": "with clientKeySecretRef",
    "spec.vault.path": "no `..` segment",
    "spec.vault.auth": "at least one method",
    "spec.venafi": "exactly one of tpp, cloud, ngts",
    "Order:spec.request": "never changed",
    "Order:status.url": "written once",
    "Order:status.finalizeURL": "written once",
    "Order:status.certificate": "written once",
    "Challenge:spec": "never changed after creation",
}

EXAMPLES = {
    "apiVersion": {"Order": "acme.cert-manager.io/v1", "Challenge": "acme.cert-manager.io/v1", "": "cert-manager.io/v1"},
    "CertificatePolicy:apiVersion": "policy.certwright.dev/v1alpha1",
    "allowed.commonNames": ["*.shop.example.com"], "allowed.dnsNames": ["*.shop.example.com"],
    "allowed.emailAddresses": ["*@example.com"], "allowed.ipAddresses": ["10.0.0.0/8"],
    "allowed.uris": ["spiffe://example.com/ns/*/sa/**"], "allowed.organizations": ["Example*"],
    "allowed.organizationalUnits": ["shop"], "allowed.otherSubjectAttributes": True, "allowed.isCA": True,
    "allowed.minDuration": "24h", "allowed.maxDuration": "2160h", "allowed.usages": ["digital signature", "server auth"],
    "privateKeys[].algorithm": "ECDSA", "privateKeys[].minSize": 256, "privateKeys[].maxSize": 384,
    "selector.namespaces": ["web-*"], "selector.issuers[].name": "letsencrypt*",
    "selector.issuers[].kind": "ClusterIssuer", "selector.issuers[].group": "cert-manager.io",
    "issuerRef.name": "letsencrypt", "issuerRef.kind": "ClusterIssuer", "issuerRef.group": "cert-manager.io",
    "commonName": "shop.example.com", "dnsNames": ["shop.example.com", "*.shop.example.com"],
    "emailAddresses": ["ops@example.com"], "ipAddresses": ["192.0.2.7", "2001:db8::7"], "uris": ["spiffe://example.com/shop"],
    "duration": "2160h", "alias": "shop", "password": "changeit", "literalSubject": "CN=shop,OU=web,O=Example,C=NZ",
    "dnsDomains": ["example.com"], "ipRanges": ["10.0.0.0/8"], "uriDomains": ["example.com"],
    "excluded.emailAddresses": ["example.org"], "permitted.emailAddresses": ["example.com"],
    "oid": "1.3.6.1.4.1.311.20.2.3", "utf8Value": "user@example.com", "privateKey.size": 3072, "renewBefore": "720h",
    "renewBeforePercentage": 25, "cron": "0 2 * * SAT,SUN", "timezone": "Europe/Berlin", "windowDuration": "4h",
    "revisionHistoryLimit": 3, "secretName": "shop-tls", "countries": ["NZ"], "localities": ["Wellington"],
    "organizationalUnits": ["web"], "organizations": ["Example Ltd"], "postalCodes": ["6011"],
    "provinces": ["Wellington"], "subject.serialNumber": "4711", "streetAddresses": ["1 Main Street"],
    "usages": ["digital signature", "server auth"], "secretTemplate.annotations": {"team": "shop"},
    "secretTemplate.labels": {"team": "shop"}, "explanationURL": "https://ca.example.com/why",
    "lastError": "the CA answered 503", "conditions[].message": "Certificate is up to date and has not expired",
    "conditions[].observedGeneration": 3, "conditions[].reason": "Ready", "conditions[].type": "Ready",
    "failedIssuanceAttempts": 2, "nextPrivateKeySecretName": "shop-next-key-0f3a", "revision": 4,
    "CertificateRequest:spec.extra": {"scopes": ["deploy"]}, "groups": ["system:authenticated"],
    "spec.uid": "5d3c2a1e-0000-4000-8000-000000000001", "username": "system:serviceaccount:web:deployer",
    "email": "ops@example.com", "keyID": "kid-1", "preferredChain": "ISRG Root X1", "profile": "shortlived",
    "acme.server": "https://acme-v02.api.letsencrypt.org/directory", "acmeDNS.host": "https://auth.example.com",
    "serviceConsumerDomain": "akab-host.luna.akamaiapis.net", "clientID": "00000000-0000-0000-0000-000000000001",
    "azureDNS.hostedZoneName": "example.com", "resourceID": "/subscriptions/…/userAssignedIdentities/dns",
    "tenantID": "00000000-0000-0000-0000-000000000002", "resourceGroupName": "dns",
    "subscriptionID": "00000000-0000-0000-0000-000000000003", "cloudDNS.hostedZoneName": "example-zone",
    "project": "my-project", "nameservers": ["192.0.2.53:53", "https://dns.example.com/dns-query"],
    "rfc2136.nameserver": "192.0.2.53:53", "tsigAlgorithm": "HMACSHA256", "tsigKeyName": "acme-key",
    "accessKeyID": "AKIAIOSFODNN7EXAMPLE", "audiences": ["sts.amazonaws.com"], "hostedZoneID": "Z0123456789",
    "region": "eu-central-1", "route53.role": "arn:aws:iam::123456789012:role/dns", "webhook.config": {"zone": "example.com"},
    "groupName": "acme.example.com", "solverName": "my-dns", "parentRefs[].group": "gateway.networking.k8s.io",
    "parentRefs[].kind": "Gateway", "parentRefs[].name": "public", "parentRefs[].namespace": "gateways",
    "port": 80, "sectionName": "http", "weight": 10, "tolerationSeconds": 300, "topologyKey": "kubernetes.io/hostname",
    "matchExpressions[].key": "kubernetes.io/arch", "matchExpressions[].operator": "In",
    "matchExpressions[].values": ["amd64"], "matchFields[].key": "metadata.name", "matchFields[].operator": "In",
    "matchFields[].values": ["node-1"], "matchLabelKeys": ["pod-template-hash"], "mismatchLabelKeys": ["tier"],
    "namespaces": ["web"], "matchLabels": {"team": "shop"}, "priorityClassName": "system-cluster-critical",
    "fsGroup": 1000, "runAsGroup": 1000, "runAsUser": 1000, "fsGroupChangePolicy": "OnRootMismatch",
    "seLinuxOptions.level": "s0:c123,c456", "seLinuxOptions.role": "system_r", "seLinuxOptions.type": "container_t",
    "seLinuxOptions.user": "system_u", "localhostProfile": "profiles/solver.json", "seccompProfile.type": "RuntimeDefault",
    "supplementalGroups": [2000], "sysctls[].name": "net.ipv4.tcp_syncookies", "sysctls[].value": "1",
    "serviceAccountName": "solver", "tolerations[].effect": "NoSchedule", "tolerations[].key": "dedicated",
    "tolerations[].operator": "Equal", "tolerations[].value": "edge", "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "podTemplate.metadata.annotations": {"team": "shop"}, "podTemplate.metadata.labels": {"team": "shop"},
    "ingressTemplate.metadata.annotations": {"team": "shop"}, "ingressTemplate.metadata.labels": {"team": "shop"},
    "gatewayHTTPRoute.labels": {"gateway": "public"}, "limits": {"cpu": "100m"}, "requests": {"memory": "64Mi"},
    "serviceType": "ClusterIP", "ingress.class": "nginx", "ingressClassName": "traefik", "http01.ingress.name": "shop",
    "dnsZones": ["example.com"], "waitInsteadOfSelfCheck": "2m", "crlDistributionPoints": ["http://crl.example.com/ca.crl"],
    "issuingCertificateURLs": ["http://ca.example.com/ca.crt"], "ocspServers": ["http://ocsp.example.com"],
    "appRole.path": "approle", "roleId": "4a1b2c3d", "iamRoleArn": "arn:aws:iam::123456789012:role/vault",
    "aws.mountPath": "/v1/auth/aws", "aws.role": "issuer", "vaultHeaderValue": "vault.example.com",
    "clientCertificate.mountPath": "/v1/auth/cert", "clientCertificate.name": "issuer",
    "kubernetes.mountPath": "/v1/auth/kubernetes", "kubernetes.role": "issuer", "vault.namespace": "team-a",
    "vault.path": "pki/sign/shop", "vault.server": "https://vault.example.com:8200", "serverName": "vault.internal",
    "cloud.url": "https://api.venafi.cloud", "tokenEndpoint": "https://auth.example.com/token", "tsgID": "1234567890",
    "ngts.url": "https://api.example.com", "tpp.url": "https://tpp.example.com/vedsdk", "zone": "DevOps\\shop",
    "lastPrivateKeyHash": "7Wb1…", "lastRegisteredEmail": "ops@example.com", "acme.uri": "https://ca.example.com/acct/1",
    "replaces": "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE", "challenges[].token": "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDf",
    "challenges[].type": "http-01", "challenges[].url": "https://ca.example.com/chall/1", "identifier": "shop.example.com",
    "authorizations[].url": "https://ca.example.com/authz/1", "finalizeURL": "https://ca.example.com/order/1/finalize",
    "Order:status.reason": "the CA refused the name", "Order:status.url": "https://ca.example.com/order/1",
    "authorizationURL": "https://ca.example.com/authz/1", "Challenge:spec.dnsName": "shop.example.com",
    "Challenge:spec.key": "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDf.9jg46WB3", "spec.token": "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDf",
    "Challenge:spec.url": "https://ca.example.com/chall/1",
    "Challenge:status.reason": "Waiting for HTTP-01 challenge propagation", "*ecretRef.name": "my-secret",
    "*ecretRef.key": "password", "credentialsRef.name": "my-secret", "serviceAccountRef.name": "issuer",
    "imagePullSecrets[].name": "registry",
}

MANIFESTS = {
    "Certificate": """metadata: {name: shop, namespace: web}
spec:
  secretName: shop-tls
  issuerRef: {name: letsencrypt, kind: ClusterIssuer}
  dnsNames: [shop.example.com, www.shop.example.com]
  privateKey: {algorithm: ECDSA, size: 256}
  usages: [digital signature, server auth]
  duration: 2160h
  renewBefore: 720h
  renewal:
    policy: RenewBefore
    windows:
      - {cron: "0 2 * * SAT,SUN", windowDuration: 4h, timezone: Europe/Berlin}
  secretTemplate:
    labels: {team: shop}
""",
    "CertificateRequest": """metadata: {name: shop-by-hand, namespace: web}
spec:
  request: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K  # base64 of the PEM request
  issuerRef: {name: internal-ca}
  duration: 720h
  usages: [digital signature, server auth]
""",
    "CertificatePolicy": """metadata: {name: shop}
spec:
  selector:
    issuers: [{name: letsencrypt, kind: ClusterIssuer}]
    namespaces: [shop-*]
  allowed:
    dnsNames: ["*.shop.example.com"]
    usages: [digital signature, key encipherment, server auth]
    maxDuration: 2160h
    privateKeys: [{algorithm: ECDSA, minSize: 256}]
""",
    "Issuer": """metadata: {name: internal-ca, namespace: web}
spec:
  ca: {secretName: internal-ca-key-pair}
""",
    "ClusterIssuer": """metadata: {name: letsencrypt}
spec:
  acme:
    server: https://acme-v02.api.letsencrypt.org/directory
    privateKeySecretRef: {name: letsencrypt-account}
    solvers:
      - http01: {ingress: {ingressClassName: traefik}}
      - selector: {dnsZones: [example.com]}
        dns01:
          rfc2136:
            nameserver: 192.0.2.53:53
            tsigKeyName: acme-key
            tsigAlgorithm: HMACSHA256
            tsigSecretSecretRef: {name: tsig, key: secret}
""",
    "Order": """metadata: {name: shop-1-2154963105, namespace: web}  # made by the controller, not by hand
spec:
  request: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K
  issuerRef: {name: letsencrypt, kind: ClusterIssuer}
  dnsNames: [shop.example.com]
""",
    "Challenge": """metadata: {name: shop-1-2154963105-1044286354, namespace: web}  # made by the controller, not by hand
spec:
  type: HTTP-01
  dnsName: shop.example.com
  token: LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDf
  key: LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDf.9jg46WB3
  url: https://ca.example.com/chall/1
  authorizationURL: https://ca.example.com/authz/1
  issuerRef: {name: letsencrypt, kind: ClusterIssuer}
  solver: {http01: {ingress: {ingressClassName: traefik}}}
""",
}

OPENING = """# The API, field by field

Written by `scripts/crd/generate.py` from the definitions in `crds/`; change it there.

- **Type**: as in the schema; `[]` is a list.
- **Default**: what holds where the field is left out. Those marked *stored* the API server writes into the object; all others
  the controllers assume.
- **Rule**: what the schema, the webhook and the controllers refuse. *Required* binds where the object around the field is there.
- **Example**: as it would stand in YAML.

Durations are Go's: `2160h`, `1h30m`. A *key of a Secret* names a Secret beside the object; for a ClusterIssuer one in the cluster
resource namespace.
"""


def lookup(table, kind, path):
    """The entry for this very field of this kind, else the one whose key is the longest end of the path."""
    def fits(key):
        return path.endswith(key[1:]) if key.startswith("*") else f".{path}".endswith("." + key)

    if f"{kind}:{path}" in table:
        return table[f"{kind}:{path}"]
    best = max(filter(fits, table), key=len, default=None)
    return None if best is None else table[best]


def yaml(value):
    """One line of YAML, flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {yaml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(yaml(inner) for inner in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    special = isinstance(value, str) and (text[:1] in "*&!%@`'\"{[0123456789-" or ": " in text or " #" in text)
    return json.dumps(text, ensure_ascii=False) if special and text else text


def example(schema, kind, path):
    if schema.get("enum"):
        return schema["enum"][0]
    known = lookup(EXAMPLES, kind, path)
    if isinstance(known, dict) and "" in known:
        known = known.get(kind, known[""])
    if known is not None:
        return known
    if path == "kind":
        return kind
    inner = schema.get("items")
    if inner and not inner.get("properties"):
        return [example(inner, kind, path + "[]")]
    return {
        "boolean": True, "date-time": "2026-01-02T03:04:05Z", "byte": "LS0tLS1CRUdJTiD…",
    }.get(schema.get("format") or schema.get("type"))


def type_name(schema):
    if "items" in schema:
        return "[]" + type_name(schema["items"])
    if "additionalProperties" in schema:
        return "map of " + type_name(schema["additionalProperties"])
    if schema.get("x-kubernetes-int-or-string"):
        return "quantity"
    if "type" not in schema:
        return "any"
    name = {"date-time": "time", "byte": "base64"}.get(schema.get("format"), schema["type"])
    return {"int32": "int32", "int64": "int64"}.get(schema.get("format"), name)


def default(schema, kind, path):
    if "default" in schema:
        return f"`{schema['default']}` *stored*" if schema["default"] else "empty *stored*"
    return lookup(DEFAULTS, kind, path) or ""


def rule(schema, kind, path, required):
    parts = ["required"] if required else []
    bottom = schema.get("items", schema)
    if "enum" in bottom:
        parts.append("one of " + ", ".join(f"`{value}`" for value in bottom["enum"]))
    if "pattern" in schema and not schema.get("x-kubernetes-int-or-string"):
        parts.append(f"matches `{schema['pattern']}`")
    for key, text in (("maxLength", "at most {} characters"), ("minimum", "at least {}"), ("maximum", "at most {}"),
                      ("minItems", "at least {} items"), ("maxItems", "at most {} items")):
        if key in schema:
            parts.append(text.format(schema[key]))
    if schema.get("minLength"):
        parts.append("not empty")
    known = lookup(RULES, kind, path)
    # A rule in the schema may be the same one in CEL's own words.
    parts += [known] if known else [each["message"] for each in schema.get("x-kubernetes-validations", []) if "message" in each]
    return "; ".join(dict.fromkeys(parts))


class Table:
    def __init__(self):
        # Large parts of the schema that come again, by their content.
        self.seen = {}

    def rows(self, schema, kind, path=""):
        needed = schema.get("required", [])
        for name, inner in schema.get("properties", {}).items():
            if not path and name == "metadata":
                continue
            yield from self.field(inner, kind, f"{path}.{name}" if path else name, name in needed)

    def field(self, schema, kind, path, required):
        inner = schema.get("items", schema)
        meaning = schema.get("description", "")
        known = self.known(inner, kind, path) if inner.get("properties") else None
        if known:
            meaning += f" Its fields are those of {known}."
        shown = "" if inner.get("properties") else f"`{yaml(self.example(schema, kind, path))}`"
        cells = [f"`{path}`", type_name(schema), default(schema, kind, path), rule(schema, kind, path, required), meaning, shown]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        if not known:
            yield from self.rows(inner, kind, path + ("[]" if "items" in schema else ""))

    def example(self, schema, kind, path):
        value = example(schema, kind, path)
        assert value is not None, f"scripts/crd/reference.py has no example for {kind} {path}"
        return value

    def known(self, schema, kind, path):
        content = json.dumps({key: value for key, value in schema.items() if key != "description"}, sort_keys=True)
        if content.count('"description"') < 6:
            return None
        here = f"`{path}` of {kind}"
        first = self.seen.setdefault(content, here)
        return None if first == here else first


def text(definitions):
    table, parts = Table(), [OPENING]
    for definition in definitions:
        spec = definition["spec"]
        kind, version = spec["names"]["kind"], spec["versions"][0]
        schema = version["schema"]["openAPIV3Schema"]
        head = f"apiVersion: {spec['group']}/{version['name']}\nkind: {kind}\n"
        short = ", ".join(f"`{name}`" for name in spec["names"].get("shortNames", []))
        parts += [
            f"## {kind}\n", schema["description"] + f" {spec['scope']}; `kubectl get {spec['names']['plural']}`"
            + (f" or {short}" if short else "") + ".\n", f"```yaml\n{head}{MANIFESTS[kind]}```\n",
            "| Field | Type | Default | Rule | Meaning | Example |\n| --- | --- | --- | --- | --- | --- |\n"
            + "\n".join(table.rows(schema, kind)) + "\n",
        ]
    return "\n".join(parts)
