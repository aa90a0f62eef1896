import ACME
import ACMEServer
import CertificateAPI
import HTTPServer
import HTTPTypes
import KubeModel
import PKI
import TestSupport
import Testing
import Wire

@Suite("What the ACME server refuses", .timeLimit(.minutes(2)))
struct RefusalTests {
    private let name = ACMEIdentifier.dns("www.example.com")

    private func registering(
        _ world: World, _ binding: ExternalAccountBinding?, issuer: IssuerName = World.issuer
    ) async throws -> ACMEError? {
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        return await refusal {
            _ = try await world.server(issuer).newAccount(NewACMEAccount(binding: binding), key: key)
        }
    }

    @Test("accounts without a binding, of an unknown key, of a wrong one, for another issuer, and too many of one")
    func bindings() async throws {
        let world = try await World()
        // Our own client does not even ask without one.
        let none = try await signed(world, "new-account", ["termsOfServiceAgreed": true])
        #expect(none.problem == "externalAccountRequired")
        #expect(none.response.status == .forbidden)
        let unknown = try await registering(world, World.binding("nobody"))
        let wrong = try await registering(world, World.binding(key: Array("another key of thirty-two bytes!".utf8)))
        #expect(unknown?.problemType == .unauthorized)
        #expect(
            unknown?.refusal?.problem.detail == wrong?.refusal?.problem.detail, "which key IDs there are is not told")
        let other = IssuerName(namespace: "machines", name: "own")
        world.issuers.set(other, .ready)
        #expect(try await registering(world, World.binding(), issuer: other)?.problemType == .unauthorized)
        world.store.add(
            try World.credential("web", [Credential.Key.issuers: "Issuer/*", Credential.Key.accounts: "1"]))
        #expect(try await registering(world, World.binding(), issuer: other) == nil)
        #expect(try await registering(world, World.binding(), issuer: other)?.problemType == .rateLimited)
        let elsewhere = IssuerName(namespace: "others", name: "own")
        world.issuers.set(elsewhere, .ready)
        #expect(
            try await registering(world, World.binding(), issuer: elsewhere)?.problemType == .unauthorized,
            "an Issuer of another namespace than the requests are made in")
    }

    @Test("names beyond the credential's, each named; and all of an account whose credential is gone")
    func names() async throws {
        let world = try await World()
        let client = try await world.account()
        func ordering(_ names: [ACMEIdentifier]) async -> Problem? {
            await refusal { _ = try await client.newOrder(NewACMEOrder(identifiers: names)) }?.refusal?.problem
        }
        let one = await ordering([.dns("www.example.org")])
        #expect(one?.type == .rejectedIdentifier)
        let several = await ordering(
            [.dns("a.b.example.com"), name, .dns("www.example.org"), try ACMEIdentifier(ip: "198.51.100.1")])
        #expect(several?.type == .rejectedIdentifier)
        #expect(
            Set((several?.subproblems ?? []).compactMap { $0.identifier?.value })
                == ["a.b.example.com", "www.example.org", "198.51.100.1"])
        world.store.add(try World.credential("web", [Credential.Key.wildcards: "false"]))
        #expect(await ordering([.dns("*.example.com")])?.type == .rejectedIdentifier)
        world.store.add(try World.credential("web", [Credential.Key.challenges: "http-01"]))
        #expect(await ordering([.dns("*.example.com")])?.type == .rejectedIdentifier, "nothing could prove it")
        // What was allowed when it was ordered, and is no longer when it is finalized.
        world.store.add(try World.credential())
        let ready = try await world.readyOrder([name], by: client)
        world.store.add(try World.credential("web", [Credential.Key.names: "*.example.net"]))
        func finalizing() async -> ACMEError? {
            await refusal {
                _ = try await client.finalize(
                    ready.finalize, orderURL: ready.url, request: try await World.request([.dns("www.example.com")]))
            }
        }
        #expect(await finalizing()?.problemType == .unauthorized)
        world.store.removeCredential("web")
        #expect(await finalizing()?.problemType == .unauthorized)
        #expect(await ordering([name])?.type == .unauthorized)
    }

    @Test("more orders than the credential has for an hour, with the time to come back")
    func rate() async throws {
        let world = try await World()
        world.store.add(try World.credential("web", [Credential.Key.orders: "2"]))
        let client = try await world.account()
        for _ in 0..<2 { _ = try await client.newOrder(NewACMEOrder(identifiers: [name])) }
        world.clock.advance(by: .seconds(600))
        let error = await refusal { _ = try await client.newOrder(NewACMEOrder(identifiers: [name])) }
        #expect(error?.problemType == .rateLimited)
        #expect(error?.status == 429)
        #expect(error?.refusal?.retryAt == world.clock.now() + .seconds(3001))
        world.clock.advance(by: .seconds(3001))
        _ = try await client.newOrder(NewACMEOrder(identifiers: [name]))
    }

    @Test("directories of issuers that are not there, not ready, or sign with a key that stays with the client")
    func issuers() async throws {
        let world = try await World()
        func directory(_ issuer: IssuerName) async -> HTTPResponse.Status {
            await world.raw(get("/acme/\(issuer.path)/directory")).status
        }
        #expect(await directory(World.issuer) == .ok)
        #expect(await directory(IssuerName(namespace: nil, name: "nobody")) == .notFound)
        world.issuers.set(World.issuer, .notReady)
        #expect(await directory(World.issuer) == .serviceUnavailable)
        world.issuers.set(World.issuer, .unsuitable("It signs for itself."))
        let answer = await world.raw(get("/acme/\(World.issuer.path)/directory"))
        #expect(answer.status == .notFound)
        #expect(String(decoding: answer.body, as: UTF8.self).contains("It signs for itself."))
        for path in ["/", "/acme", "/acme/issuer/a", "/acme/clusterissuer/A_b", "/acme/clusterissuer/../x/directory"] {
            #expect(await world.raw(get(path)).status == .notFound, "\(path)")
        }
        #expect(
            await world.raw(get("/acme/clusterissuer/ca/order/\(String(repeating: "0", count: 32))")).status
                == .methodNotAllowed)
    }

    @Test("orders and accounts of others, and accounts of another directory")
    func others() async throws {
        let world = try await World()
        let second = IssuerName(namespace: nil, name: "second")
        world.issuers.set(second, .ready)
        world.store.add(try World.credential("web", [Credential.Key.issuers: "ClusterIssuer/*"]))
        let (client, other) = (try await world.account(), try await world.account())
        let order = try await client.newOrder(NewACMEOrder(identifiers: [name]))
        for url in [order.url, order.authorizations[0]] {
            let error = await refusal { _ = try await other.order(url) }
            #expect(error?.status == 404)
        }
        let foreign = await refusal {
            _ = try await ACMEClient(
                server: client.server, accountURL: other.accountURL, key: try await .generate(.ed25519)
            )
            .account()
        }
        #expect(foreign?.problemType == .badSignatureAlgorithm || foreign?.problemType == .malformed)
        let elsewhere = try await world.account(issuer: second)
        let crossed = await refusal { _ = try await elsewhere.order(order.url) }
        #expect(crossed?.problemType == .accountDoesNotExist)
    }

    @Test(
        "signing requests for other names, for a CA, with more than names, for other purposes, with the account's key",
        arguments: 0..<9)
    func signingRequests(_ number: Int) async throws {
        let world = try await World()
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let client = try await world.account(key: key)
        let ready = try await world.readyOrder([name], by: client)
        let own = GeneralName.dns("www.example.com")
        let request =
            switch number {
            case 0: try await World.request([own, .dns("api.example.com")])
            case 1: try await World.request([.dns("api.example.com")])
            case 2: try await World.request([], commonName: "www.example.com")
            case 3: try await World.request([own, .uri("spiffe://a/b")])
            case 4: try await World.request([own]) { $0.basicConstraints = BasicConstraints(isCA: true) }
            case 5: try await World.request([own]) { $0.keyUsage = [.digitalSignature, .certSign] }
            case 6: try await World.request([own]) { $0.extendedKeyUsage = [.serverAuth, .codeSigning] }
            case 7: try await World.request([own], key: key)
            default:
                try await SigningRequest.make(
                    subject: try DistinguishedName(
                        commonName: "www.example.com",
                        { () -> SubjectFields in
                            var fields = SubjectFields()
                            fields.organizations = ["Somebody Else"]
                            return fields
                        }()),
                    extensions: { () -> CertificateExtensions in
                        var extensions = CertificateExtensions()
                        extensions.names = [own]
                        return extensions
                    }(), key: try await PrivateKey.generate(.ecdsa(.p256)))
            }
        let answer = try await signed(
            world, String(ready.finalize.dropFirst("\(World.origin)/acme/clusterissuer/ca/".count)),
            ["csr": .string(Base64.encodeURL(request.der))], account: client.accountURL, key: key)
        #expect(answer.problem == "badCSR", "\(answer)")
        #expect(try await client.order(ready.url).status == .ready, "the order can still be finalized")
    }

    // MARK: By hand

    private struct Answer { var response: ServerResponse, problem: String }

    private func get(_ path: String) -> ServerRequest {
        ServerRequest(target: path, headers: [HTTPField.Name("Host")!: "acme.test"])
    }

    private func nonce(_ world: World) async -> String {
        await world.raw(get("/acme/clusterissuer/ca/new-nonce")).headers[HTTPField.Name("Replay-Nonce")!] ?? ""
    }

    /// Signs and sends, with whatever a test changes.
    private func signed(
        _ world: World, _ path: String, _ payload: JSONValue?, account: String? = nil, key: PrivateKey? = nil,
        nonce given: String? = nil, contentType: String = "application/jose+json",
        header change: (inout JSONObject) -> Void = { _ in }, body changeBody: (inout JSONObject) -> Void = { _ in }
    ) async throws -> Answer {
        let signer: PrivateKey
        if let key { signer = key } else { signer = try await PrivateKey.generate(.ecdsa(.p256)) }
        let target = "/acme/clusterissuer/ca/\(path)"
        var header: JSONObject = [
            "alg": .string(signer.jwsAlgorithm), "url": .string(World.origin + target),
        ]
        if let given { header["nonce"] = .string(given) } else { header["nonce"] = .string(await nonce(world)) }
        if let account { header["kid"] = .string(account) } else { header["jwk"] = signer.publicKey.jwk }
        change(&header)
        let protected = Base64.encodeURL(JSONValue.object(header).serialized())
        let text = Base64.encodeURL(payload?.serialized() ?? [])
        let signature = try await signer.signJWS(Array("\(protected).\(text)".utf8))
        var body: JSONObject = [
            "protected": .string(protected), "payload": .string(text),
            "signature": .string(Base64.encodeURL(signature)),
        ]
        changeBody(&body)
        let response = await world.raw(
            ServerRequest(
                method: .post, target: target,
                headers: [HTTPField.Name("Host")!: "acme.test", .contentType: contentType],
                body: JSONValue.object(body).serialized()))
        let type = (try? JSONValue(parsing: response.body))?["type"]?.stringValue ?? ""
        #expect(response.headers[HTTPField.Name("Replay-Nonce")!] != nil, "every answer to a POST has a nonce")
        return Answer(response: response, problem: String(type.split(separator: ":").last ?? ""))
    }

    @Test("a nonce twice, one of another's making, none")
    func nonces() async throws {
        let world = try await World()
        let fresh = await nonce(world)
        #expect(try await signed(world, "new-account", [:], nonce: fresh).problem == "externalAccountRequired")
        #expect(try await signed(world, "new-account", [:], nonce: fresh).problem == "badNonce")
        #expect(try await signed(world, "new-account", [:], nonce: "AAAA").problem == "badNonce")
        #expect(try await signed(world, "new-account", [:], header: { $0["nonce"] = nil }).problem == "badNonce")
        let other = try await World()
        #expect(try await signed(world, "new-account", [:], nonce: await nonce(other)).problem == "badNonce")
    }

    @Test("requests that are no JWS as RFC 8555 has it")
    func malformed() async throws {
        let world = try await World()
        func problem(
            _ path: String = "new-account", header: (inout JSONObject) -> Void = { _ in },
            body: (inout JSONObject) -> Void = { _ in }
        ) async throws -> String {
            try await signed(world, path, ["onlyReturnExisting": true], header: header, body: body).problem
        }
        #expect(try await problem() == "accountDoesNotExist", "the request itself is fine")
        #expect(try await problem(body: { $0["header"] = ["alg": "none"] }) == "malformed")
        #expect(try await problem(body: { $0["signatures"] = [] }) == "malformed")
        #expect(try await problem(body: { $0["signature"] = "AAAA" }) == "malformed")
        #expect(try await problem(body: { $0["payload"] = "e30" }) == "malformed", "another payload than was signed")
        #expect(try await problem(header: { $0["kid"] = "https://acme.test/x" }) == "malformed", "both kid and jwk")
        #expect(try await problem(header: { $0["jwk"] = nil }) == "malformed")
        #expect(try await problem(header: { $0["crit"] = ["exp"] }) == "malformed")
        #expect(try await problem(header: { $0["url"] = "https://other.test/" }) == "unauthorized")
        #expect(try await problem(header: { $0["alg"] = "none" }) == "badSignatureAlgorithm")
        #expect(try await problem(header: { $0["alg"] = "HS256" }) == "badSignatureAlgorithm")
        #expect(try await problem(header: { $0["alg"] = "ES384" }) == "badSignatureAlgorithm")
        #expect(try await problem(header: { $0["jwk"]?["d"] = "AAAA" }) == "badPublicKey")
        #expect(
            try await problem(header: { $0["jwk"] = ["kty": "OKP", "crv": "Ed25519", "x": "AAAA"] }) == "badPublicKey")
        #expect(try await problem(header: { $0["jwk"] = ["kty": "oct", "k": "AAAA"] }) == "badPublicKey")
        #expect(try await problem("new-order") == "malformed", "signed with a jwk")
        #expect(
            try await signed(world, "new-account", [:], contentType: "application/json").response.status
                == .unsupportedMediaType)
        let deep = try JSONValue(parsing: "[[[[1]]]]")
        #expect(try await signed(world, "new-account", ["x": ["y": ["z": deep]]]).problem == "malformed")
        let weak = try await signed(
            world, "new-account", [:],
            header: {
                $0["jwk"] = [
                    "kty": "RSA", "e": "AQAB", "n": .string(Base64.encodeURL([UInt8](repeating: 0xC5, count: 128))),
                ]
            })
        #expect(weak.problem == "badPublicKey")
    }

    @Test("orders with too many names, with none, with names that are none, and with times of their own")
    func orders() async throws {
        let world = try await World()
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let client = try await world.account(key: key)
        func problem(_ payload: JSONValue) async throws -> String {
            try await signed(world, "new-order", payload, account: client.accountURL, key: key).problem
        }
        func dns(_ name: String) -> JSONValue { ["type": "dns", "value": .string(name)] }
        #expect(try await problem([:]) == "malformed")
        #expect(try await problem(["identifiers": []]) == "malformed")
        #expect(try await problem(["identifiers": .array((0...100).map { dns("a\($0).example.com") })]) == "malformed")
        for name in [
            "", "a b.example.com", "192.0.2.1", "b\u{FC}cher.example.com", "*.*.example.com", "a..example.com",
        ] {
            #expect(try await problem(["identifiers": [dns(name)]]) == "malformed", "\(name)")
        }
        #expect(
            try await problem(["identifiers": [["type": "email", "value": "a@example.com"]]]) == "unsupportedIdentifier"
        )
        #expect(
            try await problem(["identifiers": [dns("a.example.com")], "notAfter": "2027-01-01T00:00:00Z"])
                == "malformed")
        #expect(try await problem(["identifiers": [dns("a.example.com")], "profile": "x"]) == "invalidProfile")
        #expect(world.store.orderCount == 0)
    }

    @Test("contacts that are no e-mail addresses, and terms that were not agreed to")
    func accounts() async throws {
        var settings = ACMEService.Settings()
        settings.termsOfService = "https://acme.test/terms"
        let world = try await World(settings: settings)
        func problem(_ contact: String) async throws -> String {
            try await signed(world, "new-account", ["contact": [.string(contact)]]).problem
        }
        #expect(try await problem("tel:+4912345") == "unsupportedContact")
        #expect(try await problem("mailto:a@b@c") == "invalidContact")
        #expect(try await problem("mailto:a@b.c?subject=x") == "invalidContact")
        let key = try await PrivateKey.generate(.ecdsa(.p256))
        let error = await refusal {
            _ = try await world.server().newAccount(NewACMEAccount(binding: World.binding()), key: key)
        }
        #expect(error?.problemType == .userActionRequired)
        #expect(error?.refusal?.termsOfService == "https://acme.test/terms")
        #expect(error?.refusal?.problem.instance == "https://acme.test/terms")
        #expect(try await world.server().directory().termsOfService == "https://acme.test/terms")
        _ = try await world.server().newAccount(
            NewACMEAccount(agreesToTermsOfService: true, binding: World.binding()), key: key)
    }
}
