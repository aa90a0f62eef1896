import Admission
import CertificateAPI
import Testing
import Wire

@Suite("Admission of Issuers and ClusterIssuers")
struct IssuerAdmissionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var problems: [String]
        var spec: JSONValue
        var testDescription: String { problems.first ?? "legal: \(spec)" }

        init(_ spec: JSONValue, _ problems: String...) {
            self.spec = spec
            self.problems = problems
        }
    }

    static func solver(_ solver: JSONValue) -> JSONValue { Samples.acme(solver: solver)["spec"] ?? nil }
    static func dns(_ provider: String, _ config: JSONValue) -> JSONValue {
        Samples.dns01(provider, config)["spec"] ?? nil
    }
    static let s = "spec.acme.solvers[0]"
    static let key: JSONValue = ["name": "s", "key": "k"]

    @Test("each rule names the field it is about, for both kinds alike", arguments: cases)
    func rules(_ rule: Case) {
        for (resource, kind) in [("issuers", "Issuer"), ("clusterissuers", "ClusterIssuer")] {
            let request = AdmissionRequest.create(resource, Samples.issuer(rule.spec, kind: kind))
            #expect(request.problemTexts == rule.problems)
        }
    }

    static let cases: [Case] = general + solvers + providers + vault + venafi

    static let general: [Case] = [
        Case(["selfSigned": [:]]), Case(["ca": ["secretName": "s"]]),
        Case([:], "spec: Required value: at least one issuer must be configured"),
        Case(
            ["selfSigned": [:], "ca": ["secretName": "s"]],
            "spec.selfSigned: Forbidden: may not specify more than one issuer type"),
        Case(["ca": ["secretName": ""]], "spec.ca.secretName: Required value"),
        Case(
            ["ca": ["secretName": "s", "ocspServers": [""]]],
            "spec.ca.ocspServers[0]: Invalid value: \"\": must be a valid URL, e.g., http://ocsp.int-x3.letsencrypt.org"
        ),
        Case(
            [
                "acme": [
                    "server": "", "privateKeySecretRef": ["name": ""],
                    "externalAccountBinding": [
                        "keyID": "", "keySecretRef": ["name": "", "key": ""],
                    ],
                ]
            ],
            "spec.acme.privateKeySecretRef.name: Required value: private key secret name is a required field",
            "spec.acme.server: Required value: acme server URL is a required field",
            "spec.acme.externalAccountBinding.keyID: Required value: the keyID field is required when using"
                + " externalAccountBinding",
            "spec.acme.externalAccountBinding.keySecretRef.name: Required value: secret name is required",
            "spec.acme.externalAccountBinding.keySecretRef.key: Required value: secret key is required"),
        Case(
            [
                "acme": [
                    "server": "x", "privateKeySecretRef": ["name": "a"], "caBundle": "bm9uc2Vuc2U=",
                    "skipTLSVerify": true,
                ]
            ],
            "spec.acme.caBundle: Invalid value: \"<snip>\": caBundle and skipTLSVerify are mutually exclusive and cannot"
                + " both be set",
            "spec.acme.caBundle: Invalid value: \"<snip>\": cert bundle didn't contain any valid certificates"),
    ]

    static let solvers: [Case] = [
        Case(solver(["http01": ["ingress": ["serviceType": "NodePort", "ingressClassName": "nginx"]]])),
        Case(solver([:]), "\(s): Required value: no solver type configured"),
        Case(
            solver(["http01": ["ingress": [:]], "dns01": ["digitalocean": ["tokenSecretRef": key]]]),
            "\(s).dns01: Forbidden: may not specify more than one solver type in a single solver"),
        Case(
            solver(["http01": ["ingress": [:]], "waitInsteadOfSelfCheck": "-1s"]),
            "\(s).waitInsteadOfSelfCheck: Invalid value: \"-1s\": must not be negative"),
        Case(solver(["http01": [:]]), "\(s).http01: Required value: no HTTP01 solver type configured"),
        Case(
            solver(["http01": ["ingress": ["class": "a", "name": "b", "ingressClassName": "UP", "serviceType": "X"]]]),
            "\(s).http01.ingress.serviceType: Invalid value: \"X\": must be empty, \"ClusterIP\" or \"NodePort\"",
            "\(s).http01.ingress: Forbidden: only one of 'ingressClassName', 'name' or 'class' should be specified",
            "\(s).http01.ingress.ingressClassName: Invalid value: \"UP\": a lowercase RFC 1123 subdomain must consist of"
                + " lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
        ),
        Case(
            solver(["http01": ["gatewayHTTPRoute": ["parentRefs": [["name": "", "kind": "Gateway"]]]]]),
            "\(s).http01.gatewayHTTPRoute.parentRefs[0].name: Required value: must be set along with kind"),
        Case(
            solver([
                "dns01": [
                    "cnameStrategy": "Maybe",
                    "nameservers": [
                        "9.9.9.9:53", "https://dns.example/q", "[2001:db8::1]:53", "9.9.9.9", "2001:db8::1:53",
                    ],
                    "digitalocean": ["tokenSecretRef": key],
                ]
            ]),
            "\(s).dns01.cnameStrategy: Unsupported value: \"Maybe\": supported values: \"None\", \"Follow\"",
            "\(s).dns01.nameservers[3]: Invalid value: \"9.9.9.9\": must be in the format host:port (IPv6 addresses in"
                + " brackets), or an https URL",
            "\(s).dns01.nameservers[4]: Invalid value: \"2001:db8::1:53\": must be in the format host:port (IPv6 addresses"
                + " in brackets), or an https URL"),
        Case(solver(["dns01": [:]]), "\(s).dns01: Required value: no DNS01 provider configured"),
        Case(
            solver([
                "dns01": ["digitalocean": ["tokenSecretRef": key], "webhook": ["groupName": "g", "solverName": "s"]]
            ]),
            "\(s).dns01.webhook: Forbidden: may not specify more than one provider type"),
    ]

    static let providers: [Case] = [
        Case(
            dns("akamai", ["accessTokenSecretRef": key, "clientSecretSecretRef": ["name": "s"]]),
            "\(s).dns01.akamai.clientSecretSecretRef.key: Required value: secret key is required",
            "\(s).dns01.akamai.clientTokenSecretRef: Required value",
            "\(s).dns01.akamai.serviceConsumerDomain: Required value"),
        Case(dns("azureDNS", ["subscriptionID": "s", "resourceGroupName": "g", "managedIdentity": ["clientID": "c"]])),
        Case(
            dns("azureDNS", ["clientID": "c", "managedIdentity": [:], "environment": "Moon"]),
            "\(s).dns01.azureDNS.clientSecretSecretRef: Required value: must be set along with clientID",
            "\(s).dns01.azureDNS.tenantID: Required value: must be set along with clientID",
            "\(s).dns01.azureDNS.managedIdentity: Forbidden: managed identity can not be used with a service principal",
            "\(s).dns01.azureDNS.subscriptionID: Required value",
            "\(s).dns01.azureDNS.resourceGroupName: Required value",
            "\(s).dns01.azureDNS.environment: Unsupported value: \"Moon\": supported values: \"AzurePublicCloud\","
                + " \"AzureChinaCloud\", \"AzureGermanCloud\", \"AzureUSGovernmentCloud\""),
        Case(
            dns(
                "azureDNS",
                [
                    "subscriptionID": "s", "resourceGroupName": "g",
                    "managedIdentity": ["resourceID": "r", "clientID": "c"],
                ]),
            "\(s).dns01.azureDNS.managedIdentity.clientID: Forbidden: clientID and resourceID cannot both be specified"),
        Case(dns("cloudDNS", ["project": ""]), "\(s).dns01.cloudDNS.project: Required value"),
        Case(dns("cloudflare", ["apiTokenSecretRef": key])),
        Case(
            dns("cloudflare", [:]),
            "\(s).dns01.cloudflare: Required value: apiKeySecretRef or apiTokenSecretRef is required"),
        Case(
            dns("cloudflare", ["apiKeySecretRef": key]),
            "\(s).dns01.cloudflare.email: Required value: is required when apiKeySecretRef is used"),
        Case(
            dns("route53", ["accessKeyID": "a", "accessKeyIDSecretRef": ["name": "s"]]),
            "\(s).dns01.route53.accessKeyIDSecretRef: Forbidden: accessKeyID and accessKeyIDSecretRef cannot both be"
                + " specified",
            "\(s).dns01.route53.accessKeyIDSecretRef.key: Required value: secret key is required"),
        Case(
            dns("acmeDNS", ["host": ""]), "\(s).dns01.acmeDNS.accountSecretRef: Required value",
            "\(s).dns01.acmeDNS.host: Required value"),
        Case(dns("digitalocean", [:]), "\(s).dns01.digitalocean.tokenSecretRef: Required value"),
        Case(
            dns("webhook", ["groupName": "g", "solverName": ""]), "\(s).dns01.webhook.solverName: Required value"),
        Case(
            dns("rfc2136", ["nameserver": "", "tsigAlgorithm": "ROT13", "tsigKeyName": "k"]),
            "\(s).dns01.rfc2136.nameserver: Required value",
            "\(s).dns01.rfc2136.tsigAlgorithm: Unsupported value: \"ROT13\": supported values: \"HMACMD5\", \"HMACSHA1\","
                + " \"HMACSHA224\", \"HMACSHA256\", \"HMACSHA384\", \"HMACSHA512\"",
            "\(s).dns01.rfc2136.tsigSecretSecretRef.name: Required value: must be set along with tsigKeyName",
            "\(s).dns01.rfc2136.tsigSecretSecretRef.key: Required value: must be set along with tsigKeyName"),
    ]

    static let vault: [Case] = [
        Case(["vault": ["server": "https://v", "path": "pki/sign/r", "auth": ["tokenSecretRef": ["name": "t"]]]]),
        Case(
            [
                "vault": [
                    "server": "", "path": "pki/../sys", "auth": [:], "caBundle": "bm9uc2Vuc2U=",
                    "caBundleSecretRef": ["name": "ca-bundle"], "clientCertSecretRef": ["name": "c"],
                ]
            ],
            "spec.vault.server: Required value",
            "spec.vault.path: Invalid value: \"pki/../sys\": must not contain the segment \"..\"",
            "spec.vault.caBundle: Invalid value: \"<snip>\": specified caBundle and caBundleSecretRef cannot be used"
                + " together",
            "spec.vault.caBundleSecretRef: Invalid value: \"ca-bundle\": specified caBundle and caBundleSecretRef cannot"
                + " be used together",
            "spec.vault.caBundle: Invalid value: \"<snip>\": cert bundle didn't contain any valid certificates",
            "spec.vault.clientKeySecretRef: Required value: must be set along with clientCertSecretRef",
            "spec.vault.auth: Required value: please supply one of: appRole, kubernetes, tokenSecretRef,"
                + " clientCertificate, aws"),
        Case(
            [
                "vault": [
                    "server": "v", "path": "p",
                    "auth": [
                        "appRole": ["path": "../x", "roleId": "", "secretRef": ["name": ""]],
                        "kubernetes": ["role": "", "mountPath": "/v1/../x", "serviceAccountRef": ["name": ""]],
                        "aws": ["role": "r", "serviceAccountRef": ["name": "sa"]],
                    ],
                ]
            ],
            "spec.vault.auth.appRole.roleId: Required value",
            "spec.vault.auth.appRole.secretRef.name: Required value: secret name is required",
            "spec.vault.auth.appRole.path: Invalid value: \"../x\": must not contain the segment \"..\"",
            "spec.vault.auth.kubernetes.mountPath: Invalid value: \"/v1/../x\": must not contain the segment \"..\"",
            "spec.vault.auth.kubernetes.serviceAccountRef.name: Required value",
            "spec.vault.auth.kubernetes.role: Required value",
            "spec.vault.auth.aws.iamRoleArn: Required value: must be set along with serviceAccountRef"),
    ]

    static let venafi: [Case] = [
        Case(["venafi": ["zone": "z", "cloud": ["apiTokenSecretRef": ["name": "t"]]]]),
        Case(
            ["venafi": ["zone": "", "ngts": ["tsgID": "", "credentialsRef": ["name": ""]]]],
            "spec.venafi.zone: Required value", "spec.venafi.ngts.tsgID: Required value",
            "spec.venafi.ngts.credentialsRef.name: Required value"),
        Case(
            ["venafi": ["zone": "z"]], "spec.venafi: Required value: please supply exactly one of: tpp, cloud, ngts"),
        Case(
            [
                "venafi": [
                    "zone": "z",
                    "tpp": [
                        "url": "", "credentialsRef": ["name": "c"], "caBundle": "bm9uc2Vuc2U=",
                        "caBundleSecretRef": ["name": "b"],
                    ],
                ]
            ],
            "spec.venafi.tpp.url: Required value",
            "spec.venafi.tpp.caBundle: Invalid value: \"<snip>\": specified caBundle and caBundleSecretRef cannot be used"
                + " together",
            "spec.venafi.tpp.caBundle: Invalid value: \"<snip>\": cert bundle didn't contain any valid certificates"),
    ]

    @Test("what is deprecated, unwise or beyond this version is said in a warning")
    func warnings() {
        func warnings(_ spec: JSONValue) -> [String] {
            Validation.judge(.create("issuers", Samples.issuer(spec))).warnings
        }
        let binding: JSONValue = ["keyID": "1", "keySecretRef": Self.key, "keyAlgorithm": "HS512"]
        #expect(
            warnings([
                "acme": [
                    "server": "x", "privateKeySecretRef": ["name": "a"], "skipTLSVerify": true,
                    "externalAccountBinding": binding,
                ]
            ]) == [
                "spec.acme.externalAccountBinding.keyAlgorithm: is deprecated and ignored; HS256 is used always. Remove it",
                "spec.acme.skipTLSVerify: anybody between here and the server can impersonate it; use caBundle instead",
                "spec.acme.solvers: without a solver this issuer can prove control of no name",
            ])
        #expect(warnings(Self.dns("rfc2136", ["nameserver": "192.0.2.1"])) == [])
    }
}
