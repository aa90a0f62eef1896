import ArgumentParser
import CertificateAPI
import Diagnosis
import HTTPTypes
import KubeClient
import KubeModel
import Wire

/// `kubectl cert takeover`.
struct TakeoverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "takeover", abstract: "Has Certwright take cert-manager's place in a cluster, or give it back.",
        discussion: """
            Without --yes it only says what it would do. kubectl cert takeover -f crds -f manifests/certwright.yaml --yes \
            scales cert-manager down, hands leases and field ownership over, and starts Certwright: no Certificate is \
            issued anew, no Secret changes, open Orders are finished. kubectl cert takeover --back --yes returns. \
            docs/migrate.md tells it step by step. Exits with 1 where something speaks against it.
            """)

    @Option(
        name: [.customShort("f"), .long],
        help: "Manifests to start Certwright by: files or folders of YAML; may be given again.",
        completion: .file())
    var filename: [String] = []

    @Flag(help: "Give the cluster back to cert-manager.") var back = false
    @Flag(help: "Do it.") var yes = false
    @Option(help: "How long to wait for pods to end or to be ready, each.", transform: ListCommand.span)
    var timeout = Duration.seconds(180)
    @OptionGroup var output: OutputFlags

    @Option(
        name: [.customShort("n"), .long],
        help: "Where Certwright is or will be; what is needed to go back is kept there.")
    var namespace = "cert-manager"

    @OptionGroup(title: "Cluster") var connection: ConnectionFlags

    func run() async throws {
        let console = Console(output)
        let command = self
        let manifests = try filename.flatMap { try Files.objects(in: $0) }
        try await Session.run(connection, namespace: namespace) { session in
            let look = TakeoverLook(client: session.client, namespace: session.namespace)
            let view = try await look.view(manifests: manifests)
            var plan = command.back ? Takeover.back(view) : Takeover.decide(view)
            let work = TakeoverWork(session: session, console: console, manifests: manifests, timeout: command.timeout)
            if !command.back {
                // What the API server would refuse is found out before cert-manager is stopped.
                let refusals = try await work.refusals()
                plan.blockers += refusals
                if !refusals.isEmpty { plan.steps = [] }
            }
            if !console.printed(plan.json) { Self.tell(plan, console, isDone: command.yes) }
            guard plan.blockers.isEmpty else { throw ExitCode(CommandFailure.notWell) }
            guard command.yes else { return }
            let before = try await look.prints(view.certificates)
            try await work.carryOut(plan.steps)
            try await Self.compare(look, view.certificates, before, console)
        }
    }

    private static func tell(_ plan: TakeoverPlan, _ console: Console, isDone: Bool) {
        func list(_ heading: String, _ texts: [String], _ mood: StatusNode.Mood) {
            guard !texts.isEmpty else { return }
            console.say(console.bold(heading))
            for text in texts { console.say("  \(console.paint(text, mood))") }
            console.say("")
        }
        list("Against it", plan.blockers, .bad)
        list("To know", plan.warnings, .waiting)
        list("What stays", plan.facts, .good)
        list(isDone ? "Steps" : "What would be done", plan.steps.enumerated().map { "\($0 + 1). \($1)" }, .plain)
        if !isDone, plan.blockers.isEmpty { console.say("Nothing has been changed. Say --yes to do it.") }
    }

    private static func compare(
        _ look: TakeoverLook, _ certificates: [Certificate], _ before: [ObjectKey: SecretPrint], _ console: Console
    ) async throws {
        let after = try await look.prints(certificates)
        let changed = before.filter { after[$0.key] != $0.value }.keys.sorted()
        // One that was being issued when it began may be done by now.
        let issuing = Set(
            certificates.filter { $0.status?.conditions.isTrue(Condition.Kind.issuing) == true }
                .map { ObjectKey(namespace: $0.key.namespace, name: $0.spec.secretName) })
        let odd = changed.filter { !issuing.contains($0) }
        Console.note("\(before.count - changed.count) of \(before.count) Secrets are as they were.")
        guard odd.isEmpty else {
            throw CommandFailure("These Secrets have changed: \(odd.map { "\($0)" }.joined(separator: ", "))")
        }
    }
}

