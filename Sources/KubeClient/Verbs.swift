package import KubeModel
package import Wire

extension KubeClient {
    package func get<T: KubeObject>(_ type: T.Type, _ key: ObjectKey) async throws(KubeError) -> T {
        try decode(try await send(.get(T.resource, key)))
    }

    /// The object, or nil when there is none.
    package func find<T: KubeObject>(_ type: T.Type, _ key: ObjectKey) async throws(KubeError) -> T? {
        do throws(KubeError) {
            return try await get(type, key)
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    /// Creates the object, and answers it as stored. Where the connection was lost the caller does not know whether it
    /// exists, and looks: it is never created twice from here.
    package func create<T: KubeObject>(_ object: T, manager: String? = nil) async throws(KubeError) -> T {
        let request = KubeRequest.create(
            T.resource, namespace: object.metadata.namespace, try manifest(object),
            fieldManager: manager ?? fieldManager)
        return try decode(try await send(request))
    }

    package func replace<T: KubeObject>(_ object: T) async throws(KubeError) -> T {
        try decode(
            try await send(.replace(T.resource, object.key, try manifest(object), fieldManager: fieldManager)))
    }

    package func replaceStatus<T: KubeObject>(_ object: T) async throws(KubeError) -> T {
        let request = KubeRequest.replace(
            T.resource, object.key, try manifest(object), subresource: "status", fieldManager: fieldManager)
        return try decode(try await send(request))
    }

    /// Server-side apply of what `manager` wants; `apiVersion`, `kind` and the name are filled in.
    package func apply<T: KubeObject>(
        _ manifest: JSONValue, of type: T.Type, _ key: ObjectKey, manager: String, force: Bool = true,
        subresource: String? = nil
    ) async throws(KubeError) -> T {
        var manifest = manifest
        manifest["apiVersion"] = .string(T.resource.apiVersion)
        manifest["kind"] = .string(T.resource.kind)
        var metadata = manifest["metadata"] ?? [:]
        metadata["name"] = .string(key.name)
        if T.resource.isNamespaced { metadata["namespace"] = .string(key.namespace) }
        manifest["metadata"] = metadata
        let request = KubeRequest.apply(
            T.resource, key, manifest, fieldManager: manager, force: force, subresource: subresource)
        return try decode(try await send(request))
    }

    /// A merge patch; with `metadata.resourceVersion` in it, only of the version it was made from.
    package func mergePatch<T: KubeObject>(
        _ patch: JSONValue, of type: T.Type, _ key: ObjectKey, subresource: String? = nil, manager: String? = nil
    ) async throws(KubeError) -> T {
        let request = KubeRequest.mergePatch(
            T.resource, key, patch, subresource: subresource, fieldManager: manager ?? fieldManager)
        return try decode(try await send(request))
    }

    package func jsonPatch<T: KubeObject>(
        _ steps: [JSONValue], of type: T.Type, _ key: ObjectKey, subresource: String? = nil
    ) async throws(KubeError) -> T {
        let request = KubeRequest.jsonPatch(
            T.resource, key, steps, subresource: subresource, fieldManager: fieldManager)
        return try decode(try await send(request))
    }

    /// Deletes the object. One that is not there any more is no error.
    ///
    /// - Returns: the object, marked as being deleted, where finalizers keep it for now; nil when it is gone.
    @discardableResult
    package func delete<T: KubeObject>(
        _ type: T.Type, _ key: ObjectKey, preconditions: Preconditions = Preconditions(),
        propagation: Propagation = .background
    ) async throws(KubeError) -> T? {
        do throws(KubeError) {
            let answer = try await send(
                .delete(T.resource, key, preconditions: preconditions, propagation: propagation))
            // It is deleted, whether what is left of it can be read or not.
            return answer["kind"]?.stringValue == T.resource.kind ? try? decode(answer) : nil
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    func manifest(_ object: some KubeObject) throws(KubeError) -> JSONValue {
        do {
            return try object.manifest()
        } catch {
            throw .encoding("\(error)")
        }
    }

    func decode<T: Decodable>(_ value: JSONValue) throws(KubeError) -> T {
        do throws(ValueDecodingError) {
            return try value.decode(T.self)
        } catch {
            throw .decoding("\(error)")
        }
    }
}
