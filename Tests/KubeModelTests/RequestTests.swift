import HTTPTypes
import KubeModel
import Testing
import Wire

@Suite("requests to the API server")
struct RequestTests {
    let secret = ObjectKey(namespace: "web", name: "site-tls")

    @Test("paths of core and named groups, with and without namespace, name and subresource")
    func paths() {
        #expect(Secret.resource.path(namespace: "web", name: "a") == "/api/v1/namespaces/web/secrets/a")
        #expect(Secret.resource.path() == "/api/v1/secrets")
        #expect(
            Lease.resource.path(namespace: "n", name: "l", subresource: "status")
                == "/apis/coordination.k8s.io/v1/namespaces/n/leases/l/status")
        #expect(Namespace.resource.path(namespace: "ignored", name: "x") == "/api/v1/namespaces/x")
    }

    @Test("a name cannot reach another path")
    func hostileName() {
        let request = KubeRequest.get(Secret.resource, ObjectKey(namespace: "a/../b", name: "x?watch=1#ä"))
        #expect(request.target == "/api/v1/namespaces/a%2F..%2Fb/secrets/x%3Fwatch%3D1%23%C3%A4")
    }

    @Test("a page of a list says how many and from where")
    func list() {
        let request = KubeRequest.list(
            Secret.resource, ListOptions(labelSelector: "!controller.cert-manager.io/fao", metadataOnly: true),
            limit: 500, continueToken: "a=b")
        #expect(
            request.target
                == "/api/v1/secrets?labelSelector=%21controller.cert-manager.io%2Ffao&limit=500&continue=a%3Db")
        #expect(request.accept == .metadataList)
        #expect(request.isRead)
    }

    @Test("a watch asks for bookmarks and an end")
    func watch() {
        let request = KubeRequest.watch(
            Secret.resource, ListOptions(namespace: "web"), from: "42", timeoutSeconds: 300)
        #expect(
            request.target
                == "/api/v1/namespaces/web/secrets?watch=true&allowWatchBookmarks=true&resourceVersion=42&timeoutSeconds=300"
        )
    }

    @Test("creates and JSON patches are never sent twice, updates and merge patches only of a version, applies always")
    func idempotence() {
        #expect(!KubeRequest.create(Secret.resource, namespace: "web", [:]).isIdempotent)
        #expect(!KubeRequest.jsonPatch(Secret.resource, secret, []).isIdempotent)
        #expect(KubeRequest.apply(Secret.resource, secret, [:], fieldManager: "m", force: true).isIdempotent)
        let pinned: JSONValue = ["metadata": ["resourceVersion": "5"]]
        #expect(!KubeRequest.mergePatch(Secret.resource, secret, [:]).isIdempotent)
        #expect(KubeRequest.mergePatch(Secret.resource, secret, pinned).isIdempotent)
        #expect(!KubeRequest.replace(Secret.resource, secret, [:]).isIdempotent)
        #expect(KubeRequest.replace(Secret.resource, secret, pinned).isIdempotent)
    }

    @Test("an apply names its manager and its content type")
    func apply() {
        let request = KubeRequest.apply(
            Secret.resource, secret, ["a": 1], fieldManager: "cert-manager-certificates-issuing", force: true)
        #expect(
            request.target
                == "/api/v1/namespaces/web/secrets/site-tls?fieldManager=cert-manager-certificates-issuing&force=true")
        #expect(request.method == .patch)
        #expect(request.contentType == .apply)
        #expect(request.body == ["a": 1])
    }

    @Test("a delete carries its preconditions")
    func delete() {
        let request = KubeRequest.delete(
            Secret.resource, secret, preconditions: Preconditions(uid: "u", resourceVersion: "7"))
        #expect(
            request.body == [
                "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
                "preconditions": ["uid": "u", "resourceVersion": "7"],
            ])
    }
}

@Suite("objects and watch lines")
struct ObjectTests {
    @Test("an object goes out with apiVersion and kind and comes back as it was")
    func roundTrip() throws {
        var secret = Secret(
            metadata: ObjectMeta(name: "a", namespace: "n"), type: "kubernetes.io/tls",
            data: ["tls.key": Base64Data(Array("k".utf8))])
        secret.metadata.labels = ["x": "y"]
        let manifest = try secret.manifest()
        #expect(manifest["apiVersion"] == "v1")
        #expect(manifest["kind"] == "Secret")
        #expect(try manifest.decode(Secret.self) == secret)
        #expect(!secret.description.contains("aw=="))
    }

    @Test("watch lines are read by their type; an error carries the whole status")
    func watchLines() throws {
        func event(_ text: String) throws -> WatchEvent { try WatchEvent(Array(text.utf8)) }
        #expect(
            try event(#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"#)
                == .bookmark(resourceVersion: "9"))
        #expect(
            try event(#"{"type":"ADDED","object":{"metadata":{"name":"a","managedFields":[1]}}}"#)
                == .added(["metadata": ["name": "a"]]))
        let gone = try event(
            #"{"type":"ERROR","object":{"status":"Failure","message":"too old","reason":"Expired","code":410}}"#)
        #expect(gone == .error(Status(code: 410, reason: "Expired", message: "too old")))
        #expect(throws: WatchEventError.unknownType("NEW")) { try event(#"{"type":"NEW","object":{}}"#) }
        #expect(throws: WatchEventError.shape) { try event(#"{"type":"ADDED"}"#) }
        #expect(throws: JSONError.self) { try event("{") }
    }
}