/// Carries a takeover out, step by step; any of them may have been done before.
struct TakeoverWork: Sendable {
    let session: Session
    let console: Console
    let manifests: [JSONValue]
    let timeout: Duration
    private var client: KubeClient { session.client }

    func carryOut(_ steps: [TakeoverStep]) async throws {
        for (index, step) in steps.enumerated() {
            Console.note("\(index + 1)/\(steps.count) \(step)")
            do {
                try await carryOut(step)
            } catch {
                throw CommandFailure(
                    "Step \(index + 1) failed: \(error). The same command goes on from here; --back --yes returns.")
            }
        }
    }

    private func carryOut(_ step: TakeoverStep) async throws {
        switch step {
        case .save(let state): try await save(state)
        case .scale(let key, let replicas):
            let patch: JSONValue = ["spec": ["replicas": .integer(Int64(replicas))]]
            _ = try await client.send(
                .mergePatch(
                    TakeoverLook.deployments, key, patch, subresource: "scale", fieldManager: Version.fieldManager))
        case .awaitEnd(let key): try await awaitEnd(of: key)
        case .awaitReady(let key):
            try await awaitDeployment(key) { value in
                let wanted = value["spec"]?["replicas"]?.intValue ?? 1
                return (value["status"]?["readyReplicas"]?.intValue ?? 0) >= wanted
                    && value["status"]?["observedGeneration"]?.intValue == value["metadata"]?["generation"]?.intValue
            }
        case .deleteWebhook(let kind, let name):
            try await ignoringAbsence {
                _ = try await client.send(
                    .delete(
                        TakeoverLook.webhooks(kind), ObjectKey(name: name), preconditions: Preconditions(),
                        propagation: .background))
            }
        case .restoreWebhook(let kind, _, let manifest):
            _ = try await client.send(
                .create(TakeoverLook.webhooks(kind), namespace: nil, manifest, fieldManager: Version.fieldManager))
        case .releaseLease(let key):
            _ = try await client.mergePatch(
                ["spec": ["holderIdentity": "", "leaseDurationSeconds": 1]], of: Lease.self, key)
        case .applyManifests: for manifest in manifests { try await apply(manifest) }
        case .forget:
            try await ignoringAbsence {
                _ = try await client.send(
                    .delete(
                        TakeoverLook.configMaps, session.key(TakeoverLook.keptName), preconditions: Preconditions(),
                        propagation: .background))
            }
        }
    }

    private func save(_ state: SavedState) async throws {
        let text = String(decoding: try JSONValue(encoding: state).serialized(), as: UTF8.self)
        let manifest: JSONValue = [
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": ["name": .string(TakeoverLook.keptName), "namespace": .string(session.namespace)],
            "data": [TakeoverLook.keptKey: .string(text)],
        ]
        try await ensureNamespace()
        _ = try await client.send(
            .apply(
                TakeoverLook.configMaps, session.key(TakeoverLook.keptName), manifest,
                fieldManager: Version.fieldManager, force: true))
    }

    private func ensureNamespace() async throws {
        do throws(KubeError) {
            _ = try await client.create(Namespace(name: session.namespace))
        } catch {
            guard error.isAlreadyExists || error.isForbidden else { throw error }
        }
    }

    /// Server-side apply that takes the fields over, also from Helm and from kubectl.
    private func apply(_ manifest: JSONValue) async throws {
        let end = session.time.elapsed() + .seconds(20)
        while true {
            do {
                return try await send(manifest, dryRun: false)
            } catch let error as KubeError {
                // A kind whose definition was applied a moment ago is not served yet.
                guard error.isUnserved, session.time.elapsed() < end else { throw error }
            }
            try await session.time.sleep(for: .milliseconds(300))
        }
    }

    /// What of the manifests the API server would refuse, a sentence each.
    func refusals() async throws -> [String] {
        var sentences: [String] = []
        for manifest in manifests {
            do {
                try await send(manifest, dryRun: true)
            } catch let error as KubeError {
                // What is not there yet may be in another manifest: a namespace, or the definition of a kind.
                if error.isNotFound || error.isUnserved { continue }
                guard error.status != nil else { throw error }
                sentences.append("\(Self.title(manifest)) cannot be applied: \(error)")
            } catch let failure as CommandFailure {
                sentences.append("\(Self.title(manifest)) cannot be applied: \(failure)")
            }
        }
        return sentences
    }

