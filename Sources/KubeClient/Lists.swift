import HTTPTransport
package import KubeModel
package import Wire

/// A list, its objects still values, so that one malformed object hides no other.
package struct RawList: Sendable {
    package var items: [JSONValue]
    /// The version to watch from.
    package var resourceVersion: String
    /// Where the next page begins; nil on the last.
    package var continueToken: String?
}

/// What a list tells beside its items.
package struct ListEnd: Sendable, Equatable {
    /// The version to watch from.
    package var resourceVersion: String
    /// Where the next page begins; nil on the last.
    package var continueToken: String?
}

/// A whole list of one type.
package struct ObjectList<T: KubeObject>: Sendable {
    package struct Malformed: Sendable {
        package var key: ObjectKey?
        package var problem: String
    }
    package var items: [T]
    package var malformed: [Malformed]
    package var resourceVersion: String
}

extension KubeClient {
    /// One page of a list.
    package func page(
        _ resource: ResourceType, _ options: ListOptions, limit: Int = 500, continueToken: String? = nil
    ) async throws(KubeError) -> RawList {
        let value = try await send(.list(resource, options, limit: limit, continueToken: continueToken))
        let end = try Self.end(of: value, resource)
        let items = value["items"]?.arrayValue ?? []  // null where the list is empty
        return RawList(items: items, resourceVersion: end.resourceVersion, continueToken: end.continueToken)
    }

    /// One answer of a list, handed to `take` in small lots while the rest still arrives, so that an answer of any size is
    /// read in little memory. Not retried; where it throws, `take` may have had a part.
    ///
    /// With `resourceVersion` "0" the server answers from what it has in memory, as a rule whole whatever the limit.
    package func streamPage(
        _ resource: ResourceType, _ options: ListOptions, limit: Int = 500, continueToken: String? = nil,
        resourceVersion: String? = nil, take: ([JSONValue]) -> Void
    ) async throws(KubeError) -> ListEnd {
        let request = KubeRequest.list(
            resource, options, limit: limit, continueToken: continueToken, resourceVersion: resourceVersion)
        do {
            return try await stream(
                request, lane: .shared, idleLimit: .seconds(60), readAhead: 256 << 10
            ) { body in
                var framer = ListFramer()
                for try await chunk in body {
                    let items = try framer.items(in: chunk)
                    if items.isEmpty { continue }
                    take(try items.map { try JSONValue(parsing: $0, limits: request.limits) })
                }
                return try Self.end(of: JSONValue(parsing: framer.envelope, limits: request.limits), resource)
            }
        } catch {
            throw KubeError(ofStream: error)
        }
    }

    private static func end(of list: JSONValue, _ resource: ResourceType) throws(KubeError) -> ListEnd {
        guard let metadata = list["metadata"], let version = metadata["resourceVersion"]?.stringValue else {
            throw .decoding("the list of \(resource.plural) has no metadata.resourceVersion")
        }
        let token = metadata["continue"]?.stringValue ?? ""
        return ListEnd(resourceVersion: version, continueToken: token.isEmpty ? nil : token)
    }

    /// Reads a list page by page and hands each to `take`; `restart` says to forget what came so far, because the server
    /// no longer knew where the next page begins. Answers the version to watch from.
    package func pages(
        _ resource: ResourceType, _ options: ListOptions, limit: Int = 500, restart: () -> Void,
        take: ([JSONValue]) -> Void
    ) async throws(KubeError) -> String {
        var token: String?
        var restarts = 0
        while true {
            do throws(KubeError) {
                let page = try await page(resource, options, limit: limit, continueToken: token)
                take(page.items)
                token = page.continueToken
                if token == nil { return page.resourceVersion }
            } catch {
                guard error.isGone, token != nil, restarts < 3 else { throw error }
                restarts += 1
                token = nil
                restart()
            }
        }
    }

    /// The whole list; objects that do not decode are told apart with their key and what is wrong.
    package func listAll<T: KubeObject>(
        _ type: T.Type, _ options: ListOptions = ListOptions()
    ) async throws(KubeError) -> ObjectList<T> {
        var list = ObjectList<T>(items: [], malformed: [], resourceVersion: "")
        list.resourceVersion = try await pages(
            T.resource, options,
            restart: {
                list.items = []
                list.malformed = []
            },
            take: { values in
                for value in values {
                    do throws(ValueDecodingError) {
                        list.items.append(try value.decode(T.self))
                    } catch {
                        list.malformed.append(.init(key: value.objectKey, problem: "\(error)"))
                    }
                }
            })
        return list
    }
}

extension JSONValue {
    /// The key of an object that may not decode as its type.
    package var objectKey: ObjectKey? {
        guard let metadata = self["metadata"], let name = metadata["name"]?.stringValue else { return nil }
        return ObjectKey(namespace: metadata["namespace"]?.stringValue ?? "", name: name)
    }
}
