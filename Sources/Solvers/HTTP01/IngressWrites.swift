import CertificateAPI
import KubeClient
import KubeModel
import Wire

extension HTTP01Solver {
    /// Puts the challenge's path into the Ingress that the user named.
    func edit(_ name: String, adding objects: SolverObjects) async throws(SolverError) {
        let key = ObjectKey(namespace: objects.key.namespace, name: name)
        guard let ingress = try await find(Ingress.self, key) else { throw Self.missing(key) }
        try await write(IngressEdit.adding(objects, to: ingress.spec?.rules ?? []), to: ingress)
    }

    /// Takes it out again.
    func edit(_ name: String, removing objects: SolverObjects) async throws(SolverError) {
        let key = ObjectKey(namespace: objects.key.namespace, name: name)
        guard let ingress = try await find(Ingress.self, key) else { return }
        try await write(IngressEdit.removing(objects, from: ingress.spec?.rules ?? []), to: ingress)
    }

    func write(_ rules: [Ingress.Rule]?, to ingress: Ingress) async throws(SolverError) {
        guard let rules else { return }
        guard try await patch(rules, of: ingress) else { throw Self.busy(ingress.key) }
    }

    /// Has the paths of these in the Ingress of the set, and no path there of a challenge that is over.
    func writeRules(
        adding objects: [SolverObjects], open: Set<ChallengePath>, like one: SolverObjects, _ set: SolverSet
    ) async throws(SolverError) {
        guard case .ingress(let solver) = one.way else { return }
        let key = one.editedIngress ?? set.key
        for _ in 0..<4 {
            guard let present = try await find(Ingress.self, key) else {
                if objects.isEmpty { return }
                guard one.editedIngress == nil else { throw Self.missing(key) }
                let rules = IngressEdit.settling([], adding: objects, open: open, service: set.key.name) ?? []
                if try await make(one.ingress(as: solver, rules: rules)) { return }
                continue
            }
            if present.metadata.isBeingDeleted, one.editedIngress == nil {
                throw .notNow("waiting until an old Ingress of the name \(key) is deleted", again: .milliseconds(500))
            }
            let rules = present.spec?.rules ?? []
            guard
                let settled = IngressEdit.settling(rules, adding: objects, open: open, service: set.key.name)
            else { return }
            if try await patch(settled, of: present) { return }
        }
        throw Self.busy(key)
    }

    /// Whether it was written; false when somebody else has changed it meanwhile.
    private func patch(_ rules: [Ingress.Rule], of ingress: Ingress) async throws(SolverError) -> Bool {
        let encoded: JSONValue
        do {
            encoded = try JSONValue(encoding: rules)
        } catch {
            throw .failed("the rules of the Ingress \(ingress.key) cannot be written: \(error)")
        }
        let patch: JSONValue = [
            "metadata": ["resourceVersion": .string(ingress.metadata.resourceVersion ?? "")],
            "spec": ["rules": encoded],
        ]
        do throws(KubeError) {
            _ = try await client.mergePatch(patch, of: Ingress.self, ingress.key)
            return true
        } catch {
            if error.isConflict { return false }
            throw Self.failure(error)
        }
    }

    /// Whether it was made; false when it is there by now.
    private func make(_ ingress: Ingress) async throws(SolverError) -> Bool {
        do throws(KubeError) {
            _ = try await client.create(ingress)
            return true
        } catch {
            if error.isAlreadyExists { return false }
            throw Self.failure(error)
        }
    }

    private static func missing(_ key: ObjectKey) -> SolverError {
        .failed("the Ingress \(key), which the solver is told to edit, does not exist")
    }

    private static func busy(_ key: ObjectKey) -> SolverError {
        .notNow("the Ingress \(key) has just been changed by somebody else", again: .milliseconds(200))
    }
}