    private static func title(_ manifest: JSONValue) -> String {
        "\(manifest["kind"]?.stringValue ?? "?") \(manifest.objectKey.map { "\($0)" } ?? "?")"
    }

    /// Fields that an older API server does not know are left out, as a client-side apply would have them dropped.
    private func send(_ manifest: JSONValue, dryRun: Bool) async throws {
        guard let key = manifest.objectKey, let apiVersion = manifest["apiVersion"]?.stringValue,
            let kind = manifest["kind"]?.stringValue
        else { throw CommandFailure("a manifest has no apiVersion, kind or name", code: CommandFailure.cluster) }
        let parts = apiVersion.split(separator: "/").map(String.init)
        let type = try await resource(group: parts.count == 2 ? parts[0] : "", version: parts.last ?? "v1", kind: kind)
        var manifest = manifest
        var place = key
        if type.isNamespaced, key.namespace.isEmpty {
            place = session.key(key.name)
            manifest["metadata"]?["namespace"] = .string(place.namespace)
        }
        var left: [String] = []
        while true {
            var request = KubeRequest.apply(type, place, manifest, fieldManager: Version.fieldManager, force: true)
            if dryRun { request.query.append(.init("dryRun", "All")) }
            do throws(KubeError) {
                _ = try await client.send(request)
                break
            } catch {
                let unknown = UndeclaredFields.paths(in: error.status?.message ?? "")
                let rest = unknown.reduce(manifest) { UndeclaredFields.removing($1, from: $0) ?? $0 }
                guard rest != manifest else { throw error }
                manifest = rest
                left += unknown
            }
        }
        if !dryRun, !left.isEmpty {
            Console.note("\(kind) \(key): without what this API server does not know: \(left.joined(separator: ", "))")
        }
    }

    /// The kind's resource, as the API server's discovery has it.
    private func resource(group: String, version: String, kind: String) async throws -> ResourceType {
        let path = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
        let document = try await client.send(KubeRequest(method: .get, path: path, isIdempotent: true))
        let found = (document["resources"]?.arrayValue ?? []).first { resource in
            resource["kind"]?.stringValue == kind && resource["name"]?.stringValue?.contains("/") == false
        }
        guard let plural = found?["name"]?.stringValue else {
            throw CommandFailure("the API server does not know \(kind) of \(path)", code: CommandFailure.cluster)
        }
        return ResourceType(
            group: group, version: version, kind: kind, plural: plural,
            isNamespaced: found?["namespaced"]?.boolValue ?? true)
    }

    /// Until its pods are gone: one that is still ending may still be writing.
    private func awaitEnd(of key: ObjectKey) async throws {
        let deployment = try await client.send(.get(TakeoverLook.deployments, key))
        let labels = deployment["spec"]?["selector"]?["matchLabels"]?.objectValue ?? [:]
        let selector = labels.map { "\($0.key)=\($0.value.stringValue ?? "")" }.joined(separator: ",")
        let options = ListOptions(namespace: key.namespace, labelSelector: selector)
        let end = session.time.elapsed() + timeout
        while true {
            let pods = try await client.page(Pod.resource, options).items
            if pods.isEmpty { return }
            guard session.time.elapsed() < end else {
                throw CommandFailure(
                    "Pods of Deployment \(key) do not end: kubectl get pods -n \(key.namespace) -l \(selector)")
            }
            try await session.time.sleep(for: .milliseconds(500))
        }
    }

    private func awaitDeployment(_ key: ObjectKey, _ isThere: (JSONValue) -> Bool) async throws {
        let end = session.time.elapsed() + timeout
        while true {
            if isThere(try await client.send(.get(TakeoverLook.deployments, key))) { return }
            guard session.time.elapsed() < end else {
                throw CommandFailure(
                    "Deployment \(key) is not there in time: kubectl describe deployment \(key.name) -n \(key.namespace)"
                )
            }
            try await session.time.sleep(for: .milliseconds(500))
        }
    }

    private func ignoringAbsence(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as KubeError {
            guard error.isNotFound else { throw error }
        }
    }
}
